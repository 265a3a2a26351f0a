//! Webhook in, queue out.
//!
//! Meta announces leads by POST. A body counts only with Meta's signature; what it announces goes on the lead
//! queue, what is signed and cannot be read goes to the quarantine queue, and only then is it answered 200. Any
//! other answer makes Meta repeat the POST for 36 hours, so a lead that was answered 200 is on the queue, and one
//! that is not on the queue comes again.

mod config;
mod parameter;
mod quarantine;
mod queue;
#[cfg(test)]
mod tests;

use std::{convert::Infallible, error::Error, time::Duration};

pub use config::Config;
use domain::{Clock, LeadgenEvent, QueueMessage};
use facebook::{AppSecrets, AppSecretsError, Challenge, SignatureError, Webhook, answer_challenge};
use jiff::Timestamp;
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    service_fn,
};
use parameter::Parameter;
use queue::QueueError;
use runtime::{Env, Metric, ParameterError, logging};
use secrecy::SecretString;
use tracing::Instrument;

/// Largest body, in bytes after decoding. Meta promises at most 1,000 changes in one.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// How long a process reads ahead at most. Lambda gives it ten seconds to begin.
const PREPARING: Duration = Duration::from_secs(2);

/// How many leads one log line names at most, so that it stays short: Meta announces up to 1,000 at once.
const NAMED_IN_A_LINE: usize = 50;

/// The function with everything it works with.
#[derive(Debug)]
pub struct Ingest {
    sqs: aws_sdk_sqs::Client,
    lead_queue_url: String,
    quarantine_queue_url: String,
    app_secrets: Parameter,
    verify_token: Parameter,
    clock: Clock,
}

/// Why a request is not answered 200.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the body is larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error(transparent)]
    Unsigned(#[from] SignatureError),
    #[error("the verification request is refused")]
    Unverified,
    #[error("the verification request is malformed")]
    Malformed,
    #[error("only GET and POST are answered")]
    MethodNotAllowed,
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error("FACEBOOK_APP_SECRETS_PARAMETER: {0}")]
    AppSecrets(#[from] AppSecretsError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Ingest {
    /// Makes the function. Secrets are read when they are first needed, if not before.
    pub fn new(config: Config, sqs: aws_sdk_sqs::Client, ssm: &aws_sdk_ssm::Client, clock: &Clock) -> Self {
        let parameter = |name| Parameter::new(ssm.clone(), name, clock.clone());
        Self {
            sqs,
            lead_queue_url: config.lead_queue_url,
            quarantine_queue_url: config.quarantine_queue_url,
            app_secrets: parameter(config.app_secrets_parameter),
            verify_token: parameter(config.verify_token_parameter),
            clock: clock.clone(),
        }
    }

    /// Reads the app secrets ahead, with the connection that this takes: a process that begins has a whole processor, and a
    /// small part of one later. If it fails or takes long, the first webhook tries again and says why it is given back.
    async fn prepare(&self) {
        if !matches!(tokio::time::timeout(PREPARING, self.app_secrets.value()).await, Ok(Ok(_))) {
            tracing::warn!("the app secrets could not be read ahead");
        }
    }

    /// Answers one request of Meta, or of a stranger.
    pub async fn handle(&self, request: &Request) -> Response<Body> {
        let answer = match *request.method() {
            Method::GET => self.verify_address(request.uri().query().unwrap_or_default()).await.map(challenge),
            Method::POST => self.take(request).await.map(|()| Response::new(Body::Empty)),
            _ => Err(Refusal::MethodNotAllowed),
        };
        answer.unwrap_or_else(|refusal| self.refuse(request, &refusal))
    }

    /// Meta asks once, when the address is configured, whether we know the verify token.
    async fn verify_address(&self, query: &str) -> Result<String, Refusal> {
        let mut answer = answer_challenge(query, &self.verify_token.value().await?);
        if answer == Challenge::Refused
            && let Some(token) = self.verify_token.renewed().await?
        {
            answer = answer_challenge(query, &token);
        }
        match answer {
            Challenge::Accepted(text) => Ok(text),
            Challenge::Refused => Err(Refusal::Unverified),
            Challenge::Malformed => Err(Refusal::Malformed),
        }
    }

    /// I1: answered 200 only when everything that was signed is on a queue.
    async fn take(&self, request: &Request) -> Result<(), Refusal> {
        let body: &[u8] = request.body();
        if body.len() > MAX_BODY {
            return Err(Refusal::TooLarge);
        }
        self.verify(signature(request.headers()), body).await?;
        match Webhook::parse(body) {
            Ok(webhook) => self.enqueue(request, webhook).await,
            Err(unreadable) => {
                tracing::error!(%unreadable, bytes = body.len(), "a signed body goes to quarantine");
                self.quarantine(quarantine::of_body(self.clock.now(), body)).await
            }
        }
    }

    /// Checks the signature, with secrets read anew if the remembered ones may have been replaced.
    async fn verify(&self, signature: Option<&str>, body: &[u8]) -> Result<(), Refusal> {
        let checked = |secrets: SecretString| Ok(AppSecrets::parse(&secrets)?.verify(signature, body)?);
        let verdict = checked(self.app_secrets.value().await?);
        if matches!(verdict, Err(Refusal::AppSecrets(_) | Refusal::Unsigned(SignatureError::Wrong)))
            && let Some(secrets) = self.app_secrets.renewed().await?
        {
            let hint = "is FACEBOOK_APP_SECRETS_PARAMETER the secret of the app that owns the subscription?";
            return checked(secrets).inspect_err(|refusal| tracing::warn!(%refusal, hint, "webhook rejected"));
        }
        verdict
    }

    async fn enqueue(&self, request: &Request, webhook: Webhook) -> Result<(), Refusal> {
        let Webhook { events, unreadable, ignored, tests } = webhook;
        let (leads, unreadable_changes) = (events.len(), unreadable.len());
        let leadgen_id = (leads <= NAMED_IN_A_LINE).then(|| ids(&events));
        tracing::info!(leadgen_id, leads, unreadable_changes, ignored, tests, "webhook received");
        if leadgen_id.is_none() {
            events.chunks(NAMED_IN_A_LINE).for_each(|named| tracing::info!(leadgen_id = ids(named), "among them"));
        }
        let received = Metric::count("LeadsReceived", events.len());
        let messages = events.into_iter().map(|event| message(&QueueMessage::Lead(event))).collect();
        queue::send(&self.sqs, &self.lead_queue_url, messages).await?;
        let now = self.clock.now();
        self.quarantine(unreadable.iter().flat_map(|change| quarantine::of_change(now, change)).collect()).await?;
        runtime::emit("ingest", request_id(request), now, &[received]);
        Ok(())
    }

    async fn quarantine(&self, messages: Vec<String>) -> Result<(), Refusal> {
        Ok(queue::send(&self.sqs, &self.quarantine_queue_url, messages).await?)
    }

    /// Strangers may post as much as they like: they get a count in a metric and no log line.
    fn refuse(&self, request: &Request, refusal: &Refusal) -> Response<Body> {
        let status = refusal.status();
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::PAYLOAD_TOO_LARGE => {
                tracing::debug!(%refusal, "webhook rejected");
                let rejected = Metric::count("WebhookRejected", 1);
                runtime::emit("ingest", request_id(request), self.clock.now(), &[rejected]);
            }
            StatusCode::INTERNAL_SERVER_ERROR => tracing::error!(error = %chain(refusal), "webhook given back to Meta"),
            _ => tracing::warn!(%refusal, "request refused"),
        }
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = status;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
        }
        response
    }
}

