//! One bundle: start, stop, try on a lead or on answers, bring old leads.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use domain::{Bundle, BundleState, Form as LeadForm, Question, Slug};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use store::Filter;

use super::{made, sent::Sent};
use crate::{
    app::App,
    backfill, bundles as api,
    pages::{Page, Reader},
    preview::{self, Preview},
    problem::Problem,
    request::{Body, Ids, parse},
    text::text,
    transactions::history_problem,
};

/// How many of a bundle's last leads a preview offers.
const LEADS: usize = 10;

#[derive(Template)]
#[template(path = "bundles/one.html")]
pub(super) struct One {
    reader: Reader,
    bundle: Bundle,
    /// The bundle's form; nothing where Meta does not tell.
    form: Option<LeadForm>,
    leads: Vec<(String, Timestamp)>,
    sample: BTreeMap<String, String>,
    since: String,
    preview: Option<Preview>,
    problem: Option<Problem>,
}

pub(super) async fn one(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<One>, Problem> {
    One::of(&app, reader, &id).await.map(Page)
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
) -> Result<Response, Problem> {
    let started = api::start(State(Arc::clone(&app)), reader.language, Ids(id.clone())).await;
    done(&app, reader, &id, started.map(drop), "bundle-started").await
}

pub(super) async fn stop(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let stopped = api::stop(State(Arc::clone(&app)), Ids(id.clone())).await;
    done(&app, reader, &id, stopped.map(drop), "bundle-stopped").await
}

pub(super) async fn duplicate(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
) -> Result<Response, Problem> {
    let mut document = api::find(&app, &id).await?.document;
    document.title = reader.say_with("copy-of", "title", document.title.as_str());
    let Value::Object(document) = json!(document) else { return Err(Problem::not_found(text("no-bundle"))) };
    Ok(made(&api::make(&app, document).await?, false))
}

pub(super) async fn delete(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    api::delete(State(app), Ids(id)).await?;
    Ok(Redirect::to("/bundles?said=bundle-deleted").into_response())
}

/// Tries the bundle on a lead that came, or on answers that are typed.
pub(super) async fn try_out(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let sent = Sent(sent);
    let typed = sent.0.iter().filter_map(|(name, value)| Some((name.strip_prefix("answers.")?, value.trim())));
    let sample: BTreeMap<String, String> = typed.map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
    let body = match sent.text("leadgen_id") {
        "" => json!({"answers": sample}),
        leadgen_id => json!({"leadgen_id": leadgen_id}),
    };
    let Value::Object(body) = body else { return Err(Problem::not_found(text("no-lead"))) };
    let page = One { sample, ..One::of(&app, reader, &id).await? };
    let seen = match parse(body) {
        Ok(sample) => Preview::of(&app, &page.bundle, sample, page.form.clone(), page.reader.language).await,
        Err(problem) => Err(problem),
    };
    match seen {
        Ok(preview) => Ok(Page(One { preview: Some(preview), ..page }).into_response()),
        Err(problem) => Ok((problem.status, Page(One { problem: Some(problem), ..page })).into_response()),
    }
}

/// Brings old leads, from the beginning of a day on.
pub(super) async fn bring(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let since = format!("{}T00:00:00Z", Sent(sent).text("since"));
    let asked = parse(Map::from_iter([("since".to_owned(), since.into())]));
    let brought = match asked {
        Ok(asked) => backfill::backfill(State(Arc::clone(&app)), reader.language, Ids(id.clone()), Body(asked)).await,
        Err(problem) => Err(problem),
    };
    done(&app, reader, &id, brought.map(drop), "backfill-asked").await
}

/// Goes back to the bundle and says what was done, or shows why it was not.
pub(super) async fn done(
    app: &Arc<App>,
    reader: Reader,
    id: &Slug,
    result: Result<(), Problem>,
    said: &str,
) -> Result<Response, Problem> {
    match result {
        Ok(()) => Ok(Redirect::to(&format!("/bundles/{id}?said={said}")).into_response()),
        Err(problem) => {
            let page = One::of(app, reader, id).await?;
            Ok((problem.status, Page(One { problem: Some(problem), ..page })).into_response())
        }
    }
}

impl One {
    async fn of(app: &Arc<App>, reader: Reader, id: &Slug) -> Result<Self, Problem> {
        let bundle = api::find(app, id).await?;
        let filter = Filter { bundle: Some(id.clone()), ..Filter::default() };
        let leads = app.store.history(&filter, LEADS, None).await.map_err(history_problem)?.items;
        let leads = leads.into_iter().map(|lead| (lead.id.leadgen_id.to_string(), lead.received_at)).collect();
        let since = (app.clock.now() - SignedDuration::from_hours(7 * 24)).to_string().chars().take(10).collect();
        let form = preview::form(app, &bundle, reader.language).await;
        let form = form.inspect_err(|problem| {
            tracing::warn!(bundle_id = %id, status = problem.status.as_u16(), "the form's questions are not shown");
        });
        let (form, sample) = (form.ok(), BTreeMap::new());
        Ok(Self { reader, bundle, form, leads, sample, since, preview: None, problem: None })
    }

    fn questions(&self) -> &[Question] {
        self.form.as_ref().map(|form| form.questions.as_slice()).unwrap_or_default()
    }

    fn is_active(&self) -> bool {
        self.bundle.state == BundleState::Active
    }

    fn typed(&self, key: &str) -> String {
        self.sample.get(key).cloned().unwrap_or_default()
    }
}
