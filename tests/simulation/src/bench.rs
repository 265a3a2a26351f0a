//! What a thread has for all its runs.

use std::{cell::RefCell, collections::HashMap};

use domain::Slug;
use secrecy::SecretString;
use store::{Sealed, Sealer};
use tracing::Dispatch;
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;

use crate::logs::Logs;

/// The key management service and the log of one thread. KMS is no seam: it never fails here, and so its client and
/// what it opened are shared by all processes of all runs of the thread. A call takes longer than most runs.
#[derive(Debug)]
pub struct Bench {
    pub(crate) sealer: Sealer,
    pub(crate) logs: Logs,
    pub(crate) dispatch: Dispatch,
    /// What was sealed once opens again.
    sealed: RefCell<HashMap<(Slug, String), Sealed>>,
}

impl Bench {
    /// Sets up KMS with one key.
    ///
    /// # Errors
    /// When the embedded KMS makes no key.
    pub fn new() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sealer = runtime.block_on(async {
            let config = MockAws::builder().with_service(KmsService::new()).build().sdk_config("eu-central-1").await;
            let client = aws_sdk_kms::Client::new(&config);
            let made = client.create_key().send().await?;
            let key = made.key_metadata.ok_or_else(|| anyhow::anyhow!("KMS made no key"))?;
            anyhow::Ok(Sealer::new(client, key.key_id))
        })?;
        let (logs, dispatch) = Logs::new();
        Ok(Self { sealer, logs, dispatch, sealed: RefCell::default() })
    }

    /// The secret of a connection, sealed.
    pub(crate) async fn seal(&self, connection: &Slug, purpose: &str, secret: &str) -> Sealed {
        let place = (connection.clone(), secret.to_owned());
        if let Some(sealed) = self.sealed.borrow().get(&place) {
            return sealed.clone();
        }
        let sealed = self.sealer.seal(connection, purpose, &SecretString::from(secret)).await;
        let sealed = sealed.expect("the embedded KMS seals");
        self.sealed.borrow_mut().insert(place, sealed.clone());
        sealed
    }
}
