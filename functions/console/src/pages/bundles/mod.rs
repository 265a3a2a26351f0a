//! Bundles: which form becomes which client and which order. Filled in by choosing, tried on a lead, started, watched
//! through its versions.

mod editor;
mod fields;
mod sent;

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use domain::{Bundle, BundleState, Connection, ConnectionState, MetaId, Slug};
use http::{HeaderMap, HeaderValue, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::Filter;

use self::{
    editor::{Rows, Sources},
    sent::Sent,
};
use super::{Page, Reader};
use crate::{
    app::App,
    backfill, bundles as api, connections,
    failure::graph_problem,
    preview::{self, Preview},
    problem::Problem,
    request::{Body, Ids, Query, parse},
    transactions::history_problem,
};

/// How many of a bundle's last leads a preview offers.
const LEADS: usize = 10;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/bundles", get(list))
        .route("/bundles/new", get(begin).post(create))
        .route("/bundles/import", get(import_form).post(import))
        .route("/bundles/{id}", get(one))
        .route("/bundles/{id}/edit", get(edit).post(replace))
        .route("/bundles/{id}/start", post(start))
        .route("/bundles/{id}/stop", post(stop))
        .route("/bundles/{id}/duplicate", post(duplicate))
        .route("/bundles/{id}/delete", post(delete))
        .route("/bundles/{id}/preview", post(try_out))
        .route("/bundles/{id}/backfill", post(bring))
        .route("/bundles/{id}/versions", get(versions))
        .route("/bundles/{id}/roll-back", post(roll_back))
        .route("/bundles/{id}/export", get(export))
}

#[derive(Template)]
#[template(path = "bundles/list.html")]
struct ListPage {
    reader: Reader,
    bundles: Vec<Bundle>,
}

#[derive(Template)]
#[template(path = "bundles/begin.html")]
struct Begin {
    reader: Reader,
    chosen: Chosen,
    sources: Vec<Connection>,
    clients: Vec<Connection>,
    /// Id and name of each form of the page, once the page is chosen.
    forms: Option<Vec<(String, String)>>,
}

#[derive(Template)]
#[template(path = "bundles/edit.html")]
struct Edit {
    reader: Reader,
    action: String,
    /// The version that is replaced, 0 for a new bundle.
    version: u32,
    backfill: bool,
    document: Value,
    form_name: String,
    client: Rows,
    order: Rows,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "bundles/one.html")]
struct One {
    reader: Reader,
    bundle: Bundle,
    questions: Vec<(String, String)>,
    leads: Vec<(String, Timestamp)>,
    sample: BTreeMap<String, String>,
    since: String,
    preview: Option<Preview>,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "bundles/versions.html")]
struct Versions {
    reader: Reader,
    bundle: Bundle,
    versions: Vec<Version>,
}

/// A version with what it changed.
struct Version {
    version: u32,
    made_at: Timestamp,
    difference: String,
}

#[derive(Template)]
#[template(path = "bundles/import.html")]
struct Import {
    reader: Reader,
    document: String,
    problem: Option<Problem>,
}

/// What is chosen before the fields are filled in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Chosen {
    source: String,
    form: String,
    client: String,
    /// Whether leads that came before are wanted too.
    backfill: bool,
}

async fn list(State(app): State<Arc<App>>, reader: Reader) -> Result<Page<ListPage>, Problem> {
    Ok(Page(ListPage { reader, bundles: app.store.bundles().await? }))
}

/// Chooses page, form and shop one after the other, then shows what is recommended.
async fn begin(
    State(app): State<Arc<App>>,
    reader: Reader,
    Query(mut chosen): Query<Chosen>,
) -> Result<Response, Problem> {
    let (sources, clients): (Vec<_>, Vec<_>) =
        app.store.connections().await?.into_iter().partition(|connection| connection.page_id().is_some());
    for (id, connections) in [(&mut chosen.source, &sources), (&mut chosen.client, &clients)] {
        if let ([only], true) = (connections.as_slice(), id.is_empty()) {
            *id = only.id.to_string();
        }
    }
    if !chosen.source.is_empty() && !chosen.client.is_empty() && !chosen.form.is_empty() {
        let named = json!({"source": {"connection": chosen.source, "form_id": chosen.form},
            "client": {"connection": chosen.client}});
        let fields = Sources::read(&app, &named, reader.language).await?;
        let document = fields.recommended(&chosen.source, &chosen.form, &chosen.client);
        return Ok(Page(Edit::new(reader, "/bundles/new", 0, chosen.backfill, document, &fields, None)).into_response());
    }
    let forms = match sources.iter().find(|source| source.id.as_str() == chosen.source) {
        Some(source) => Some(forms(&app, source, &reader).await?),
        None => None,
    };
    Ok(Page(Begin { reader, chosen, sources, clients, forms }).into_response())
}

