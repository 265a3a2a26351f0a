//! Jobs on a schedule, one file for each: `wake` nudges the accounts that have due work.

mod config;
mod lambda;
mod wake;

use std::collections::BTreeSet;

use domain::{AccountId, Clock};
use serde::Deserialize;
use store::Store;

pub use config::Config;
pub use lambda::run;

/// What EventBridge sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// Nudge the accounts that have due work.
    Wake,
}

/// Everything the jobs work with. It knows no queue: whom to nudge is in [`Outcome`].
#[derive(Debug)]
pub struct Scheduler {
    /// Every table.
    pub store: Store,
    /// The current time.
    pub clock: Clock,
}

/// What a job led to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Accounts that have work now.
    pub accounts: BTreeSet<AccountId>,
}

impl Scheduler {
    /// Does one job.
    ///
    /// # Errors
    /// When a table refuses; the schedule repeats the job anyway.
    pub async fn handle(&self, job: Job) -> anyhow::Result<Outcome> {
        Ok(match job {
            Job::Wake => Outcome { accounts: self.wake().await? },
        })
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
