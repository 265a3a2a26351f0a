//! Who reads a page: in which language, and where.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use domain::{Connection, ConnectionKind, ConnectionState, State as TransactionState};
use fluent_bundle::{FluentArgs, FluentValue};
use http::{header, request::Parts};

use crate::{
    explain::Language,
    problem::{Problem, ProblemDetails},
    request::cookies,
    sign_in::SignedIn,
};

/// The cookie that keeps the chosen language.
pub(super) const LANGUAGE: &str = "language";

/// The parameter that names what was just done, as a text of `locales` that begins with `said-`.
const SAID: &str = "said";

/// The person in front of a page.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    /// The language chosen, else the one that the browser asks for.
    pub(crate) language: Language,
    /// Who signed in; nobody where the console runs without sign-in.
    pub(crate) signed_in: Option<SignedIn>,
    path: String,
    query: String,
}

impl Reader {
    /// A text of the pages. A text that is missing shows its name; the tests look for such.
    pub(crate) fn say(&self, id: &str) -> String {
        self.language.line(id, None).unwrap_or_else(|| id.to_owned())
    }

    /// A text with one value.
    pub(crate) fn say_with<'v>(&self, id: &str, name: &'v str, value: impl Into<FluentValue<'v>>) -> String {
        let values = FluentArgs::from_iter([(name, value.into())]);
        self.language.line(id, Some(&values)).unwrap_or_else(|| id.to_owned())
    }

    /// A problem in words.
    pub(crate) fn told(&self, problem: &Problem) -> ProblemDetails {
        problem.told(self.language)
    }

    /// What is wrong with the field at `pointer`.
    pub(crate) fn fault(&self, problem: &Option<Problem>, pointer: &str) -> Option<String> {
        problem.as_ref()?.fault(pointer, self.language)
    }

    /// Whether the page belongs to this part of the navigation.
    pub(crate) fn is_in(&self, address: &str) -> bool {
        if address == "/" { self.path == "/" } else { self.path.starts_with(address) }
    }

    /// The address of this page in another language.
    pub(crate) fn in_language(&self, language: &Language) -> String {
        let here = if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) };
        let to = url::form_urlencoded::byte_serialize(here.as_bytes()).collect::<String>();
        format!("/language/{}?to={to}", language.tag())
    }

    /// Which system a connection leads to.
    pub(crate) fn system(&self, connection: &Connection) -> String {
        self.say(match connection.kind {
            ConnectionKind::Remonline { .. } => "system-remonline",
            ConnectionKind::Facebook { .. } => "system-facebook",
        })
    }

    /// A state of a connection in words.
    pub(crate) fn connection_state(&self, state: &ConnectionState) -> String {
        self.say(match state {
            ConnectionState::Active => "connection-active",
            ConnectionState::KeyRejected => "connection-key_rejected",
            ConnectionState::Forbidden => "connection-forbidden",
            ConnectionState::Paused => "connection-paused",
        })
    }

    /// A state of a transaction in words.
    pub(crate) fn state(&self, state: &TransactionState) -> String {
        self.say(&format!("state-{}", super::word(state)))
    }

    /// A reason in words, by its name.
    pub(crate) fn reason(&self, name: &str) -> String {
        self.say(&format!("reason-{name}"))
    }

    /// What was just done, where the address says so.
    pub(crate) fn said(&self) -> Option<String> {
        let (_, said) = url::form_urlencoded::parse(self.query.as_bytes()).find(|(name, _)| name == SAID)?;
        self.language.line(&format!("said-{said}"), None)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let chosen = cookies(&parts.headers, LANGUAGE).find_map(Language::of_tag);
        let accepted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        Ok(Self {
            language: chosen.unwrap_or_else(|| Language::accepted(accepted.unwrap_or_default())),
            signed_in: parts.extensions.get().cloned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
        })
    }
}
