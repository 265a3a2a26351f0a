//! One JSON object a line on stdout, which Lambda takes to CloudWatch.
//!
//! Every line carries `timestamp`, `level`, `message` and `function`; a line written inside [`invocation`] carries
//! `request_id` too, and the fields of every span around it. No line carries personal data or a secret: spans and
//! events are given ids only.

use tracing::Span;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{Env, EnvError};

/// Starts logging for `function` at the level of `LOG_LEVEL` (default `info`).
///
/// # Errors
/// When `LOG_LEVEL` is not a level.
pub fn init(function: &'static str, env: &Env) -> Result<(), EnvError> {
    let malformed =
        |_| EnvError::Malformed { name: "LOG_LEVEL".to_owned(), expected: "trace, debug, info, warn or error" };
    let level = env.optional("LOG_LEVEL").unwrap_or_else(|| "info".to_owned());
    let level: tracing::Level = level.parse().map_err(malformed)?;
    // The runtime's own span repeats the request id under another name; below `debug` nobody needs it.
    let quiet = if level > tracing::Level::INFO { "" } else { ",lambda_runtime=warn,lambda_http=warn" };
    let filter = EnvFilter::new(format!("{}{quiet}", level.as_str().to_lowercase()));
    let mut lines = json_subscriber::fmt::layer()
        .flatten_event(true)
        .flatten_span_list_on_top_level(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false);
    lines.inner_layer_mut().add_static_field("function", function.into());
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(())
}

/// The span around one invocation: what is logged inside carries its request id.
pub fn invocation(request_id: &str) -> Span {
    tracing::error_span!("invocation", request_id)
}
