//! The story of one lead: record, fetch, client, order.
//!
//! [`Processor::handle`] takes a batch of messages. `record` turns each event into transactions; then every account
//! that may have work is worked on under its lease (`account`): the answers of all its due leads are fetched
//! (`fetch`) and each lead's story is told, oldest first (`story`: plan, `client`, `order`). What cannot go on
//! is decided upon in one place (`failure`). Neither a RemOnline that is down (`breaker`) nor a lead that kills its
//! process (`careful`) holds up the rest. The invariants I1 to I8 named in comments are those of the protocol:
//!
//! * I2: a message is deleted only when its transactions exist.
//! * I3: every transaction that is not final is due, or waits for a bundle or a person who is told why.
//! * I4, I8: creates are sent, and states written, only by the holder of the account's lease in its current epoch.
//! * I5: a create is sent only after its intent is stored.
//! * I6: there is at most one unresolved attempt for each effect.
//! * I7: once an id is recorded there is no way back to an intent, but for a client that RemOnline says is gone.

mod account;
mod breaker;
mod careful;
mod client;
mod config;
mod failure;
mod fetch;
mod lambda;
mod order;
mod person;
mod record;
mod story;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{AccountId, Clock, QueueMessage, Timing};
use jiff::{SignedDuration, Timestamp};
use transport::Transport;
use url::Url;

pub use config::Config;
pub use fetch::FormCache;
pub use lambda::run;

/// Everything the processor works with. It knows no queue: what has to be sent is in [`Handled`].
#[derive(Debug)]
pub struct Processor {
    /// Every table.
    pub store: store::Store,
    /// Opens connection keys.
    pub sealer: store::Sealer,
    /// Makes the keyed hashes of phones and e-mail addresses.
    pub hasher: store::Hasher,
    /// Meta.
    pub graph: facebook::graph::Graph,
    /// Carries the requests to RemOnline.
    pub transport: Arc<dyn Transport>,
    /// RemOnline API, version included.
    pub remonline_url: Url,
    /// Least time between two calls to one RemOnline account.
    pub min_interval: SignedDuration,
    /// How long answers are kept after a lead is done, in days.
    pub retention_days: u32,
    /// The current time.
    pub clock: Clock,
    /// Every waiting time.
    pub timing: Timing,
    /// Questions of forms, kept between invocations.
    pub forms: FormCache,
}

/// One call of the function.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Lambda's id of it, which names the holder of a lease.
    pub request_id: String,
    /// When Lambda ends it.
    pub deadline: Timestamp,
}

/// One message of a batch.
#[derive(Debug, Clone)]
pub struct Message {
    /// The queue's id of it.
    pub id: String,
    /// A [`QueueMessage`] as JSON.
    pub body: String,
}

/// What a batch led to.
#[derive(Debug, Default)]
pub struct Handled {
    /// Messages whose transactions could not be written: they go back to the queue.
    pub failed: Vec<String>,
    /// Messages nobody can read: they go to quarantine.
    pub unreadable: Vec<Message>,
    /// Accounts that want a nudge, and when: work was left when the time was up, or goes on soon.
    pub nudges: BTreeMap<AccountId, Timestamp>,
    /// What is counted.
    pub tally: Tally,
}

/// What is counted over a batch.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Tally {
    /// Leads that were done.
    pub done: usize,
    /// Leads that were parked.
    pub parked: usize,
    /// Leads that need a look into RemOnline.
    pub review: usize,
    /// For each lead done: milliseconds from its reception to its order.
    pub lead_to_order_ms: Vec<i64>,
    /// Calls to RemOnline.
    pub calls: usize,
    /// Calls that RemOnline refused with 429.
    pub throttled: usize,
}

impl Processor {
    /// Records every lead of the batch, then works on every account that may have something to do.
    pub async fn handle(&self, messages: Vec<Message>, invocation: &Invocation) -> Handled {
        let mut handled = Handled::default();
        let mut accounts = BTreeSet::new();
        for message in messages {
            match serde_json::from_str(&message.body) {
                Ok(QueueMessage::Wake { account_id }) => {
                    accounts.insert(account_id);
                }
                Ok(QueueMessage::Lead(event)) => match self.record(&event).await {
                    Ok(touched) => accounts.extend(touched),
                    Err(error) => {
                        tracing::error!(leadgen_id = %event.leadgen_id, %error, "the lead could not be recorded");
                        handled.failed.push(message.id);
                    }
                },
                Err(_) => handled.unreadable.push(message),
            }
        }
        let work = accounts.into_iter().map(|account| async {
            let worked = self.work(&account, invocation).await;
            (account, worked)
        });
        for (account, worked) in futures::future::join_all(work).await {
            handled.tally.add(worked.tally);
            if let Some(at) = worked.look_again_at {
                handled.nudges.insert(account, at);
            }
        }
        handled
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.parked += other.parked;
        self.review += other.review;
        self.lead_to_order_ms.extend(other.lead_to_order_ms);
        self.calls += other.calls;
        self.throttled += other.throttled;
    }
}
