use ::connections::Systems;
use domain::{AccountId, Clock, Connection};
use queue::{LeadQueue, QuarantineQueue};
use remonline::Client;
use secrecy::SecretString;
use store::{Hasher, Sealer, Store};
use url::Url;

use crate::{access::Access, explain::Language, failure::remonline_problem, problem::Problem, text::text};

/// Everything the console works with.
#[derive(Debug)]
pub struct App {
    /// Every table.
    pub store: Store,
    /// Seals keys and tokens.
    pub sealer: Sealer,
    /// Makes the keyed hashes of phones, e-mail addresses and companies.
    pub hasher: Hasher,
    /// RemOnline and Meta.
    pub systems: Systems,
    /// The queue that wakes the processor.
    pub queue: LeadQueue,
    /// The queue of webhooks that could not be read.
    pub quarantine: QuarantineQueue,
    /// How long the answers of a lead are kept after it is final, in days.
    pub retention_days: u32,
    /// The public address of the console.
    pub console_url: Url,
    /// Whom the console answers.
    pub access: Access,
    /// The current time.
    pub clock: Clock,
}

impl App {
    /// Whether people can log in with Facebook here.
    pub(crate) fn can_log_in(&self) -> bool {
        self.systems.graph.login_address(&self.console_url, "").is_some()
    }

    /// Where Facebook leads people after a login. It has to be entered at the app too.
    pub(crate) fn login_return(&self) -> Url {
        let mut back = self.console_url.clone();
        back.set_path("/connections/facebook/back");
        back
    }

    /// Where Meta sends its webhooks.
    pub(crate) fn webhook_address(&self) -> String {
        format!("{}/facebook/webhook", self.console_url.as_str().trim_end_matches('/'))
    }

    /// RemOnline with the key of a connection, paced by the account's row.
    ///
    /// # Errors
    /// 409 when the connection is not one to RemOnline, or its key does not open.
    pub(crate) async fn remonline(&self, connection: &Connection) -> Result<Client, Problem> {
        Ok(self.systems.remonline(connection).await?)
    }

    /// The key or token of a connection.
    ///
    /// # Errors
    /// 409 when it does not open.
    pub(crate) async fn secret(&self, connection: &Connection) -> Result<SecretString, Problem> {
        Ok(self.systems.secret(connection).await?)
    }

    /// 502 or 503 for a failed call to RemOnline. What slows it down is noted for everybody who calls the account.
    pub(crate) async fn remonline_failed(
        &self,
        account: &AccountId,
        error: &remonline::Error,
        language: Language,
    ) -> Problem {
        self.systems.heed(account, error).await;
        remonline_problem(error, language)
    }

    /// Has the processor look at these accounts at once. The leads are due in the table already, so where the queue
    /// refuses, the scheduler wakes the accounts within a minute.
    pub(crate) async fn wake(&self, accounts: impl IntoIterator<Item = AccountId>) {
        let accounts = accounts.into_iter().collect::<std::collections::BTreeSet<_>>();
        if let Err(error) = self.queue.wake(accounts).await {
            tracing::warn!(%error, "the queue took no nudge; the scheduler will");
        }
    }
}

/// 409: the connection leads to Facebook.
pub(crate) fn not_remonline(connection: &Connection) -> Problem {
    Problem::conflict(text("connection-not-remonline").with("id", &connection.id))
}

/// 409: the connection leads to RemOnline.
pub(crate) fn not_facebook(connection: &Connection) -> Problem {
    Problem::conflict(text("connection-not-facebook").with("id", &connection.id))
}
