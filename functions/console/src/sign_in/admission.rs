//! Whether a request is let in, and what it is answered if not.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, Method, StatusCode, header, request::Parts};
use secrecy::SecretString;
use url::{Url, form_urlencoded};

use super::{SignIn, SignedIn, cookies, provider::Failure, redirect, return_path::ReturnPath};
use crate::{problem::Problem, request::wants_page, text::text};

/// Where htmx goes instead of showing the answer. Source: htmx, "Response Headers".
pub(super) const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
const HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl SignIn {
    /// Who sent this request: a token says so, or the session of a browser.
    ///
    /// # Errors
    /// What the request is answered instead: the way to the sign-in, 401 for a program, 403 for a foreign page, 503
    /// when the issuer does not answer.
    pub(crate) async fn admit(&self, parts: &Parts) -> Result<SignedIn, Response> {
        if let Some(token) = bearer(&parts.headers) {
            return self.provider.bearer(&token).await.map_err(|failure| refused(&failure));
        }
        let session: Option<SignedIn> = self.cookies.kept(cookies::SESSION, &parts.headers, self.clock.now());
        let signed_in = session.ok_or_else(|| self.sign_in_first(parts))?;
        // A browser sends its cookies along with what a foreign page makes it send; a token it does not.
        if !parts.method.is_safe() {
            from_own_page(&parts.headers, &self.console).map_err(IntoResponse::into_response)?;
        }
        Ok(signed_in)
    }

    /// Shows a browser the way; tells a program what is missing.
    fn sign_in_first(&self, parts: &Parts) -> Response {
        if is_htmx(&parts.headers) {
            return (StatusCode::UNAUTHORIZED, [(HX_REDIRECT, sign_in_at(&self.shown(parts)))]).into_response();
        }
        if wants_page(&parts.headers, parts.uri.path()) {
            return redirect(&sign_in_at(&self.asked_for(parts)), []);
        }
        let problem = Problem::new(StatusCode::UNAUTHORIZED, text("sign-in-first"));
        ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response()
    }

    /// The page that was asked for; what a form was sent to is no page.
    fn asked_for(&self, parts: &Parts) -> ReturnPath {
        let path = parts.uri.path_and_query().filter(|_| parts.method == Method::GET);
        path.and_then(|path| ReturnPath::parse(&self.console, path.as_str())).unwrap_or_else(ReturnPath::home)
    }

    /// The page that htmx works on: what it asks for is a piece of it.
    fn shown(&self, parts: &Parts) -> ReturnPath {
        let url = parts.headers.get(HX_CURRENT_URL).and_then(|url| Url::parse(url.to_str().ok()?).ok());
        let path = url.map(|url| url[url::Position::BeforePath..url::Position::AfterQuery].to_owned());
        path.and_then(|path| ReturnPath::parse(&self.console, &path)).unwrap_or_else(ReturnPath::home)
    }
}

/// The token of an `Authorization: Bearer` header. Source: RFC 6750, section 2.1.
fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().into())
}

/// Source: RFC 6750, section 3.
fn refused(failure: &Failure) -> Response {
    if matches!(failure, Failure::Unreachable) {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, failure.told()).into_response();
    }
    let problem = Problem::new(StatusCode::UNAUTHORIZED, text("token-no-good").with_text("why", failure.told()));
    ([(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")], problem).into_response()
}

/// Whether a page of the console sent this request. Browsers say so in `Origin`, which no page can change; those that
/// leave it out say so in `Sec-Fetch-Site`.
///
/// # Errors
/// 403 when another page sent it, or nobody says which.
pub(super) fn from_own_page(headers: &HeaderMap, console: &Url) -> Result<(), Problem> {
    let is_own = match headers.get(header::ORIGIN) {
        Some(origin) => origin.as_bytes() == console.origin().ascii_serialization().as_bytes(),
        None => headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin"),
    };
    let problem = || Problem::new(StatusCode::FORBIDDEN, text("foreign-page"));
    is_own.then_some(()).ok_or_else(problem)
}

/// Whether htmx sent this request.
pub(super) fn is_htmx(headers: &HeaderMap) -> bool {
    headers.get(HX_REQUEST).is_some_and(|value| value == "true")
}

fn sign_in_at(to: &ReturnPath) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to.as_str()).finish();
    format!("/sign-in?{query}")
}
