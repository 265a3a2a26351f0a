//! The web console: pages for people, one file for each part. They call what the JSON API calls, so that both do the
//! same; markup is in `templates`, texts in `locales`, and neither is in code. A page works without scripts; htmx
//! replaces parts of it where that saves a reload.

pub(crate) mod assets;
mod bundles;
mod chart;
mod connections;
mod facebook_login;
mod history;
mod home;
mod reader;
mod transaction;
mod unrouted;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{FromRequestParts, State},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use domain::{Connection, ConnectionKind, ConnectionState, State as TransactionState};
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde::Deserialize;

pub(crate) use reader::Reader;
pub(crate) use transaction::pretty;

use crate::{
    app::App,
    explain::Language,
    problem::{Problem, ProblemDetails},
    request::{self, Ids, Query},
    sign_in::ReturnPath,
    text::text,
};

/// What a page may load and do: only what comes from this console. Source: W3C, Content Security Policy Level 3.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types default";

/// Every page and what pages load.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(home::page))
        .route("/language/{tag}", get(choose_language))
        .merge(bundles::routes())
        .merge(connections::routes())
        .merge(facebook_login::routes())
        .merge(history::routes())
        .merge(transaction::routes())
        .merge(unrouted::routes())
}

/// What pages load.
pub(crate) fn assets() -> Router<Arc<App>> {
    let files = [assets::STYLE, assets::SCRIPT, assets::HTMX];
    files
        .into_iter()
        .fold(Router::new(), |router, file| router.route(&file.path(), get(move || async move { file.answer() })))
}

/// A rendered template.
#[derive(Debug)]
pub(crate) struct Page<T>(pub(crate) T);

impl<T: Template> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        match self.0.render() {
            Ok(markup) => {
                let policy = [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))];
                (policy, Html(markup)).into_response()
            }
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}

/// How a problem is shown to a person.
#[derive(Debug)]
pub(crate) struct ProblemPage {
    reader: Reader,
    reads: bool,
    path: String,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemTemplate {
    reader: Reader,
    title: String,
    problem: ProblemDetails,
}

impl ProblemPage {
    /// Whether somebody asks who wants to see a page.
    pub(crate) async fn wanted(parts: &mut Parts) -> Option<Self> {
        if !request::wants_page(&parts.headers, parts.uri.path()) {
            return None;
        }
        let Ok(reader) = Reader::from_request_parts(parts, &()).await;
        Some(Self { reader, reads: parts.method == Method::GET, path: parts.uri.path().to_owned() })
    }

    /// Shows the problem, or leads back from an address that only does something and was opened again.
    pub(crate) fn show(self, problem: &Problem) -> Response {
        let Self { reader, reads, path } = self;
        if reads && problem.status == StatusCode::METHOD_NOT_ALLOWED {
            return Redirect::to(path.rsplit_once('/').map_or("/", |(above, _)| above)).into_response();
        }
        let title = reader.language.line(&format!("problem-{}", problem.status.as_u16()), None);
        let title = title.unwrap_or_else(|| reader.say("problem"));
        let told = problem.told(reader.language);
        (problem.status, Page(ProblemTemplate { reader, title, problem: told })).into_response()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Back {
    to: Option<String>,
}

/// Keeps the language for a year and goes back to the page.
async fn choose_language(
    State(app): State<Arc<App>>,
    Ids(tag): Ids<String>,
    Query(Back { to }): Query<Back>,
) -> Result<Response, Problem> {
    let language = Language::of_tag(&tag).ok_or_else(|| Problem::not_found(text("no-language")))?;
    let cookie = format!("{}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", reader::LANGUAGE, language.tag());
    // What leads elsewhere leads home.
    let to = to.and_then(|to| ReturnPath::parse(&app.console_url, &to)).unwrap_or_else(ReturnPath::home);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(to.as_str())).into_response())
}

/// The text that names a field.
pub(crate) fn label(field: &str) -> String {
    format!("field-{field}")
}

/// What is behind a key or token.
pub(crate) fn account(connection: &Connection) -> &str {
    match &connection.kind {
        ConnectionKind::Remonline { account } => &account.name,
        ConnectionKind::Facebook { page_name, .. } => page_name,
    }
}

/// How good the state of a connection is, as a class of the style sheet.
pub(crate) fn tone(connection: &Connection) -> &'static str {
    match connection.state {
        ConnectionState::Active => "good",
        ConnectionState::Paused => "warn",
        ConnectionState::KeyRejected | ConnectionState::Forbidden => "bad",
    }
}

/// A word of a closed list as the JSON API writes it.
pub(crate) fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// How good a state is, as a class of the style sheet.
pub(crate) fn tone_of(state: &TransactionState) -> &'static str {
    match state {
        TransactionState::Done => "good",
        TransactionState::Waiting => "warn",
        TransactionState::Parked | TransactionState::Review => "bad",
        TransactionState::Received
        | TransactionState::Running
        | TransactionState::Skipped
        | TransactionState::Erased => "",
    }
}

/// The client in RemOnline's own pages. The address is not documented; integrations use it.
pub(crate) fn client_address(id: &i64) -> String {
    format!("https://web.roapp.io/contacts/people/{id}")
}

/// The order in RemOnline's own pages. The address is not documented; integrations use it.
pub(crate) fn order_address(id: &i64) -> String {
    format!("https://web.roapp.io/orders/table/{id}")
}
