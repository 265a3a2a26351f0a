//! The scheduler as a Lambda function behind its schedules.

use domain::Clock;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use queue::LeadQueue;
use runtime::{Env, logging};
use store::Store;
use tracing::Instrument;

use crate::{Config, Job, Scheduler};

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When the environment is incomplete or Lambda cannot be reached.
pub async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    logging::init("scheduler", &env)?;
    let config = Config::from_env(&env)?;
    let aws = runtime::load_aws_config().await;
    let queue = LeadQueue::new(aws_sdk_sqs::Client::new(&aws), config.lead_queue_url);
    let scheduler = Scheduler {
        store: Store::dynamodb(aws_sdk_dynamodb::Client::new(&aws), config.tables),
        #[expect(clippy::disallowed_methods, reason = "the one place where the function asks for the time")]
        clock: Clock::new(Timestamp::now),
    };
    let handler = |event: LambdaEvent<Job>| {
        let (scheduler, queue) = (&scheduler, &queue);
        let span = logging::invocation(&event.context.request_id);
        async move { handle(scheduler, queue, event.payload).await.map_err(anyhow::Error::into_boxed_dyn_error) }
            .instrument(span)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}

async fn handle(scheduler: &Scheduler, queue: &LeadQueue, job: Job) -> anyhow::Result<()> {
    let outcome = scheduler.handle(job).await?;
    Ok(queue.wake(outcome.accounts).await?)
}