async fn forms(app: &App, source: &Connection, reader: &Reader) -> Result<Vec<(String, String)>, Problem> {
    let Some(page_id) = source.page_id() else { return Ok(Vec::new()) };
    let forms = app.systems.graph.forms(&app.secret(source).await?, page_id).await;
    let forms = forms.map_err(|error| graph_problem(&error, reader.language))?;
    Ok(forms.into_iter().map(|form| (form.id.to_string(), form.name)).collect())
}

async fn create(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let sent = Sent(sent);
    let backfill = sent.text("backfill") == "true";
    let document = sent.document();
    match api::make(&app, document.clone()).await {
        Ok(made) => Ok(made_now(&made, backfill)),
        Err(problem) if problem.status.is_client_error() => {
            Edit::again(&app, reader, "/bundles/new", 0, backfill, document.into(), problem).await
        }
        Err(problem) => Err(problem),
    }
}

/// Shows the bundle that was made, and where old leads are wanted how to bring them.
fn made_now(made: &Bundle, backfill: bool) -> Response {
    let anchor = if backfill { "#backfill" } else { "" };
    Redirect::to(&format!("/bundles/{}?said=bundle-made{anchor}", made.id)).into_response()
}

async fn one(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<One>, Problem> {
    One::of(&app, reader, &id).await.map(Page)
}

async fn edit(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<Edit>, Problem> {
    let bundle = api::find(&app, &id).await?;
    let document = json!(bundle.document);
    let fields = Sources::read(&app, &document, reader.language).await?;
    Ok(Page(Edit::new(reader, &format!("/bundles/{id}/edit"), bundle.version, false, document, &fields, None)))
}

async fn replace(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let sent = Sent(sent);
    let version = sent.text("version").parse::<u32>().unwrap_or_default();
    let document = sent.document();
    let replaced = api::replace(State(Arc::clone(&app)), Ids(id.clone()), matching(version), Body(document.clone()));
    match replaced.await {
        Ok(_) => Ok(Redirect::to(&format!("/bundles/{id}?said=bundle-saved")).into_response()),
        Err(problem) if problem.status.is_client_error() => {
            let action = format!("/bundles/{id}/edit");
            Edit::again(&app, reader, &action, version, false, document.into(), problem).await
        }
        Err(problem) => Err(problem),
    }
}

/// The header by which only this version is replaced.
fn matching(version: u32) -> HeaderMap {
    let tag = HeaderValue::from_str(&format!("\"{version}\""));
    tag.into_iter().map(|tag| (header::IF_MATCH, tag)).collect()
}

async fn start(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let started = api::start(State(Arc::clone(&app)), reader.language, Ids(id.clone())).await;
    done(&app, reader, &id, started.map(drop), "bundle-started").await
}

async fn stop(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let stopped = api::stop(State(Arc::clone(&app)), Ids(id.clone())).await;
    done(&app, reader, &id, stopped.map(drop), "bundle-stopped").await
}

async fn duplicate(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let mut document = api::find(&app, &id).await?.document;
    document.title = reader.say_with("copy-of", "title", document.title.as_str());
    let Value::Object(document) = json!(document) else { return Err(Problem::not_found("bundle")) };
    Ok(made_now(&api::make(&app, document).await?, false))
}

async fn delete(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    api::delete(State(app), Ids(id)).await?;
    Ok(Redirect::to("/bundles?said=bundle-deleted").into_response())
}

/// Tries the bundle on a lead that came, or on answers that are typed.
async fn try_out(
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
    let Value::Object(body) = body else { return Err(Problem::not_found("lead")) };
    let seen = match parse(body) {
        Ok(body) => preview::preview(State(Arc::clone(&app)), reader.language, Ids(id.clone()), Body(body)).await,
        Err(problem) => Err(problem),
    };
    let page = One { sample, ..One::of(&app, reader, &id).await? };
    match seen {
        Ok(preview) => Ok(Page(One { preview: Some(preview.0), ..page }).into_response()),
        Err(problem) => Ok((problem.status, Page(One { problem: Some(problem), ..page })).into_response()),
    }
}

/// Brings old leads, from the beginning of a day on.
async fn bring(
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

async fn versions(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<Versions>, Problem> {
    let bundle = api::find(&app, &id).await?;
    let made = app.store.bundle_versions(&id).await?;
    let texts = made.iter().map(|version| yaml(&version.document)).collect::<Result<Vec<_>, _>>()?;
    let before = texts.iter().skip(1).map(String::as_str).chain(std::iter::once(""));
    let versions = made.iter().zip(&texts).zip(before).map(|((made, text), before)| Version {
        version: made.version,
        made_at: made.created_at,
        difference: similar::TextDiff::from_lines(before, text).unified_diff().context_radius(1).to_string(),
    });
    let versions = versions.collect();
    Ok(Page(Versions { reader, bundle, versions }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    version: u32,
}

/// Makes the document of an older version the newest one.
async fn roll_back(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(RollBack { version }): Form<RollBack>,
) -> Result<Response, Problem> {
    let newest = api::find(&app, &id).await?.version;
    let older = app.store.bundle_version(&id, version).await?.ok_or_else(|| Problem::not_found("version"))?;
    let Value::Object(document) = json!(older.document) else { return Err(Problem::not_found("version")) };
    let replaced = api::replace(State(Arc::clone(&app)), Ids(id.clone()), matching(newest), Body(document)).await;
    done(&app, reader, &id, replaced.map(drop), "rolled-back").await
}

async fn export(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let document = yaml(&api::find(&app, &id).await?.document)?;
    let headers = [
        (header::CONTENT_TYPE, "application/yaml".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.yaml\"")),
    ];
    Ok((headers, document).into_response())
}

async fn import_form(reader: Reader) -> Page<Import> {
    Page(Import { reader, document: String::new(), problem: None })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Imported {
    document: String,
}

async fn import(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(Imported { document }): Form<Imported>,
) -> Result<Response, Problem> {
    let read = serde_norway::from_str::<Map<String, Value>>(&document);
    let made = match read {
        Ok(read) => api::make(&app, read).await,
        Err(error) => Err(Problem::invalid_field("", format!("The document is no YAML: {error}"))),
    };
    match made {
        Ok(made) => Ok(made_now(&made, false)),
        Err(problem) if problem.status.is_client_error() => {
            Ok((problem.status, Page(Import { reader, document, problem: Some(problem) })).into_response())
        }
        Err(problem) => Err(problem),
    }
}

fn yaml(document: &domain::BundleDocument) -> Result<String, Problem> {
    serde_norway::to_string(document).map_err(|error| Problem::internal(&error))
}

/// Goes back to the bundle and says what was done, or shows why it was not.
async fn done(
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

impl Edit {
    fn new(
        reader: Reader,
        action: &str,
        version: u32,
        backfill: bool,
        document: Value,
        fields: &Sources,
        problem: Option<Problem>,
    ) -> Self {
        let (client, order) = (fields.client(&document, &reader), fields.order(&document, &reader));
        let form_name = fields.form_name().unwrap_or_default().to_owned();
        Self { reader, action: action.to_owned(), version, backfill, document, form_name, client, order, problem }
    }

    /// The form as it was sent, with what is wrong.
    async fn again(
        app: &App,
        reader: Reader,
        action: &str,
        version: u32,
        backfill: bool,
        document: Value,
        problem: Problem,
    ) -> Result<Response, Problem> {
        let fields = Sources::read(app, &document, reader.language).await?;
        let status = problem.status;
        let page = Self::new(reader, action, version, backfill, document, &fields, Some(problem));
        Ok((status, Page(page)).into_response())
    }

    /// A text of the document, empty where there is none.
    fn text(&self, pointer: &str) -> String {
        match self.document.pointer(pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    fn is(&self, pointer: &str, value: &str) -> bool {
        self.text(pointer) == value
    }

    fn matches_on(&self, key: &str) -> bool {
        let keys = self.document.pointer("/client/duplicates/match_on").and_then(Value::as_array);
        keys.is_some_and(|keys| keys.iter().any(|known| known == key))
    }

    fn has_order(&self) -> bool {
        self.document.get("order").is_some_and(|order| !order.is_null())
    }
}

impl One {
    async fn of(app: &Arc<App>, reader: Reader, id: &Slug) -> Result<Self, Problem> {
        let bundle = api::find(app, id).await?;
        let filter = Filter { bundle: Some(id.clone()), ..Filter::default() };
        let leads = app.store.history(&filter, LEADS, None).await.map_err(history_problem)?.items;
        let leads = leads.into_iter().map(|lead| (lead.id.leadgen_id.to_string(), lead.received_at)).collect();
        let since = (app.clock.now() - SignedDuration::from_hours(7 * 24)).to_string().chars().take(10).collect();
        let (questions, sample) = (questions(app, &bundle, &reader).await, BTreeMap::new());
        Ok(Self { reader, bundle, questions, leads, sample, since, preview: None, problem: None })
    }

    fn is_active(&self) -> bool {
        self.bundle.state == BundleState::Active
    }

    fn typed(&self, key: &str) -> String {
        self.sample.get(key).cloned().unwrap_or_default()
    }
}

/// Key and label of each question of the bundle's form. The page is shown without them where Meta does not tell.
async fn questions(app: &App, bundle: &Bundle, reader: &Reader) -> Vec<(String, String)> {
    let read = async {
        let Ok(form_id) = bundle.document.source.form_id.parse::<MetaId>() else { return Ok(Vec::new()) };
        let source = connections::find(app, &bundle.document.source.connection).await?;
        if source.state != ConnectionState::Active {
            return Ok(Vec::new());
        }
        let form = app.systems.graph.form(&app.secret(&source).await?, &form_id).await;
        let form = form.map_err(|error| graph_problem(&error, reader.language))?;
        Ok(form.questions.into_iter().map(|question| (question.key, question.label)).collect())
    };
    read.await.unwrap_or_else(|problem: Problem| {
        tracing::warn!(bundle_id = %bundle.id, status = problem.status.as_u16(), "the form's questions are not shown");
        Vec::new()
    })
}
