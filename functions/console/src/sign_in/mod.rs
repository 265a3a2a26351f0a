//! Sign-in with OpenID Connect.
//!
//! People come through the authorisation code flow with PKCE, which the console handles itself, as a client that has
//! no secret. Then a signed cookie, kept by nobody but their browser, says for an hour who they are. Programs send a
//! token of the same issuer with each request. What is decided here is who somebody is; whoever the issuer signs in
//! for this client may use the whole console.
//! Source: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); RFC 6750 (Bearer).

mod admission;
mod cookies;
mod page;
mod provider;
mod return_path;

use std::sync::Arc;

use axum::{
    Router,
    extract::FromRequestParts,
    response::{AppendHeaders, IntoResponse, Response},
    routing::{get, post},
};
use domain::Clock;
use http::{HeaderMap, HeaderName, StatusCode, header, request::Parts};
use openidconnect::{AuthorizationCode, ClientId, CsrfToken, IssuerUrl};
use serde::{Deserialize, Serialize};
use store::Hasher;
use transport::Transport;
use url::Url;

pub(crate) use self::return_path::ReturnPath;
use self::{
    cookies::{Attempt, Cookies},
    page::Reader,
    provider::{Failure, Provider},
};
use crate::{
    access::Access,
    app::App,
    pages,
    problem::{self, Problem},
    request::Query,
    text::text,
};

/// Where the issuer sends people back to. It has to be registered there.
const CALLBACK: &str = "/sign-in/callback";

/// Where people end after they signed out, sent by the issuer if it ends its own session too. To be registered there.
const SIGNED_OUT: &str = "/signed-out";

/// What the console is at the issuer.
#[derive(Debug, Clone)]
pub struct Registration {
    issuer: IssuerUrl,
    client_id: ClientId,
}

impl Registration {
    /// The issuer's address is taken to the letter, since the issuer's tokens have to name it so.
    ///
    /// # Errors
    /// When the issuer's address is none.
    pub fn new(issuer: String, client_id: String) -> Result<Self, url::ParseError> {
        Ok(Self { issuer: IssuerUrl::new(issuer)?, client_id: ClientId::new(client_id) })
    }
}

/// Somebody whom the issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    /// The issuer's id of the person.
    pub(crate) subject: String,
    /// What to call the person on a page, if the issuer said so.
    pub(crate) name: Option<String>,
}

impl SignedIn {
    /// The subject as it may stand in a log: an id that means nothing to others. Some issuers take the e-mail address,
    /// the phone number or a name instead.
    pub(crate) fn loggable(&self) -> &str {
        let is_digit = |byte: u8| byte.is_ascii_hexdigit();
        let is_opaque = self.subject.bytes().filter(|byte| is_digit(*byte)).count() >= 20
            && self.subject.bytes().all(|byte| is_digit(byte) || byte == b'-');
        if is_opaque { &self.subject } else { "not shown" }
    }
}

/// Everything that signs people in.
#[derive(Debug)]
pub struct SignIn {
    provider: Provider,
    cookies: Cookies,
    console: Url,
    clock: Clock,
}

impl SignIn {
    /// Signs people in to the console at `console`. The issuer is asked nothing before somebody comes.
    pub fn new(
        registration: Registration,
        console: Url,
        transport: Arc<dyn Transport>,
        hasher: &Hasher,
        clock: Clock,
    ) -> Self {
        let cookies = Cookies::new(&registration, hasher, console.scheme() == "https");
        Self { provider: Provider::new(registration, transport, clock.clone()), cookies, console, clock }
    }

    /// The public address of a path of the console.
    fn address(&self, path: &str) -> Url {
        let mut address = self.console.clone();
        address.set_path(path);
        address.set_query(None);
        address
    }

    /// Sends the browser to the issuer, with a note of what is expected back.
    async fn begin(&self, to: ReturnPath) -> Result<Response, Failure> {
        let (issuer, attempt) = self.provider.begin(self.address(CALLBACK), to).await?;
        let cookie = self.cookies.keep(cookies::ATTEMPT, &attempt, self.clock.now());
        Ok(redirect(issuer.as_str(), [cookie]))
    }

