//! The processor as a Lambda function behind its queue.

use anyhow::Context;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use connections::Systems;
use domain::Timing;
use jiff::Timestamp;
use lambda_runtime::{Context as Call, LambdaEvent, service_fn};
use queue::LeadQueue;
use runtime::{Env, Failed, Metric, logging};
use tracing::Instrument;
use transport::Https;

use crate::{Config, FormCache, Handled, Invocation, Message, Processor};

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When the environment is incomplete, a secret cannot be read, or Lambda cannot be reached.
pub async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    logging::init("processor", &env)?;
    let config = Config::from_env(&env)?;
    let aws = runtime::load_aws_config().await;
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let queues = Queues {
        leads: LeadQueue::new(sqs.clone(), &config.lead_queue_url),
        sqs,
        quarantine_url: config.quarantine_queue_url.clone(),
    };
    let processor = wire(config, &aws).await?;
    let handler = |event: LambdaEvent<SqsEvent>| {
        let span = logging::invocation(&event.context.request_id);
        async {
            handle(&processor, &queues, event).await.map_err(|error| lambda_runtime::Error::from(Failed::of(&error)))
        }
        .instrument(span)
    };
    lambda_runtime::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}

/// Where messages go.
struct Queues {
    leads: LeadQueue,
    sqs: aws_sdk_sqs::Client,
    quarantine_url: String,
}

impl Queues {
    async fn quarantine(&self, message: &Message) -> anyhow::Result<()> {
        tracing::error!("a message that nobody can read goes to quarantine");
        self.sqs.send_message().queue_url(&self.quarantine_url).message_body(&message.body).send().await?;
        Ok(())
    }
}

async fn wire(config: Config, aws: &runtime::SdkConfig) -> anyhow::Result<Processor> {
    let https = Https::new(config.time_scale)?;
    let Systems { store, sealer, graph, transport, remonline_url, min_interval, clock } =
        Systems::connect(config.systems, aws, https).await?;
    Ok(Processor {
        hasher: store.hasher(&sealer, clock.now()).await.context("the key of the hashes")?,
        store,
        sealer,
        graph,
        transport,
        remonline_url,
        min_interval,
        retention_days: config.lead_data_retention_days,
        clock,
        timing: Timing::scaled(config.time_scale),
        forms: FormCache::default(),
    })
}

/// I2: a message that is not named in the answer is deleted by the event source mapping, so a message whose
/// transactions could not be written is named.
async fn handle(
    processor: &Processor,
    queues: &Queues,
    event: LambdaEvent<SqsEvent>,
) -> anyhow::Result<SqsBatchResponse> {
    let records = event.payload.records.into_iter();
    let messages = records.map(|record| {
        let id = record.message_id.context("a message without an id")?;
        Ok(Message { id, body: record.body.unwrap_or_default() })
    });
    let messages = messages.collect::<anyhow::Result<Vec<_>>>()?;
    let invocation = invocation(&event.context)?;
    let mut handled = processor.handle(messages, &invocation).await;
    for message in std::mem::take(&mut handled.unreadable) {
        if let Err(error) = queues.quarantine(&message).await {
            tracing::error!(%error, "an unreadable message could not be put in quarantine");
            handled.failed.push(message.id);
        }
    }
    // Work that is left goes on at once, work that waits at its time. A nudge that is lost is left to the scheduler.
    for (account, at) in &handled.nudges {
        let delay = at.duration_since(processor.clock.now());
        if let Err(error) = queues.leads.wake_later(account.clone(), delay).await {
            tracing::warn!(account_id = %account, %error, "no nudge could be sent");
        }
    }
    count(processor, &invocation, &handled);
    let failures = handled.failed.into_iter().map(|id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        failure
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failures.collect();
    Ok(response)
}

fn invocation(call: &Call) -> anyhow::Result<Invocation> {
    let deadline = i64::try_from(call.deadline).context("the deadline")?;
    Ok(Invocation { request_id: call.request_id.clone(), deadline: Timestamp::from_millisecond(deadline)? })
}

fn count(processor: &Processor, invocation: &Invocation, handled: &Handled) {
    let tally = &handled.tally;
    let mut metrics = vec![
        Metric::count("LeadsDone", tally.done),
        Metric::count("LeadsParked", tally.parked),
        Metric::count("LeadsReview", tally.review),
        Metric::count("RemonlineCalls", tally.calls),
        Metric::count("RemonlineThrottled", tally.throttled),
    ];
    metrics.extend(tally.lead_to_order_ms.iter().max().map(|slowest| Metric::milliseconds("LeadToOrderMs", *slowest)));
    runtime::emit("processor", &invocation.request_id, processor.clock.now(), &metrics);
}
