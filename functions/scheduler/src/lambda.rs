//! The scheduler as a Lambda function behind its schedules.

use std::sync::Arc;

use anyhow::Context;
use connections::Systems;
use domain::Timing;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use queue::LeadQueue;
use runtime::{Env, Failed, logging};
use tracing::Instrument;
use transport::Https;
use url::Url;

use crate::{Alert, Config, Job, Language, Scheduler, Watched, alert::Channels, redrive::DeadLetters};

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When the environment is incomplete, a secret cannot be read, or Lambda cannot be reached.
pub async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    logging::init("scheduler", &env)?;
    let config = Config::from_env(&env)?;
    let aws = runtime::load_aws_config().await;
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let queues = Queues {
        leads: LeadQueue::new(sqs.clone(), &config.lead_queue_url),
        dead_letters: DeadLetters::new(sqs, &config.lead_queue_url),
    };
    let people = People {
        language: config.alert_language,
        console: config.console_url.clone(),
        channels: channels(&config, &aws)?,
    };
    let scheduler = wire(config, &aws).await?;
    let handler = |event: LambdaEvent<Job>| {
        let (scheduler, queues, people) = (&scheduler, &queues, &people);
        let span = logging::invocation(&event.context.request_id);
        async move {
            handle(scheduler, queues, people, event)
                .await
                .map_err(|error| lambda_runtime::Error::from(Failed::of(&error)))
        }
        .instrument(span)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}

/// What is moved, and whom it wakes.
struct Queues {
    leads: LeadQueue,
    dead_letters: DeadLetters,
}

/// Who is told what needs a person.
struct People {
    language: Language,
    console: Url,
    channels: Channels,
}

impl People {
    /// Whoever could not be reached is told in the next round.
    async fn tell(&self, scheduler: &Scheduler, alert: &Alert) -> anyhow::Result<()> {
        if self.channels.tell(&alert.trouble.in_words(self.language, &self.console)).await {
            scheduler.note_told(alert).await?;
        }
        Ok(())
    }
}

/// Slack and Telegram are not what the time scale of a test is about.
fn channels(config: &Config, aws: &runtime::SdkConfig) -> anyhow::Result<Channels> {
    Ok(Channels {
        sns: aws_sdk_sns::Client::new(aws),
        ssm: aws_sdk_ssm::Client::new(aws),
        transport: Arc::new(Https::new(1.0)?),
        topic_arn: config.alert_topic_arn.clone(),
        targets_parameter: config.alert_targets_parameter.clone(),
    })
}

async fn wire(config: Config, aws: &runtime::SdkConfig) -> anyhow::Result<Scheduler> {
    let https = Https::new(config.time_scale)?;
    let systems = Systems::connect(config.systems, aws, https).await?;
    let (store, clock) = (systems.store.clone(), systems.clock.clone());
    Ok(Scheduler { store, systems, clock, timing: Timing::scaled(config.time_scale) })
}

async fn handle(
    scheduler: &Scheduler,
    queues: &Queues,
    people: &People,
    event: LambdaEvent<Job>,
) -> anyhow::Result<()> {
    let LambdaEvent { payload: job, context, .. } = event;
    let deadline = Timestamp::from_millisecond(i64::try_from(context.deadline).context("the deadline")?)?;
    let outcome = scheduler.handle(job, deadline).await?;
    runtime::emit("scheduler", &context.request_id, scheduler.clock.now(), &outcome.metrics);
    if outcome.redrive {
        queues.dead_letters.move_back().await?;
    }
    queues.leads.wake(outcome.accounts).await?;
    scheduler.note_missed(outcome.missed).await?;
    if job == Job::Wake {
        let Watched { metrics, alert } = scheduler.watch().await?;
        runtime::emit("scheduler", &context.request_id, scheduler.clock.now(), &metrics);
        if let Some(alert) = alert {
            people.tell(scheduler, &alert).await?;
        }
    }
    Ok(())
}
