//! Jobs on a schedule, one file for each: `wake` nudges the accounts that have due work, has wishes to be forgotten carried
//! out (`erase`), and is followed by a look at how things stand (`watch`) and at what people are to be told (`alert`);
//! `reconcile` finds leads whose webhook never came; `audit` compares RemOnline with our records;
//! `check` looks at every connection; `redrive` moves dead letters back. Where new things go: another job is a file, a
//! [`Job`] and a schedule in the template.

mod alert;
mod audit;
mod check;
mod config;
mod erase;
mod lambda;
mod reconcile;
mod redrive;
mod wake;
mod watch;

use std::collections::BTreeSet;

use connections::Systems;
use domain::{AccountId, Clock, Connection, ConnectionState, Timing};
use jiff::Timestamp;
use runtime::Metric;
use serde::Deserialize;
use store::{ChangeError, Store, StoreError};

pub use alert::{Alert, Language, Trouble};
pub use config::Config;
pub use lambda::run;
pub use watch::Watched;

/// What EventBridge sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// Nudge the accounts that have due work.
    Wake,
    /// Find leads whose webhook never came, and go on with backfills.
    Reconcile,
    /// Look for lost and doubled orders.
    Audit,
    /// Look at every connection and mend what can be mended.
    Check,
    /// Move dead letters back.
    Redrive,
}

/// Everything the jobs work with. It knows no queue: whom to nudge is in [`Outcome`].
#[derive(Debug)]
pub struct Scheduler {
    /// Every table.
    pub store: Store,
    /// RemOnline and Meta.
    pub systems: Systems,
    /// The current time.
    pub clock: Clock,
    /// Every waiting time.
    pub timing: Timing,
}

/// What a job led to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Accounts that have work now.
    pub accounts: BTreeSet<AccountId>,
    /// What is counted.
    pub metrics: Vec<Metric>,
    /// Dead letters may go back to the lead queue.
    pub redrive: bool,
    /// Leads that were found of which Meta told nothing.
    pub missed: usize,
}

impl Scheduler {
    /// Does one job, as far as it gets before Lambda ends it at `deadline`.
    ///
    /// # Errors
    /// When a table refuses; the schedule repeats the job anyway.
    pub async fn handle(&self, job: Job, deadline: Timestamp) -> anyhow::Result<Outcome> {
        match job {
            Job::Wake => {
                let accounts = self.wake().await?;
                self.erase().await;
                Ok(Outcome { accounts, ..Outcome::default() })
            }
            Job::Reconcile => Ok(self.reconcile(deadline).await?),
            Job::Audit => self.audit(deadline).await,
            Job::Check => Ok(self.check(deadline).await?),
            Job::Redrive => Ok(self.redrive().await?),
        }
    }
}

/// Whether the other system refused the connection: nobody but a check uses it until that is mended.
fn is_closed(connection: &Connection) -> bool {
    matches!(connection.state, ConnectionState::KeyRejected | ConnectionState::Forbidden)
}

/// False when somebody else changed the row meanwhile: what they made of it holds.
fn unless_changed(change: Result<(), ChangeError>) -> Result<bool, StoreError> {
    match change {
        Ok(()) => Ok(true),
        Err(ChangeError::Stale) => Ok(false),
        Err(ChangeError::Store(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_a_job_that_exists() {
        let job = |text| serde_json::from_str::<Job>(text);
        assert_eq!(job(r#"{"job":"wake"}"#).unwrap(), Job::Wake);
        assert!(job(r#"{"job":"sleep"}"#).is_err());
        assert!(job("{}").is_err());
    }
}
