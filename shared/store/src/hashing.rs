use std::fmt;

use domain::Slug;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use rand::{TryRng, rngs::SysRng};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    PutError, Sealed, Sealer, SecretError, Store, StoreError,
    database::{Condition, Table},
    keys,
};

const TABLE: Table = Table::Connections;
const PURPOSE: &str = "hash_key";

/// Makes keyed hashes of phone numbers and e-mail addresses: equal for equal people, useless without the key of
/// this installation.
#[derive(Clone)]
pub struct Hasher {
    key: [u8; 32],
}

/// Why there is no hasher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HasherError {
    /// The key could not be sealed or opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The key could not be read or kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored key is not one.
    #[error("the key for hashing people is damaged: restore the connections table from a backup")]
    Damaged,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes for the key for hashing people")]
    NoRandomness,
}

/// The sealed key as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    sealed: Sealed,
}

impl Hasher {
    /// Hashes with this key.
    pub fn with_key(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// The hash of a phone number in E.164.
    pub fn phone(&self, e164: &str) -> String {
        self.hash("phone", e164)
    }

    /// The hash of an e-mail address in lower case.
    pub fn email(&self, lower: &str) -> String {
        self.hash("email", lower)
    }

    /// The hash of a phone number in E.164 and an e-mail address in lower case together.
    pub fn both(&self, e164: &str, lower: &str) -> String {
        self.hash("both", &format!("{e164} {lower}"))
    }

    /// A key of its own for `purpose`, from which neither this installation's key nor the key for another purpose
    /// can be found.
    pub fn key_for(&self, purpose: &str) -> SecretBox<[u8; 32]> {
        SecretBox::new(Box::new(self.mac("key", purpose)))
    }

    fn hash(&self, kind: &str, value: &str) -> String {
        hex::encode(self.mac(kind, value))
    }

    fn mac(&self, kind: &str, value: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(kind.as_bytes());
        mac.update(b":");
        mac.update(value.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

impl Store {
    /// The hasher of this installation. Its key is made by whoever asks first, and never changes: with another key
    /// nobody would be recognised any more.
    pub async fn hasher(&self, sealer: &Sealer, now: Timestamp) -> Result<Hasher, HasherError> {
        let kept: Option<Kept> = self.read(TABLE, &keys::hash_key()).await?;
        let kept = match kept {
            Some(kept) => kept,
            None => self.make_hash_key(sealer).await?,
        };
        let text = sealer.open(&installation(), PURPOSE, &kept.sealed, now).await?;
        let mut key = [0; 32];
        hex::decode_to_slice(text.expose_secret(), &mut key).map_err(|_| HasherError::Damaged)?;
        Ok(Hasher::with_key(key))
    }

    /// Makes the key and keeps it, unless another one was faster: then that one's.
    async fn make_hash_key(&self, sealer: &Sealer) -> Result<Kept, HasherError> {
        let mut key = [0; 32];
        SysRng.try_fill_bytes(&mut key).map_err(|_| HasherError::NoRandomness)?;
        let sealed = sealer.seal(&installation(), PURPOSE, &SecretString::from(hex::encode(key))).await?;
        let kept = Kept { sealed };
        match self.put(TABLE, &keys::hash_key(), &kept, Condition::absent()).await {
            Ok(()) => Ok(kept),
            Err(PutError::Conflict) => {
                let faster: Option<Kept> = self.read(TABLE, &keys::hash_key()).await?;
                Ok(faster.ok_or_else(StoreError::busy)?)
            }
            Err(PutError::Store(error)) => Err(error.into()),
        }
    }
}

/// What stands in the place of a connection when a secret belongs to all of them.
fn installation() -> Slug {
    Slug::from_title("installation", "installation")
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::Hasher;

    #[test]
    fn a_hash_depends_on_kind_value_and_key() {
        let hasher = Hasher::with_key([7; 32]);
        let phone = hasher.phone("+380501110001");
        assert_eq!(phone, Hasher::with_key([7; 32]).phone("+380501110001"));
        assert_eq!(phone.len(), 64);
        let others = [
            hasher.phone("+380501110002"),
            hasher.email("+380501110001"),
            hasher.both("+380501110001", ""),
            hasher.both("+380501110001", "olena@example.com"),
            Hasher::with_key([8; 32]).phone("+380501110001"),
        ];
        assert!(!others.contains(&phone));
    }

    #[test]
    fn a_key_depends_on_its_purpose_and_is_no_hash() {
        let hasher = Hasher::with_key([7; 32]);
        let key = |purpose| hex::encode(hasher.key_for(purpose).expose_secret());
        assert_eq!(key("sessions"), key("sessions"));
        let others = [key("mail"), hasher.phone("sessions"), hasher.email("sessions"), hex::encode([7; 32])];
        assert!(!others.contains(&key("sessions")));
    }
}
