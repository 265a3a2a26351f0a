//! The console: the JSON API for programs, one file per resource, and the pages for people, in `pages`.
//!
//! It reads and writes the tables and asks RemOnline and Meta for what a person chooses from; leads themselves are
//! the processor's. Whatever fails becomes a `Problem` (RFC 9457), at one place for each crate it comes from
//! (`failure.rs`). Texts that explain are in `locales`, not in code. Where new things go: another resource is a file
//! with its handlers and a line in `openapi.rs`, which serves and describes it.

mod access;
mod app;
mod backfill;
mod bundles;
mod check;
mod choices;
mod config;
mod connections;
mod erase;
mod explain;
mod failure;
mod health;
mod ids;
mod lookup;
mod openapi;
mod pages;
mod paging;
mod preview;
mod problem;
mod request;
mod resolve;
mod retry;
mod sign_in;
mod stats;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod transactions;
mod trial;
mod unrouted;
mod validation;

use std::sync::Arc;

use ::connections::Systems;
use axum::{
    Router,
    extract::{MatchedPath, Request},
    middleware::{from_fn, from_fn_with_state, map_response},
    response::Response,
};
use http::{HeaderName, HeaderValue, header};
use lambda_http::RequestExt;
use queue::{LeadQueue, QuarantineQueue};
use runtime::{Env, logging};
use tracing::Instrument;
use transport::Https;

pub use access::Access;
pub use app::App;
pub use config::Config;
pub use sign_in::{Registration, SignIn};

/// Headers of every answer that does not say otherwise: nothing is kept, nothing is guessed, nothing is run. Without any
/// referrer browsers would hide from us too which page a form was sent by (`Origin: null`).
const SECURITY: [(HeaderName, &str); 4] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The console as a service: requests in, answers out.
pub fn router(app: App) -> Router {
    let app = Arc::new(app);
    let guarded = Router::from(openapi::guarded())
        .merge(pages::routes())
        .merge(pages::assets())
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn_with_state(Arc::clone(&app), access::guard));
    let open =
        Router::from(openapi::open()).merge(sign_in::routes()).method_not_allowed_fallback(problem::no_such_method);
    let all = guarded.merge(open).layer(from_fn(problem::tell));
    all.layer(map_response(secure)).layer(from_fn(logged)).with_state(app)
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When the environment is incomplete, or AWS or Lambda cannot be reached.
pub async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    logging::init("console", &env)?;
    let app = App::of(Config::from_env(&env)?).await?;
    lambda_http::run(router(app)).await.map_err(anyhow::Error::from_boxed)
}

impl App {
    /// Makes every client that the console needs.
    ///
    /// # Errors
    /// When a secret cannot be read or the tables do not answer.
    pub async fn of(config: Config) -> anyhow::Result<Self> {
        let aws = runtime::load_aws_config().await;
        let systems = Systems::connect(config.systems, &aws, Https::new(1.0)?).await?;
        let (store, sealer, clock) = (systems.store.clone(), systems.sealer.clone(), systems.clock.clone());
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let hasher = store.hasher(&sealer, clock.now()).await?;
        let console_url = config.console_url;
        let sign_in = config.sign_in.map(|registration| {
            let transport = Arc::clone(&systems.transport);
            SignIn::new(registration, console_url.clone(), transport, &hasher, clock.clone())
        });
        Ok(Self {
            hasher,
            store,
            sealer,
            systems,
            queue: LeadQueue::new(sqs.clone(), config.lead_queue_url),
            quarantine: QuarantineQueue::new(sqs, config.quarantine_queue_url),
            retention_days: config.lead_data_retention_days,
            access: Access::of(&console_url, sign_in),
            console_url,
            clock,
        })
    }
}

async fn secure(mut response: Response) -> Response {
    for (name, value) in SECURITY {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// One line for each request, without its query, which may hold a phone number.
async fn logged(request: Request, next: axum::middleware::Next) -> Response {
    let request_id = request.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    async {
        let response = next.run(request).await;
        tracing::info!(%method, route, status = response.status().as_u16(), "answered");
        response
    }
    .instrument(logging::invocation(&request_id))
    .await
}
