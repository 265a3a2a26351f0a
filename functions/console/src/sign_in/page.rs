//! The few words that the sign-in itself has to say to a person.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    response::{Html, IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use super::provider::Failure;
use crate::{explain::Language, pages, problem::Problem, request::wants_page};

/// Whoever reads the answer: a person in front of a browser, or a program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    language: Language,
    is_person: bool,
}

impl Reader {
    /// Tells why nobody was signed in.
    pub(super) fn told(self, failure: &Failure) -> Response {
        let (status, id) = match failure {
            Failure::Unreachable => (StatusCode::SERVICE_UNAVAILABLE, "sign-in-unreachable"),
            Failure::Refused(_) => (StatusCode::FORBIDDEN, "sign-in-refused"),
            Failure::Stale => (StatusCode::BAD_REQUEST, "sign-in-stale"),
        };
        if let Failure::Refused(reason) = failure {
            tracing::warn!(?reason, "nobody was signed in");
        }
        if self.is_person {
            (status, page(self.language, id)).into_response()
        } else {
            Problem::new(status, failure.told()).into_response()
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let language = pages::Reader::from_request_parts(parts, state).await?.language;
        Ok(Self { language, is_person: wants_page(&parts.headers, parts.uri.path()) })
    }
}

/// Tells that the session is over.
pub(super) fn signed_out(language: Language) -> Response {
    page(language, "signed-out").into_response()
}

/// A page that says what happened and links to what can be done. The texts are ours: there is nothing to escape.
fn page(language: Language, id: &str) -> Html<String> {
    let tag = language.tag();
    let text = language.text(id);
    let (said, link) = text.map(|text| (text.explanation, text.fix)).unwrap_or_default();
    Html(format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>RemOnline Leads</title>\n\
         <p>{said}</p>\n<p><a href=\"/sign-in\">{link}</a></p>\n</html>\n"
    ))
}