    /// Makes a session of the issuer's answer, if this browser asked for it.
    async fn finish(&self, headers: &HeaderMap, callback: Callback) -> Result<Response, Failure> {
        let now = self.clock.now();
        let attempt: Attempt = self.cookies.kept(cookies::ATTEMPT, headers, now).ok_or(Failure::Stale)?;
        if callback.state.as_ref() != Some(&attempt.state) {
            return Err(Failure::Stale);
        }
        if callback.iss.as_deref().is_some_and(|issuer| !self.provider.is(issuer)) {
            return Err(Failure::Refused(text("refused-issuer")));
        }
        let Some(code) = callback.code else {
            let code = callback.error.as_deref().map_or("none", provider::loggable_code);
            tracing::warn!(code, "the issuer sent an error");
            return Err(Failure::Refused(text("refused-person")));
        };
        let signed_in = self.provider.exchange(self.address(CALLBACK), code, attempt.verifier, &attempt.nonce).await?;
        tracing::info!(subject = signed_in.loggable(), "signed in");
        let session = self.cookies.keep(cookies::SESSION, &signed_in, now);
        Ok(redirect(attempt.to.as_str(), [session, self.cookies.forget(cookies::ATTEMPT)]))
    }

    /// Ends the session here and, where the issuer offers it, there. A copy of the cookie would still be good for the
    /// rest of its hour: nothing is kept that could tell it from the original.
    async fn end(&self, headers: &HeaderMap) -> Result<Response, Problem> {
        admission::from_own_page(headers, &self.console)?;
        let there = self.provider.end_session(self.address(SIGNED_OUT)).await;
        let next = there.as_ref().map_or(SIGNED_OUT, Url::as_str);
        let forget = self.cookies.forget(cookies::SESSION);
        Ok(if admission::is_htmx(headers) {
            (StatusCode::OK, [(header::SET_COOKIE, forget), (admission::HX_REDIRECT, next.to_owned())]).into_response()
        } else {
            redirect(next, [forget])
        })
    }
}

/// The routes that people come through before they have signed in, and after they have signed out.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sign-in", get(begin))
        .route(CALLBACK, get(finish))
        .route("/sign-out", post(end))
        .route(SIGNED_OUT, get(signed_out))
        .method_not_allowed_fallback(problem::no_such_method)
}

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
struct Begin {
    to: Option<String>,
}

/// The issuer's answer. Issuers add parameters of their own.
/// Source: RFC 6749, sections 4.1.2 and 4.1.2.1; RFC 9207 (`iss`).
#[derive(Debug, Deserialize)]
struct Callback {
    code: Option<AuthorizationCode>,
    state: Option<CsrfToken>,
    iss: Option<String>,
    error: Option<String>,
}

async fn begin(
    Wanted(sign_in): Wanted,
    reader: Reader,
    Query(Begin { to }): Query<Begin>,
) -> Result<Response, Problem> {
    let to = match to {
        Some(to) => ReturnPath::parse(&sign_in.console, &to).ok_or_else(|| Problem::bad_query(text("query-to")))?,
        None => ReturnPath::home(),
    };
    Ok(sign_in.begin(to).await.unwrap_or_else(|failure| reader.told(&failure)))
}

async fn finish(
    Wanted(sign_in): Wanted,
    reader: Reader,
    headers: HeaderMap,
    Query(callback): Query<Callback>,
) -> Response {
    sign_in.finish(&headers, callback).await.unwrap_or_else(|failure| reader.told(&failure))
}

async fn end(Wanted(sign_in): Wanted, headers: HeaderMap) -> Result<Response, Problem> {
    sign_in.end(&headers).await
}

async fn signed_out(Wanted(_): Wanted, reader: pages::Reader) -> Response {
    page::signed_out(reader.language)
}

/// The sign-in, where there is one: 503 where the console is closed, 404 where nobody has to sign in.
struct Wanted(Arc<SignIn>);

impl FromRequestParts<Arc<App>> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        if let Access::SignIn(sign_in) = &app.access {
            return Ok(Self(Arc::clone(sign_in)));
        }
        app.access.check(&parts.headers)?;
        Err(problem::no_such_path().await)
    }
}

fn redirect<const N: usize>(to: &str, cookies: [String; N]) -> Response {
    let cookies: [(HeaderName, String); N] = cookies.map(|cookie| (header::SET_COOKIE, cookie));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to.to_owned())], AppendHeaders(cookies)).into_response()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("5f3c9a52-7f1e-4a5b-9c68-2f6d1b0e4a77", true)]
    #[case("110169484474386276334", true)]
    #[case("olena@shop.example", false)]
    #[case("+380501112233", false)]
    #[case("380501112233", false)]
    #[case("olena-koval", false)]
    #[case("", false)]
    fn only_a_meaningless_subject_is_logged(#[case] subject: &str, #[case] is_logged: bool) {
        let signed_in = SignedIn { subject: subject.to_owned(), name: None };
        assert_eq!(signed_in.loggable() == subject, is_logged, "{}", signed_in.loggable());
    }
}
