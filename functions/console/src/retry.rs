use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{MetaId, Slug, State as TransactionState, TransactionId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Filter, RetryError};
use utoipa::ToSchema;

use crate::{
    app::App,
    paging::MAX_LIMIT,
    problem::{PROBLEM_JSON, Problem, ProblemDetails},
    request::{Body, Ids, Query},
    text::text,
    transactions::{Wanted, history_problem},
};

/// By which rules a lead goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rules {
    /// The bundle as it is now.
    #[default]
    Current,
    /// The bundle as it was when the lead came.
    Original,
}

impl From<Rules> for store::Rules {
    fn from(rules: Rules) -> Self {
        match rules {
            Rules::Current => Self::Current,
            Rules::Original => Self::Original,
        }
    }
}

/// How to retry.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retry {
    /// By which rules.
    #[schema(default = "current")]
    pub(crate) rules: Rules,
}

/// How many leads were set going.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Queued {
    /// Leads that are due now, or wait for their bundle.
    pub(crate) queued: usize,
}

/// Sets one lead going: due at once, its tries forgotten, nothing that was sent is sent again.
#[utoipa::path(post, path = "/api/transactions/{bundle_id}/{leadgen_id}/retry", tag = "transactions",
    params(("bundle_id" = String, Path, description = "The bundle."),
           ("leadgen_id" = String, Path, description = "The lead, Meta's id.")),
    request_body = Retry,
    responses((status = ACCEPTED, body = Queued),
              (status = CONFLICT, description = "It is done, skipped, erased or running.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Ids((bundle_id, leadgen_id)): Ids<(Slug, MetaId)>,
    Body(retry): Body<Retry>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let id = TransactionId { leadgen_id, bundle_id };
    let account = app.store.retry(&id, retry.rules.into(), app.clock.now()).await?;
    app.wake([account]).await;
    Ok((StatusCode::ACCEPTED, Json(Queued { queued: 1 })))
}

/// Sets every lead going that matches and can go on.
#[utoipa::path(post, path = "/api/transactions/retry", tag = "transactions", params(Wanted), request_body = Retry,
    responses((status = ACCEPTED, body = Queued)))]
pub(crate) async fn many(
    State(app): State<Arc<App>>,
    Query(wanted): Query<Wanted>,
    Body(retry): Body<Retry>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let queued = retry_all(&app, &wanted.filter(&app.hasher)?, retry.rules).await?;
    Ok((StatusCode::ACCEPTED, Json(Queued { queued })))
}

/// What is set going keeps its place in the history, so the cursor stays true.
async fn retry_all(app: &App, filter: &Filter, rules: Rules) -> Result<usize, Problem> {
    let (mut queued, mut cursor) = (0, None);
    loop {
        let part = retry_some(app, filter, rules, cursor.as_deref()).await?;
        queued += part.queued;
        cursor = part.next_cursor;
        if cursor.is_none() {
            return Ok(queued);
        }
    }
}

/// A part of a retry of many.
pub(crate) struct Part {
    /// How many were set going.
    pub(crate) queued: usize,
    /// Where to go on.
    pub(crate) next_cursor: Option<String>,
}

/// Sets the next ones of those that match going.
///
/// # Errors
/// When the tables do not answer, or the cursor is none of theirs.
pub(crate) async fn retry_some(
    app: &App,
    filter: &Filter,
    rules: Rules,
    cursor: Option<&str>,
) -> Result<Part, Problem> {
    let page = app.store.history(filter, MAX_LIMIT, cursor).await.map_err(history_problem)?;
    let going = |state| state == TransactionState::Running;
    let ready = page.items.into_iter().filter(|found| !found.is_final() && !going(found.state));
    let ready = ready.map(|found| found.id).collect();
    let accounts = app.store.retry_all(ready, rules.into(), app.clock.now()).await?;
    let queued = accounts.len();
    app.wake(accounts).await;
    Ok(Part { queued, next_cursor: page.next_cursor })
}

impl From<RetryError> for Problem {
    fn from(error: RetryError) -> Self {
        match error {
            RetryError::Missing => Self::not_found(text("no-transaction")),
            RetryError::Illegal(illegal) => Self::conflict(text("not-retried").with_text("state", illegal.from.into())),
            RetryError::NoBundle => Self::conflict(text("rules-gone")),
            RetryError::OtherAccount => Self::conflict(text("other-account")),
            RetryError::Busy => Self::conflict(text("lead-busy")),
            RetryError::Store(error) => error.into(),
        }
    }
}
