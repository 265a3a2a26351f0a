use std::sync::Arc;

use domain::{AccountId, Clock, Connection, ConnectionState, Timing};
use facebook::{AppSecrets, AppSecretsError, graph::Graph};
use jiff::{SignedDuration, Timestamp};
use remonline::{Client, Pacer, ReserveError};
use runtime::{ParameterError, SdkConfig};
use secrecy::SecretString;
use store::{ChangeError, Sealer, SecretError, Store, StoreError};
use transport::{Https, Transport};
use url::Url;

use crate::SystemsConfig;

/// Both systems, with what opens the way to them.
#[derive(Debug)]
pub struct Systems {
    /// Connections with their sealed keys; the pace of each account.
    pub store: Store,
    /// Opens keys and tokens.
    pub sealer: Sealer,
    /// Meta.
    pub graph: Graph,
    /// Carries the requests to RemOnline.
    pub transport: Arc<dyn Transport>,
    /// RemOnline API, version included.
    pub remonline_url: Url,
    /// Least time between two calls to one RemOnline account.
    pub min_interval: SignedDuration,
    /// The current time.
    pub clock: Clock,
}

/// Why the systems cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The app secrets cannot be read.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// What was read is not one or two secrets.
    #[error(transparent)]
    AppSecrets(#[from] AppSecretsError),
}

/// Why a connection does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It has no key: one has to be entered.
    #[error("the connection has no key")]
    NoSecret,
    /// It leads to the other system.
    #[error("the connection does not lead to RemOnline")]
    NotRemonline,
    /// Its key does not open, or cannot be opened now.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Systems {
    /// Makes every client that leads there.
    ///
    /// # Errors
    /// When the app secrets cannot be read.
    pub async fn connect(config: SystemsConfig, aws: &SdkConfig, https: Https) -> Result<Self, ConnectError> {
        #[expect(clippy::disallowed_methods, reason = "the one place where these functions ask for the time")]
        let clock = Clock::new(Timestamp::now);
        let secrets = runtime::parameter(&aws_sdk_ssm::Client::new(aws), &config.app_secrets_parameter).await?;
        let (app_id, secrets) = (config.facebook_app_id, AppSecrets::parse(&secrets)?);
        let transport: Arc<dyn Transport> = Arc::new(https);
        Ok(Self {
            store: Store::dynamodb(aws_sdk_dynamodb::Client::new(aws), config.tables),
            sealer: Sealer::new(aws_sdk_kms::Client::new(aws), config.secrets_key_id),
            graph: Graph::new(Arc::clone(&transport), config.graph_api_url, app_id, secrets),
            transport,
            remonline_url: config.remonline_api_url,
            min_interval: config.remonline_min_interval,
            clock,
        })
    }

    /// The key or token of a connection.
    ///
    /// # Errors
    /// When there is none, or it does not open.
    pub async fn secret(&self, connection: &Connection) -> Result<SecretString, OpenError> {
        let sealed = self.store.sealed_connection(&connection.id).await?.ok_or(OpenError::NoSecret)?;
        Ok(self.sealer.open(&connection.id, connection.secret_purpose(), &sealed.secret, self.clock.now()).await?)
    }

    /// RemOnline with the key of a connection, paced by the account's row.
    ///
    /// # Errors
    /// When the connection is not one to RemOnline, or its key does not open.
    pub async fn remonline(&self, connection: &Connection) -> Result<Client, OpenError> {
        let account = connection.account().ok_or(OpenError::NotRemonline)?;
        Ok(self.remonline_with(self.secret(connection).await?, Some(&account.id)))
    }

    /// RemOnline with a key that is not kept yet; it paces itself while its account is not known.
    pub fn remonline_with(&self, key: SecretString, account: Option<&AccountId>) -> Client {
        let pacer = match account {
            Some(account) => self.pacer(account.clone()),
            None => Pacer::local(self.clock.clone(), self.min_interval),
        };
        Client::new(Arc::clone(&self.transport), self.remonline_url.clone(), key, pacer)
    }

    fn pacer(&self, account: AccountId) -> Pacer {
        let (store, clock, interval) = (self.store.clone(), self.clock.clone(), self.min_interval);
        Pacer::new(self.clock.clone(), move |slots| {
            let (store, account, now) = (store.clone(), account.clone(), clock.now());
            Box::pin(async move {
                let reserved = store.reserve_slots(&account, slots as usize, interval, now).await;
                reserved.map_err(ReserveError::new)
            })
        })
    }

    /// Notes a 429 on the account's row, so that every function keeps away for as long as RemOnline asks.
    pub async fn heed(&self, account: &AccountId, error: &remonline::Error) {
        let remonline::Error::Throttled { retry_after, .. } = error else { return };
        let now = self.clock.now();
        let pause = retry_after.unwrap_or_else(|| Timing::scaled(1.0).throttle(0));
        if let Err(error) = self.store.throttled(account, now + pause, now).await {
            tracing::warn!(account_id = %account, %error, "a 429 of RemOnline could not be noted");
        }
    }

    /// Notes when a connection was checked, and that it cannot be used where its own key was `refused`. One that a
    /// person paused stays so.
    ///
    /// # Errors
    /// When somebody else changed the connection, or the tables do not answer.
    pub async fn note_check(&self, before: &Connection, refused: Option<ConnectionState>) -> Result<(), ChangeError> {
        let active = before.state == ConnectionState::Active;
        let state = refused.filter(|_| active).unwrap_or(before.state);
        let after = Connection { state, checked_at: self.clock.now(), ..before.clone() };
        self.store.save_connection(before, &after).await
    }
    /// Closes a connection whose key was refused. What a person made of it meanwhile holds.
    ///
    /// # Errors
    /// When the tables do not answer.
    pub async fn close(&self, connection: &Connection, refused: ConnectionState) -> Result<(), StoreError> {
        match self.note_check(connection, Some(refused)).await {
            Ok(()) | Err(ChangeError::Stale) => Ok(()),
            Err(ChangeError::Store(error)) => Err(error),
        }
    }
}
