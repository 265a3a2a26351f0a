//! Logging in with Facebook: a person lets the app in and chooses a page, and no token has to be copied.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use domain::Slug;
use facebook::graph::{GraphError, OwnPage};
use http::{HeaderMap, header};
use openidconnect::CsrfToken;
use secrecy::SecretString;
use serde::Deserialize;
use store::Sealed;

use super::{Page, Reader};
use crate::{
    app::App,
    connections::{self as api, ConnectionChange, NewConnection},
    failure::graph_problem,
    problem::Problem,
    request::{Body, Ids, Query, cookies},
    text::text,
};

/// The cookie that tells a login of this browser from one that somebody else began.
const LOGIN: &str = "facebook-login";

/// What a sealed token of a person is good for: to choose a page with it.
const PERSON: &str = "person_token";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/connections/facebook/log-in", get(log_in))
        .route("/connections/facebook/back", get(logged_in).post(choose_page))
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

/// Leads to Facebook, where a person lets the app read the leads of a page.
async fn log_in(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let state = CsrfToken::new_random().into_secret();
    let address = app.systems.graph.login_address(&app.login_return(), &state);
    let address = address.ok_or_else(|| Problem::conflict(text("no-app-id")))?;
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
    if back.state.is_empty() || !cookies(&headers, LOGIN).any(|begun| begun == back.state) {
        return Err(Problem::conflict(text("login-stale")));
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
    connect_page(app, &reader, chosen.ok_or_else(|| Problem::not_found(text("no-page")))?).await
}

/// Connects a page as `POST /api/connections` does; one that is connected gets the new token.
async fn connect_page(app: Arc<App>, reader: &Reader, page: OwnPage) -> Result<Response, Problem> {
    let known = app.store.connections().await?;
    let OwnPage { id: page_id, name, token } = page;
    let (id, said) = match known.into_iter().find(|connection| connection.page_id() == Some(&page_id)) {
        Some(connection) => {
            let (id, change) = (connection.id.clone(), Body(ConnectionChange::page_token(token)));
            let _ = api::change(State(app), reader.language, Ids(id), change).await?;
            (connection.id.into(), "key-replaced")
        }
        None => {
            let new = Body(NewConnection::page(name, page_id, token));
            (api::create(State(app), reader.language, new).await?.1.0.id, "connected")
        }
    };
    Ok(Redirect::to(&format!("/connections/{id}?said={said}")).into_response())
}

/// What a secret that belongs to no connection yet is sealed for.
#[expect(clippy::expect_used, reason = "a slug")]
fn nowhere() -> Slug {
    "none".parse().expect("a slug")
}
