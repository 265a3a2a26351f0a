//! Jobs on a schedule, one file for each: `wake` nudges the accounts that have due work.

mod config;
mod wake;

use domain::Clock;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use runtime::{Env, logging};
use serde::Deserialize;
use store::Store;
use tracing::Instrument;

pub use config::Config;

/// What EventBridge sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// Nudge the accounts that have due work.
    Wake,
}

/// Everything the jobs work with.
#[derive(Debug)]
pub struct Scheduler {
    /// Every table.
    pub store: Store,
    /// The queue of leads and nudges.
    pub queue: aws_sdk_sqs::Client,
    /// Its address.
    pub lead_queue_url: String,
    /// The current time.
    pub clock: Clock,
}

impl Scheduler {
    /// Does one job.
    ///
    /// # Errors
    /// When a table or the queue refuses; the schedule repeats the job anyway.
    pub async fn handle(&self, job: Job) -> anyhow::Result<()> {
        match job {
            Job::Wake => self.wake().await,
        }
    }
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When the environment is incomplete or Lambda cannot be reached.
pub async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    logging::init("scheduler", &env)?;
    let config = Config::from_env(&env)?;
    let aws = runtime::load_aws_config().await;
    let scheduler = Scheduler {
        store: Store::dynamodb(aws_sdk_dynamodb::Client::new(&aws), config.tables),
        queue: aws_sdk_sqs::Client::new(&aws),
        lead_queue_url: config.lead_queue_url,
        #[expect(clippy::disallowed_methods, reason = "the one place where the function asks for the time")]
        clock: Clock::new(Timestamp::now),
    };
    let handler = |event: LambdaEvent<Job>| {
        let scheduler = &scheduler;
        let span = logging::invocation(&event.context.request_id);
        async move { scheduler.handle(event.payload).await.map_err(anyhow::Error::into_boxed_dyn_error) }
            .instrument(span)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
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