/// The ids of these leads, for the log.
fn ids(events: &[LeadgenEvent]) -> String {
    events.iter().map(|event| event.leadgen_id.as_str()).collect::<Vec<_>>().join(" ")
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::Unverified => StatusCode::FORBIDDEN,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Parameter(_) | Self::AppSecrets(_) | Self::Queue(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When the environment is incomplete or Lambda cannot be reached.
pub async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    logging::init("ingest", &env)?;
    let config = Config::from_env(&env)?;
    let aws = runtime::load_aws_config().await;
    #[expect(clippy::disallowed_methods, reason = "the one place where the function asks for the time")]
    let clock = Clock::new(Timestamp::now);
    let ingest = Ingest::new(config, aws_sdk_sqs::Client::new(&aws), &aws_sdk_ssm::Client::new(&aws), &clock);
    ingest.prepare().await;
    let handler = |request: Request| {
        let ingest = &ingest;
        let span = logging::invocation(request_id(&request));
        async move { Ok::<_, Infallible>(ingest.handle(&request).await) }.instrument(span)
    };
    lambda_http::run(service_fn(handler)).await.map_err(anyhow::Error::from_boxed)
}

fn request_id(request: &Request) -> &str {
    request.lambda_context_ref().map(|context| context.request_id.as_str()).unwrap_or_default()
}

/// The value of the one signature header there may be; two of them are as good as a malformed one.
fn signature(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all("x-hub-signature-256").iter();
    let first = values.next()?;
    Some(if values.next().is_some() { "" } else { first.to_str().unwrap_or_default() })
}

fn message(message: &QueueMessage) -> String {
    serde_json::to_string(message).expect("ids are JSON")
}

/// The challenge and nothing else, in a form that no browser takes for a page.
fn challenge(text: String) -> Response<Body> {
    let mut response = Response::new(Body::Text(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An error with its causes.
fn chain(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| (*error).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
