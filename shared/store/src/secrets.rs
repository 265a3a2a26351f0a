use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::decrypt::DecryptError,
    primitives::Blob,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Slug;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// How long an opened secret may stay in memory.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(10);

/// A secret that only the KMS key opens, in Base64.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

/// Seals and opens secrets with one KMS key. A sealed secret is bound to its connection and its purpose: moved to
/// another row it does not open. Clones share what they opened.
/// Source: AWS KMS, `Encrypt` and `Decrypt`, encryption context.
#[derive(Clone)]
pub struct Sealer {
    kms: Client,
    key_id: String,
    opened: Arc<Mutex<HashMap<Place, Opened>>>,
}

/// Where a sealed secret belongs, and the secret.
type Place = (Slug, String, Sealed);

struct Opened {
    secret: SecretString,
    until: Timestamp,
}

/// Why a secret was not sealed or opened. It never says what the secret is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// KMS cannot be reached or refuses for now: try again later.
    #[error("KMS cannot be used now: {0}")]
    Unavailable(String),
    /// It was sealed for another connection or purpose, with another key, or is damaged: enter it anew.
    #[error("the secret of connection {connection} does not open: enter it anew")]
    Unopenable {
        /// The connection.
        connection: Slug,
    },
}

impl Sealer {
    /// Seals with the KMS key `key_id` (id, ARN or alias).
    pub fn new(kms: Client, key_id: impl Into<String>) -> Self {
        Self { kms, key_id: key_id.into(), opened: Arc::default() }
    }

    /// Seals a secret of a connection, at most 4 KiB of it.
    pub async fn seal(&self, connection: &Slug, purpose: &str, secret: &SecretString) -> Result<Sealed, SecretError> {
        let request = self.kms.encrypt().key_id(&self.key_id);
        let request = request.plaintext(Blob::new(secret.expose_secret().as_bytes()));
        let request = request.encryption_context("connection", connection.as_str());
        let answer =
            request.encryption_context("purpose", purpose).send().await.map_err(|error| unavailable(&error))?;
        let sealed = answer.ciphertext_blob.ok_or_else(|| SecretError::Unavailable("an empty answer".to_owned()))?;
        Ok(Sealed(STANDARD.encode(sealed.as_ref())))
    }

    /// Opens what was sealed for this connection and purpose, and remembers it for ten minutes.
    pub async fn open(
        &self,
        connection: &Slug,
        purpose: &str,
        sealed: &Sealed,
        now: Timestamp,
    ) -> Result<SecretString, SecretError> {
        let place = (connection.clone(), purpose.to_owned(), sealed.clone());
        if let Some(secret) = self.remembered(&place, now) {
            return Ok(secret);
        }
        let secret = self.decrypt(connection, purpose, sealed).await?;
        self.opened().insert(place, Opened { secret: secret.clone(), until: now + REMEMBERED });
        Ok(secret)
    }

    async fn decrypt(&self, connection: &Slug, purpose: &str, sealed: &Sealed) -> Result<SecretString, SecretError> {
        let unopenable = || SecretError::Unopenable { connection: connection.clone() };
        let bytes = STANDARD.decode(&sealed.0).map_err(|_| unopenable())?;
        let request = self.kms.decrypt().key_id(&self.key_id).ciphertext_blob(Blob::new(bytes));
        let request = request.encryption_context("connection", connection.as_str());
        let answer = request
            .encryption_context("purpose", purpose)
            .send()
            .await
            .map_err(|error| if is_unopenable(&error) { unopenable() } else { unavailable(&error) })?;
        let plain = answer.plaintext.and_then(|blob| String::from_utf8(blob.into_inner()).ok());
        plain.map(SecretString::from).ok_or_else(unopenable)
    }

    /// What is still remembered at `now`; the rest is forgotten.
    fn remembered(&self, place: &Place, now: Timestamp) -> Option<SecretString> {
        let mut opened = self.opened();
        opened.retain(|_, opened| now < opened.until);
        opened.get(place).map(|opened| opened.secret.clone())
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<Place, Opened>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// What KMS says of a secret that was sealed otherwise, of one that is damaged, and of one that is not even one.
fn is_unopenable<R>(error: &SdkError<DecryptError, R>) -> bool {
    let codes = ["InvalidCiphertextException", "IncorrectKeyException", "ValidationException"];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// Names the failure by its code alone: the text of an answer could repeat what was sent.
fn unavailable<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> SecretError {
    SecretError::Unavailable(error.code().unwrap_or("no answer").to_owned())
}
