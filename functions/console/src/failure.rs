//! What failures of the other crates mean to the caller.

use ::connections::OpenError;
use facebook::graph::GraphError;
use http::StatusCode;
use store::{ChangeError, CreateError, SecretError, StoreError};

use crate::{
    explain::{Explanation, Language, Speaker},
    problem::Problem,
    text::{Text, text},
};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => unavailable(text("tables-unavailable"), &error),
            StoreError::Unreadable { .. } => Self::internal(&error),
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Exists => Self::conflict(text("id-taken")),
            CreateError::Store(error) => error.into(),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Stale => Self::conflict(text("changed-meanwhile")),
            ChangeError::Store(error) => error.into(),
        }
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unavailable(_) => unavailable(text("key-service-unavailable"), &error),
            SecretError::Unopenable { .. } => Self::conflict(text("key-unopenable")),
        }
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NoSecret => Self::conflict(text("no-key")),
            OpenError::NotRemonline => Self::conflict(text("not-remonline")),
            OpenError::Secret(error) => error.into(),
            OpenError::Store(error) => error.into(),
        }
    }
}

/// 503: something in AWS that the console needs cannot be used.
pub(crate) fn unavailable(told: Text, cause: &dyn std::error::Error) -> Problem {
    tracing::error!(error = %cause, "request failed");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, told)
}

/// What a failed call to RemOnline means, in the reader's language.
pub(crate) fn explain_remonline(error: &remonline::Error, language: Language) -> Explanation {
    use remonline::Error as E;
    let details = error.details();
    let fallback = match error {
        E::Rejected(_) | E::NotFound(_) => domain::Reason::Rejected,
        E::KeyRejected(_) => domain::Reason::KeyRejected,
        E::Forbidden(_) => domain::Reason::Forbidden,
        E::Throttled { .. } => domain::Reason::Throttled,
        E::Unavailable(_) | E::OutcomeUnknown(_) | E::Pacing(_) => domain::Reason::RemonlineUnavailable,
    };
    let explained = language.remonline(details.and_then(|details| details.status));
    let explained = explained.or_else(|| language.reason(fallback)).unwrap_or_else(|| untold(error));
    let answered = details.is_some_and(|details| details.status.is_some());
    let speaker = if answered { Speaker::Remonline } else { Speaker::Us };
    language.with_words(explained, speaker, details.map(|details| details.message.as_str()))
}

/// What a failed call to Meta means, in the reader's language; Meta's own advice, where there is some, is the fix.
pub(crate) fn explain_graph(error: &GraphError, language: Language) -> Explanation {
    let cause = error.cause();
    let fallback = match error {
        GraphError::TokenRejected(_) => domain::Reason::GraphToken,
        GraphError::Forbidden { .. } => domain::Reason::Forbidden,
        GraphError::Throttled { .. } => domain::Reason::Throttled,
        GraphError::NotFound(_) => domain::Reason::LeadUnreadable,
        GraphError::Unavailable(_) | GraphError::ReduceData(_) | GraphError::Bug(_) => domain::Reason::GraphUnavailable,
    };
    let explained = language.graph(cause.code, cause.subcode);
    let explained = explained.or_else(|| language.reason(fallback)).unwrap_or_else(|| untold(error));
    let speaker = if cause.status.is_some() { Speaker::Meta } else { Speaker::Us };
    let told = language.with_words(explained, speaker, Some(&cause.message));
    let fix = cause.advice.clone().unwrap_or(told.fix);
    Explanation { fix, ..told }
}

/// For a failure without a text, which the tests of the texts rule out.
fn untold(error: &dyn std::error::Error) -> Explanation {
    Explanation { explanation: error.to_string(), fix: String::new() }
}

/// 502 or 503: RemOnline did not do what was asked of it on the way.
pub(crate) fn remonline_problem(error: &remonline::Error, language: Language) -> Problem {
    let status = match error {
        remonline::Error::Throttled { .. } | remonline::Error::Pacing(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    };
    Problem::new(status, Text::Words(sentence(&explain_remonline(error, language))))
}

/// 502 or 503: Meta did not do what was asked of it on the way.
pub(crate) fn graph_problem(error: &GraphError, language: Language) -> Problem {
    let status = match error {
        GraphError::Throttled { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    };
    Problem::new(status, Text::Words(sentence(&explain_graph(error, language))))
}

/// The explanation and the fix as one text.
pub(crate) fn sentence(explanation: &Explanation) -> String {
    format!("{} {}", explanation.explanation, explanation.fix).trim_end().to_owned()
}
