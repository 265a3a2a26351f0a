use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::lost_answer;

/// What goes wrong with the requests it matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only this method; none means any.
    #[serde(default)]
    pub method: Option<String>,
    /// Only paths that begin so.
    #[serde(default)]
    pub path: String,
    /// The path must be equal, a longer one does not match.
    #[serde(default)]
    pub exact: bool,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// How many matching requests it spoils; none means until it is cleared.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// What happens to them.
    pub effect: Effect,
}

#[expect(clippy::unnecessary_wraps, reason = "serde asks for the field's own type")]
fn once() -> Option<u32> {
    Some(1)
}

impl Fault {
    /// Spoils the next request, whatever it is.
    pub fn once(effect: Effect) -> Self {
        Self::times(1, effect)
    }

    /// Spoils the next `times` requests.
    pub fn times(times: u32, effect: Effect) -> Self {
        Self { method: None, path: String::new(), exact: false, skip: 0, times: Some(times), effect }
    }

    /// Spoils every request until it is cleared.
    pub fn always(effect: Effect) -> Self {
        Self { times: None, ..Self::once(effect) }
    }

    /// Matches only `method` on paths that begin with `path`.
    #[must_use]
    pub fn on(self, method: &str, path: &str) -> Self {
        Self { method: Some(method.to_owned()), path: path.to_owned(), ..self }
    }

    /// Matches only `method` on exactly `path`.
    #[must_use]
    pub fn exactly(self, method: &str, path: &str) -> Self {
        Self { exact: true, ..self.on(method, path) }
    }

    /// Lets the first `skip` matching requests pass.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let right_path = if self.exact { path == self.path } else { path.starts_with(&self.path) };
        right_path && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
    }

    /// Counts one matching request; true when it is to be spoilt.
    fn strike(&mut self) -> bool {
        if self.times == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if let Some(times) = &mut self.times {
            *times = times.saturating_sub(1);
        }
        true
    }
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// This answer, and the request has no effect.
    Status {
        /// HTTP status.
        code: u16,
        /// Body, JSON or not; empty without.
        #[serde(default)]
        body: Option<String>,
    },
    /// The request takes effect, then this answer.
    ApplyThenStatus {
        /// HTTP status.
        code: u16,
        /// Body, JSON or not; empty without.
        #[serde(default)]
        body: Option<String>,
    },
    /// The request takes effect and the answer is lost.
    ApplyThenDrop,
    /// The connection dies and the request has no effect.
    DropBefore,
    /// The request waits before it is handled; it takes effect even if the caller has gone away by then.
    Delay(#[serde(with = "milliseconds")] Duration),
    /// The answer is lost now and the request takes effect later.
    ApplyAfter(#[serde(with = "milliseconds")] Duration),
    /// The request takes effect; the answer is 200 with something that is no JSON.
    Garbage,
    /// The request takes effect; the answer is 200 and larger than a transport accepts.
    Huge,
    /// 429 with this `Retry-After` in seconds; the request has no effect.
    RetryAfter(u32),
}

impl Effect {
    /// This status with an empty body; the request has no effect.
    pub fn status(code: u16) -> Self {
        Self::Status { code, body: None }
    }

    /// The request takes effect, then this status with an empty body.
    pub fn apply_then_status(code: u16) -> Self {
        Self::ApplyThenStatus { code, body: None }
    }

    /// Answers `request` in this spoilt way; `next` handles it where it takes effect.
    pub async fn play(self, request: Request, next: Next) -> Response {
        match self {
            Self::Delay(pause) => late(pause, request, next).await.unwrap_or_else(|_| lost_answer()),
            Self::ApplyAfter(pause) => {
                // Detached on purpose: the write comes when the caller has long given up.
                drop(late(pause, request, next));
                lost_answer()
            }
            spoilt => {
                if spoilt.lets_through() {
                    next.run(request).await;
                }
                spoilt.answer()
            }
        }
    }

    fn lets_through(&self) -> bool {
        matches!(self, Self::ApplyThenStatus { .. } | Self::ApplyThenDrop | Self::Garbage | Self::Huge)
    }

    /// What the caller gets in place of the true answer.
    fn answer(self) -> Response {
        match self {
            Self::Status { code, body } | Self::ApplyThenStatus { code, body } => {
                answer(code, body.unwrap_or_default())
            }
            Self::Garbage => answer(200, "<html>It works</html>".to_owned()),
            Self::Huge => answer(200, serde_json::json!({ "padding": "x".repeat(transport::MAX_BODY) }).to_string()),
            Self::RetryAfter(seconds) => {
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
            }
            Self::ApplyThenDrop | Self::DropBefore | Self::Delay(_) | Self::ApplyAfter(_) => lost_answer(),
        }
    }
}

fn late(pause: Duration, request: Request, next: Next) -> tokio::task::JoinHandle<Response> {
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        next.run(request).await
    })
}

fn answer(code: u16, body: String) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
    let content_type = if json { "application/json" } else { "text/html" };
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// The faults a server has been told to show, first match first.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds one behind the others.
    pub fn inject(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong with this request, if anything; counts it.
    pub fn strike(&mut self, method: &str, path: &str) -> Option<Effect> {
        let struck = self.0.iter_mut().find_map(|fault| {
            let spoilt = fault.matches(method, path) && fault.strike();
            spoilt.then(|| fault.effect.clone())
        });
        self.0.retain(|fault| fault.times != Some(0));
        struck
    }
}

/// Durations as whole milliseconds, for people who type them.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// One letter a request: spoilt or passed.
    fn strikes(fault: Fault, requests: &[(&str, &str)]) -> String {
        let mut faults = Faults::default();
        faults.inject(fault);
        let spoilt = |(method, path): &(&str, &str)| faults.strike(method, path).is_some();
        requests.iter().map(spoilt).map(|spoilt| if spoilt { 's' } else { 'p' }).collect()
    }

    #[rstest]
    #[case(Fault::once(Effect::Garbage), "sppp")]
    #[case(Fault::times(0, Effect::Garbage), "pppp")]
    #[case(Fault::always(Effect::Garbage), "ssss")]
    #[case(Fault::always(Effect::Garbage).after(2), "ppss")]
    #[case(Fault::always(Effect::Garbage).on("POST", "/a"), "pssp")]
    #[case(Fault::always(Effect::Garbage).exactly("POST", "/a"), "pspp")]
    fn chooses_requests(#[case] fault: Fault, #[case] expected: &str) {
        assert_eq!(strikes(fault, &[("GET", "/a"), ("POST", "/a"), ("POST", "/a/b"), ("POST", "/b")]), expected);
    }

    #[test]
    fn the_first_fault_that_matches_strikes() {
        let mut faults = Faults::default();
        faults.inject(Fault::once(Effect::Garbage));
        faults.inject(Fault::once(Effect::Huge));
        let struck: Vec<_> = (0..3).map(|_| faults.strike("GET", "/")).collect();
        assert_eq!(struck, [Some(Effect::Garbage), Some(Effect::Huge), None]);
    }
}
