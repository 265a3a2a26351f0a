//! One lead on one screen: what was done, why it stands where it stands, and what a person can do about it.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use domain::{MetaId, Slug, State as TransactionState, TransactionId};
use serde_json::{Map, Value, json};

use super::{Page, Reader};
use crate::{
    app::App,
    erase::{self, Forgotten},
    explain::Explanation,
    preview::{self, Preview},
    problem::Problem,
    request::{Body, Ids, Query, parse},
    resolve, retry,
    transactions::TransactionDetails,
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/history/{bundle_id}/{leadgen_id}", get(page))
        .route("/history/{bundle_id}/{leadgen_id}/retry", post(retry_it))
        .route("/history/{bundle_id}/{leadgen_id}/preview", get(preview_it))
        .route("/history/{bundle_id}/{leadgen_id}/resolve", post(resolve_it))
        .route("/erase", get(whom).post(forget))
}

#[derive(Template)]
#[template(path = "history/transaction.html")]
struct One {
    reader: Reader,
    details: TransactionDetails,
    title: String,
    ad_id: Option<String>,
    answers: Vec<(String, String)>,
    reveal: bool,
    preview: Option<Preview>,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "history/erase.html")]
struct Erase {
    reader: Reader,
    forgotten: Option<Forgotten>,
    problem: Option<Problem>,
    leadgen_id: String,
}

async fn page(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids((bundle_id, leadgen_id)): Ids<(Slug, MetaId)>,
    Query(shown): Query<Shown>,
) -> Result<Page<One>, Problem> {
    One::of(&app, reader, TransactionId { leadgen_id, bundle_id }, shown.reveal).await.map(Page)
}

/// What the address of a lead may say.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Shown {
    reveal: bool,
    /// What was just done: see [`Reader::said`].
    #[serde(rename = "said")]
    _said: String,
}

/// What the bundle would do with the lead by its rules of today.
async fn preview_it(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids((bundle_id, leadgen_id)): Ids<(Slug, MetaId)>,
) -> Result<Response, Problem> {
    let sample = parse(Map::from_iter([("leadgen_id".to_owned(), leadgen_id.as_str().into())]))?;
    let seen = preview::preview(State(Arc::clone(&app)), reader.language, Ids(bundle_id.clone()), Body(sample)).await;
    let page = One::of(&app, reader, TransactionId { leadgen_id, bundle_id }, false).await?;
    match seen {
        Ok(preview) => Ok(Page(One { preview: Some(preview.0), ..page }).into_response()),
        Err(problem) => Ok((problem.status, Page(One { problem: Some(problem), ..page })).into_response()),
    }
}

async fn retry_it(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids((bundle_id, leadgen_id)): Ids<(Slug, MetaId)>,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    let id = TransactionId { leadgen_id: leadgen_id.clone(), bundle_id: bundle_id.clone() };
    let retried = retry::one(State(Arc::clone(&app)), Ids((bundle_id, leadgen_id)), Body(parse(sent)?)).await;
    done(&app, reader, id, retried.map(drop), "retried-one").await
}

async fn resolve_it(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids((bundle_id, leadgen_id)): Ids<(Slug, MetaId)>,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    let id = TransactionId { leadgen_id: leadgen_id.clone(), bundle_id: bundle_id.clone() };
    let language = reader.language;
    let resolved = match decision(sent) {
        Ok(body) => resolve::resolve(State(Arc::clone(&app)), Ids((bundle_id, leadgen_id)), language, Body(body)).await,
        Err(problem) => Err(problem),
    };
    done(&app, reader, id, resolved.map(drop), "resolved").await
}

/// The form's fields as the JSON API takes them: ids are numbers, what is empty is left out.
fn decision(sent: Map<String, Value>) -> Result<resolve::Resolution, Problem> {
    let mut body = Map::new();
    for (name, value) in sent {
        let text = value.as_str().unwrap_or_default().trim().to_owned();
        let number = name.ends_with("_id").then(|| text.parse::<i64>().ok()).flatten();
        match number {
            _ if text.is_empty() => continue,
            Some(number) => body.insert(name, number.into()),
            None => body.insert(name, text.into()),
        };
    }
    parse(body)
}

async fn done(
    app: &App,
    reader: Reader,
    id: TransactionId,
    result: Result<(), Problem>,
    said: &str,
) -> Result<Response, Problem> {
    match result {
        Ok(()) => {
            let address = format!("/history/{}/{}?said={said}", id.bundle_id, id.leadgen_id);
            Ok(Redirect::to(&address).into_response())
        }
        Err(problem) => {
            let page = One::of(app, reader, id, false).await?;
            Ok((problem.status, Page(One { problem: Some(problem), ..page })).into_response())
        }
    }
}

async fn whom(reader: Reader, Query(asked): Query<Lead>) -> Page<Erase> {
    Page(Erase { reader, forgotten: None, problem: None, leadgen_id: asked.leadgen_id })
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Lead {
    leadgen_id: String,
}

async fn forget(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    let leadgen_id = sent.get("leadgen_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let filled = sent.into_iter().filter(|(_, value)| value.as_str().is_some_and(|text| !text.trim().is_empty()));
    let erased = match parse(filled.collect()) {
        Ok(whom) => erase::erase(State(app), Body(whom)).await,
        Err(problem) => Err(problem),
    };
    match erased {
        Ok(forgotten) => {
            let forgotten = Some(forgotten.0);
            Ok(Page(Erase { reader, forgotten, problem: None, leadgen_id: String::new() }).into_response())
        }
        Err(problem) => {
            let status = problem.status;
            Ok((status, Page(Erase { reader, forgotten: None, problem: Some(problem), leadgen_id })).into_response())
        }
    }
}

impl One {
    async fn of(app: &App, reader: Reader, id: TransactionId, reveal: bool) -> Result<Self, Problem> {
        let (details, answers) = TransactionDetails::read(app, &id, reveal, reader.language).await?;
        let bundle = app.store.bundle(&id.bundle_id).await?;
        let title = bundle.map_or_else(|| id.bundle_id.to_string(), |bundle| bundle.document.title);
        let lead = answers.map(|answers| answers.lead);
        let ad_id = lead.as_ref().and_then(|lead| lead.ad_id.as_ref()).map(ToString::to_string);
        let answers = lead.filter(|_| reveal).map(|lead| lead.answers).unwrap_or_default();
        let answers = answers.into_iter().map(|answer| (answer.name, answer.values.join(", "))).collect();
        Ok(Self { reader, details, title, ad_id, answers, reveal, preview: None, problem: None })
    }

    /// Why it stands where it stands, and what to do.
    fn explained(&self) -> Option<Explanation> {
        self.reader.language.reason(self.details.transaction.reason?)
    }

    fn is_in_review(&self) -> bool {
        self.details.transaction.state == TransactionState::Review
    }

    fn can_retry(&self) -> bool {
        use TransactionState as S;
        matches!(self.details.transaction.state, S::Received | S::Waiting | S::Parked | S::Review)
    }

    fn address(&self) -> String {
        let it = &self.details.transaction;
        format!("/history/{}/{}", it.bundle_id, it.leadgen_id)
    }
}

/// A body as people read it.
pub(crate) fn pretty(body: &Value) -> String {
    serde_json::to_string_pretty(body).unwrap_or_else(|_| json!(body).to_string())
}
