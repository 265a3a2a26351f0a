use std::sync::Arc;

use domain::{AccountId, Clock, Connection, MetaId, QueueMessage, Timing};
use jiff::SignedDuration;
use remonline::{Client, Pacer, ReserveError};
use secrecy::SecretString;
use store::{Hasher, Sealer, Store};
use transport::Transport;
use url::Url;

use crate::{access::Access, explain::Language, failure::remonline_problem, problem::Problem};

/// Everything the console works with.
#[derive(Debug)]
pub struct App {
    /// Every table.
    pub store: Store,
    /// Seals and opens keys and tokens.
    pub sealer: Sealer,
    /// Makes the keyed hashes of phones, e-mail addresses and companies.
    pub hasher: Hasher,
    /// Meta.
    pub graph: facebook::graph::Graph,
    /// The Meta app, if its id is known.
    pub facebook_app_id: Option<MetaId>,
    /// Carries the requests to RemOnline.
    pub transport: Arc<dyn Transport>,
    /// RemOnline API, version included.
    pub remonline_url: Url,
    /// Least time between two calls to one RemOnline account.
    pub min_interval: SignedDuration,
    /// The queue that wakes the processor.
    pub queue: aws_sdk_sqs::Client,
    /// Its address.
    pub lead_queue_url: String,
    /// Whom the console answers.
    pub access: Access,
    /// The current time.
    pub clock: Clock,
}

impl App {
    /// RemOnline with the key of a connection, paced by the account's row.
    ///
    /// # Errors
    /// When the connection is not one to RemOnline, or its key does not open.
    pub(crate) async fn remonline(&self, connection: &Connection) -> Result<Client, Problem> {
        let account = connection.account().ok_or_else(|| wrong_kind(connection, "RemOnline"))?;
        Ok(self.remonline_with(self.secret(connection).await?, Some(&account.id)))
    }

    /// RemOnline with a key that is not kept yet; it paces itself while its account is not known.
    pub(crate) fn remonline_with(&self, key: SecretString, account: Option<&AccountId>) -> Client {
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

    /// The key or token of a connection.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) async fn secret(&self, connection: &Connection) -> Result<SecretString, Problem> {
        let no_secret = || Problem::conflict("The connection has no key. Enter one.");
        let sealed = self.store.sealed_secret(&connection.id).await?.ok_or_else(no_secret)?;
        Ok(self.sealer.open(&connection.id, connection.secret_purpose(), &sealed, self.clock.now()).await?)
    }

    /// 502 or 503 for a failed call to RemOnline. What slows it down is noted for everybody who calls the account.
    pub(crate) async fn remonline_failed(
        &self,
        account: &AccountId,
        error: &remonline::Error,
        language: Language,
    ) -> Problem {
        self.heed(account, error).await;
        remonline_problem(error, language)
    }

    /// Notes a 429 on the account's row, so that every function keeps away for as long as RemOnline asks.
    pub(crate) async fn heed(&self, account: &AccountId, error: &remonline::Error) {
        let remonline::Error::Throttled { retry_after, .. } = error else { return };
        let now = self.clock.now();
        let pause = retry_after.unwrap_or_else(|| Timing::scaled(1.0).throttle(0));
        if let Err(error) = self.store.throttled(account, now + pause, now).await {
            tracing::warn!(account_id = %account, %error, "a 429 of RemOnline could not be noted");
        }
    }

    /// Has the processor look at these accounts at once. The leads are due in the table already, so where the queue
    /// refuses, the scheduler wakes the accounts within a minute.
    pub(crate) async fn wake(&self, accounts: impl IntoIterator<Item = AccountId>) {
        for account_id in accounts {
            let body = match serde_json::to_string(&QueueMessage::Wake { account_id: account_id.clone() }) {
                Ok(body) => body,
                Err(error) => {
                    tracing::error!(%account_id, %error, "the nudge cannot be written");
                    continue;
                }
            };
            let sent = self.queue.send_message().queue_url(&self.lead_queue_url).message_body(body).send().await;
            if let Err(error) = sent {
                let error = aws_sdk_sqs::Error::from(error);
                tracing::warn!(%account_id, %error, "the queue took no nudge; the scheduler will");
            }
        }
    }
}

/// 409: the connection leads to the other system.
pub(crate) fn wrong_kind(connection: &Connection, wanted: &str) -> Problem {
    Problem::conflict(format!("Connection {} is not one to {wanted}.", connection.id))
}
