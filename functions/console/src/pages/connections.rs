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
use facebook::graph::{GraphError, OwnPage};
use http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use store::Sealed;

use super::{Page, Reader};
use crate::{
    app::App,
    check::{self, Check},
    connections as api,
    failure::graph_problem,
    problem::Problem,
    request::{Body, Ids, Query, parse},
};

/// The cookie that tells a login of this browser from one that somebody else began.
const LOGIN: &str = "facebook-login";

/// What a sealed token of a person is good for: to choose a page with it.
const PERSON: &str = "person_token";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/connections", get(list))
        .route("/connections/new/remonline", get(new_remonline).post(connect_remonline))
        .route("/connections/new/facebook", get(new_facebook).post(connect_facebook))
        .route("/connections/facebook/log-in", get(log_in))
        .route("/connections/facebook/back", get(logged_in).post(choose_page))
        .route("/connections/meta", get(meta))
        .route("/connections/{id}", get(one))
        .route("/connections/{id}/title", post(rename))
        .route("/connections/{id}/key", post(replace_key))
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
#[template(path = "connections/choose_page.html")]
struct ChoosePage {
    reader: Reader,
    /// The person's token, which only this installation opens.
    sealed: String,
    pages: Vec<OwnPage>,
}

/// How a login at Facebook ended. Source: Meta, Facebook Login, "Handling Login Dialog Response".
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LoggedIn {
    code: Option<SecretString>,
    state: String,
}

/// The page that was chosen after a login.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    sealed: Sealed,
    page_id: String,
}

#[derive(Template)]
#[template(path = "connections/meta.html")]
struct Meta {
    reader: Reader,
    webhook: String,
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

/// Leads to Facebook, where a person lets the app read the leads of a page.
async fn log_in(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    #[expect(clippy::disallowed_methods, reason = "nobody may guess it, and nothing else depends on it")]
    let state = hex::encode(rand::random::<[u8; 16]>());
    let address = app.systems.graph.login_address(&app.login_return(), &state);
    let address = address.ok_or_else(|| Problem::conflict("Set FACEBOOK_APP_ID to log in with Facebook."))?;
    // Facebook leads back from another site, which `Strict` would not let the cookie through.
    let secure = if app.console_url.scheme() == "https" { "; Secure" } else { "" };
    let cookie = format!("{LOGIN}={state}; Path=/connections/facebook; Max-Age=600; HttpOnly; SameSite=Lax{secure}");
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(address.as_str())).into_response())
}

/// Connects the only page of the person who logged in, or lets the person choose.
async fn logged_in(
    State(app): State<Arc<App>>,
    reader: Reader,
    headers: HeaderMap,
    Query(back): Query<LoggedIn>,
) -> Result<Response, Problem> {
    if super::reader::cookie(&headers, LOGIN).is_none_or(|begun| begun.is_empty() || begun != back.state) {
        return Err(Problem::conflict("This login was not begun in this browser, or too long ago. Begin anew."));
    }
    let Some(code) = back.code else {
        return Ok(Redirect::to("/connections/new/facebook?said=not-logged-in").into_response());
    };
    let graph = &app.systems.graph;
    let refused = |error: GraphError| graph_problem(&error, reader.language);
    let person = graph.log_in(&code, &app.login_return()).await.map_err(refused)?;
    let mut pages = graph.own_pages(&person).await.map_err(refused)?;
    match pages.pop() {
        None => Ok(Redirect::to("/connections/new/facebook?said=no-pages").into_response()),
        Some(only) if pages.is_empty() => connect_page(app, &reader, only).await,
        Some(last) => {
            pages.push(last);
            let sealed = app.sealer.seal(&nowhere(), PERSON, &person).await?;
            let sealed = super::word(&sealed);
            Ok(Page(ChoosePage { reader, sealed, pages }).into_response())
        }
    }
}

async fn choose_page(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(Choice { sealed, page_id }): Form<Choice>,
) -> Result<Response, Problem> {
    let person = app.sealer.open(&nowhere(), PERSON, &sealed, app.clock.now()).await?;
    let pages = app.systems.graph.own_pages(&person).await;
    let pages = pages.map_err(|error| graph_problem(&error, reader.language))?;
    let chosen = pages.into_iter().find(|page| page.id.as_str() == page_id);
    connect_page(app, &reader, chosen.ok_or_else(|| Problem::not_found("page"))?).await
}

/// Connects a page as `POST /api/connections` does; one that is connected gets the new token.
async fn connect_page(app: Arc<App>, reader: &Reader, page: OwnPage) -> Result<Response, Problem> {
    let known = app.store.connections().await?;
    let token = page.token.expose_secret();
    let (id, said) = match known.into_iter().find(|connection| connection.page_id() == Some(&page.id)) {
        Some(connection) => {
            let change = parse(Map::from_iter([("page_token".to_owned(), token.into())]))?;
            let _ = api::change(State(app), reader.language, Ids(connection.id.clone()), Body(change)).await?;
            (connection.id.into(), "key-replaced")
        }
        None => {
            let new =
                [("kind", "facebook"), ("title", &page.name), ("page_id", page.id.as_str()), ("page_token", token)];
            let new = parse(new.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect())?;
            (api::create(State(app), reader.language, Body(new)).await?.1.0.id, "connected")
        }
    };
    Ok(Redirect::to(&format!("/connections/{id}?said={said}")).into_response())
}

/// What a secret that belongs to no connection yet is sealed for.
#[expect(clippy::expect_used, reason = "a slug")]
fn nowhere() -> Slug {
    "none".parse().expect("a slug")
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
    Ok(Page(Meta { reader, webhook: app.webhook_address(), pages }))
}

async fn one(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<One>, Problem> {
    One::of(&app, reader, &id).await.map(Page)
}

async fn examine(State(app): State<Arc<App>>, reader: Reader, Ids(id): Ids<Slug>) -> Result<Page<One>, Problem> {
    let found = check::check(State(Arc::clone(&app)), reader.language, Ids(id.clone())).await?.0;
    Ok(Page(One { checks: Some(found.checks), ..One::of(&app, reader, &id).await? }))
}

async fn rename(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    change(app, reader, id, sent, "renamed").await
}

async fn replace_key(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(sent): Form<Map<String, Value>>,
) -> Result<Response, Problem> {
    change(app, reader, id, sent, "key-replaced").await
}

/// Changes as `PATCH /api/connections/{id}` does.
async fn change(
    app: Arc<App>,
    reader: Reader,
    id: Slug,
    sent: Map<String, Value>,
    said: &str,
) -> Result<Response, Problem> {
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
