//! Keys and tokens: enter, try, replace, pause, and what the connection doctor finds.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use domain::{Connection, ConnectionState, Slug};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Page, Reader};
use crate::{
    app::App,
    check::{self, Check},
    connections as api,
    problem::Problem,
    request::{Body, Ids, parse},
};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/connections", get(list))
        .route("/connections/new/remonline", get(new_remonline).post(connect_remonline))
        .route("/connections/new/facebook", get(new_facebook).post(connect_facebook))
        .route("/connections/meta", get(meta))
        .route("/connections/{id}", get(one).post(change))
        .route("/connections/{id}/pause", post(pause))
        .route("/connections/{id}/resume", post(resume))
        .route("/connections/{id}/check", post(examine))
        .route("/connections/{id}/delete", post(delete))
}

#[derive(Template)]
#[template(path = "connections/list.html")]
struct List {
    reader: Reader,
    connections: Vec<Connection>,
}

#[derive(Template)]
#[template(path = "connections/new_remonline.html")]
struct NewRemonline {
    reader: Reader,
    given: Given,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "connections/new_facebook.html")]
struct NewFacebook {
    reader: Reader,
    given: Given,
    /// Whether the app is known, so that people can log in with it.
    can_log_in: bool,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "connections/meta.html")]
struct Meta {
    reader: Reader,
    webhook: String,
    /// Where Facebook leads people after a login, where they can log in.
    login_return: Option<String>,
    pages: Vec<Connection>,
}

#[derive(Template)]
#[template(path = "connections/one.html")]
struct One {
    reader: Reader,
    connection: Connection,
    used_by: Vec<UsedBy>,
    checks: Option<Vec<Check>>,
    problem: Option<Problem>,
}

struct UsedBy {
    id: Slug,
    title: String,
}

/// What a person typed. The key or token is never shown again, so it is not kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Given {
    title: String,
    page_id: String,
}

async fn list(State(app): State<Arc<App>>, reader: Reader) -> Result<Page<List>, Problem> {
    Ok(Page(List { reader, connections: app.store.connections().await? }))
}

async fn new_remonline(reader: Reader) -> Page<NewRemonline> {
    Page(NewRemonline { reader, given: Given::default(), problem: None })
}

async fn new_facebook(State(app): State<Arc<App>>, reader: Reader) -> Page<NewFacebook> {
    Page(NewFacebook { reader, given: Given::default(), can_log_in: app.can_log_in(), problem: None })
}

async fn connect_remonline(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    connect(app, reader, "remonline", sent, |reader, given, problem| {
        Page(NewRemonline { reader, given, problem }).into_response()
    })
    .await
}

async fn connect_facebook(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    let can_log_in = app.can_log_in();
    connect(app, reader, "facebook", sent, |reader, given, problem| {
        Page(NewFacebook { reader, given, can_log_in, problem }).into_response()
    })
    .await
}

/// Connects as `POST /api/connections` does, and shows the form again where a field is to blame.
async fn connect(
    app: Arc<App>,
    reader: Reader,
    kind: &str,
    mut sent: Map<String, Value>,
    form: impl Fn(Reader, Given, Option<Problem>) -> Response,
) -> Result<Response, Problem> {
    sent.insert("kind".to_owned(), kind.into());
    let text = |name: &str| sent.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let given = Given { title: text("title"), page_id: text("page_id") };
    let trimmed = sent.iter().map(|(name, _)| (name.clone(), text(name).into())).collect();
    let connected = match parse(trimmed) {
        Ok(new) => api::create(State(app), reader.language, Body(new)).await,
        Err(problem) => Err(problem),
    };
    match connected {
        Ok((_, made)) => Ok(Redirect::to(&format!("/connections/{}?said=connected", made.id)).into_response()),
        Err(problem) if problem.status.is_client_error() => {
            Ok((problem.status, form(reader, given, Some(problem))).into_response())
        }
        Err(problem) => Err(problem),
    }
}

async fn meta(State(app): State<Arc<App>>, reader: Reader) -> Result<Page<Meta>, Problem> {
    let pages = app.store.connections().await?.into_iter().filter(|it| it.page_id().is_some()).collect();
    let login_return = app.can_log_in().then(|| app.login_return().to_string());
    Ok(Page(Meta { reader, webhook: app.webhook_address(), login_return, pages }))
}

async fn one(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<One>, Problem> {
    One::of(&app, reader, &id).await.map(Page)
}

async fn examine(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<One>, Problem> {
    let found = check::check(State(Arc::clone(&app)), reader.language, Ids(id.clone())).await?.0;
    Ok(Page(One { checks: Some(found.checks), ..One::of(&app, reader, &id).await? }))
}

/// Changes the title or the key as `PATCH /api/connections/{id}` does.
async fn change(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    let said = if sent.contains_key("title") { "renamed" } else { "key-replaced" };
    let changed = match parse(sent) {
        Ok(change) => api::change(State(Arc::clone(&app)), reader.language, Ids(id.clone()), Body(change)).await,
        Err(problem) => Err(problem),
    };
    done(&app, reader, &id, changed.map(drop), said).await
}

async fn pause(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let paused = api::pause(State(Arc::clone(&app)), Ids(id.clone())).await;
    done(&app, reader, &id, paused.map(drop), "paused").await
}

async fn resume(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let resumed = api::resume(State(Arc::clone(&app)), reader.language, Ids(id.clone())).await;
    done(&app, reader, &id, resumed.map(drop), "resumed").await
}

async fn delete(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    match api::delete(State(Arc::clone(&app)), Ids(id.clone())).await {
        Ok(_) => Ok(Redirect::to("/connections?said=disconnected").into_response()),
        Err(problem) => refused(&app, reader, &id, problem).await,
    }
}

/// Goes back to the connection and says what was done, or shows why it was not.
async fn done(
    app: &App,
    reader: Reader,
    id: &Slug,
    result: Result<(), Problem>,
    said: &str,
) -> Result<Response, Problem> {
    match result {
        Ok(()) => Ok(Redirect::to(&format!("/connections/{id}?said={said}")).into_response()),
        Err(problem) => refused(app, reader, id, problem).await,
    }
}

async fn refused(app: &App, reader: Reader, id: &Slug, problem: Problem) -> Result<Response, Problem> {
    let (status, page) = (problem.status, One::of(app, reader, id).await?);
    Ok((status, Page(One { problem: Some(problem), ..page })).into_response())
}

impl One {
    async fn of(app: &App, reader: Reader, id: &Slug) -> Result<Self, Problem> {
        let connection = api::find(app, id).await?;
        let bundles = app.store.bundles().await?.into_iter();
        let users = bundles.filter(|it| it.document.source.connection == *id || it.document.client.connection == *id);
        let used_by = users.map(|bundle| UsedBy { id: bundle.id, title: bundle.document.title }).collect();
        Ok(Self { reader, connection, used_by, checks: None, problem: None })
    }

    fn is_active(&self) -> bool {
        self.connection.state == ConnectionState::Active
    }

    /// The name of the key's field.
    fn secret(&self) -> &'static str {
        self.connection.secret_purpose()
    }
}
