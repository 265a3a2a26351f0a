//! Who may use the console.
//!
//! Whoever the issuer signs in (`sign_in`). Without an issuer the console is open only where nobody else can reach it:
//! on loopback, asked for by a loopback name. The second half keeps out foreign pages that make their own name lead to
//! loopback (DNS rebinding); the `Origin` header keeps out those that post to it blindly.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, uri::Authority};
use tracing::Instrument;
use url::{Host, Url};

use crate::{
    app::App,
    problem::Problem,
    sign_in::SignIn,
    text::{Text, text},
};

/// Whether the console answers, and to whom.
#[derive(Debug, Clone)]
pub enum Access {
    /// Only to requests for a loopback name.
    Loopback,
    /// To nobody: nothing says who may sign in.
    NoSignIn,
    /// To those who the issuer signs in.
    SignIn(Arc<SignIn>),
}

impl Access {
    /// What the public address and the sign-in variables mean together.
    pub fn of(console_url: &Url, sign_in: Option<SignIn>) -> Self {
        if let Some(sign_in) = sign_in {
            Self::SignIn(Arc::new(sign_in))
        } else if console_url.host().is_some_and(|host| is_loopback(&host)) {
            Self::Loopback
        } else {
            Self::NoSignIn
        }
    }

    /// Whether a request with these headers is let in without anybody having signed in.
    ///
    /// # Errors
    /// 503 when it is not, 403 when a foreign page sent it.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        match self {
            Self::Loopback if asked_for(headers).is_some_and(|host| is_loopback(&host)) => same_origin(headers),
            Self::Loopback => Err(closed(text("closed-loopback"))),
            Self::NoSignIn => Err(closed(text("closed-no-sign-in"))),
            Self::SignIn(_) => Err(closed(text("closed-sign-in"))),
        }
    }
}

/// Lets a request in or answers it. Where people sign in, the handler finds who it is among the extensions.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Response> {
    let (mut parts, body) = request.into_parts();
    let Access::SignIn(sign_in) = &app.access else {
        app.access.check(&parts.headers).map_err(IntoResponse::into_response)?;
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let signed_in = sign_in.admit(&parts).await?;
    // What is logged meanwhile says who did it.
    let span = tracing::info_span!("signed_in", subject = signed_in.loggable());
    parts.extensions.insert(signed_in);
    Ok(next.run(Request::from_parts(parts, body)).instrument(span).await)
}

fn closed(why: Text) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)
}

/// Browsers name the page that a request comes from; programs do not, and are not misled by pages.
fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    match (origin, host) {
        (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(Problem::new(StatusCode::FORBIDDEN, text("foreign-origin"))),
    }
}

fn asked_for(headers: &HeaderMap) -> Option<Host> {
    let authority: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
    Host::parse(authority.host()).ok()
}

/// Whether this host is the machine itself.
pub(crate) fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    #[rstest]
    #[case("http://127.0.0.1:8080/", true)]
    #[case("http://localhost:8080/", true)]
    #[case("http://[::1]:8080/", true)]
    #[case("https://console.example.com/", false)]
    #[case("https://localhost.example.com/", false)]
    fn only_loopback_is_open(#[case] url: &str, #[case] is_open: bool) {
        let access = Access::of(&url.parse().unwrap(), None);
        assert_eq!(matches!(access, Access::Loopback), is_open, "{access:?}");
    }

    #[rstest]
    #[case(Access::Loopback, "127.0.0.1:8080", None, Ok(()))]
    #[case(Access::Loopback, "LOCALHOST", None, Ok(()))]
    #[case(Access::Loopback, "[::1]:8080", None, Ok(()))]
    #[case(Access::Loopback, "127.0.0.1:8080", Some("http://127.0.0.1:8080"), Ok(()))]
    #[case(Access::Loopback, "127.0.0.1:8080", Some("https://evil.example.com"), Err(403))]
    #[case(Access::Loopback, "127.0.0.1:8080", Some("null"), Err(403))]
    #[case(Access::Loopback, "rebound.example.com", None, Err(503))]
    #[case(Access::NoSignIn, "127.0.0.1:8080", None, Err(503))]
    fn strangers_stay_outside(
        #[case] access: Access,
        #[case] host: &str,
        #[case] origin: Option<&str>,
        #[case] expected: Result<(), u16>,
    ) {
        let answer = access.check(&headers(host, origin)).map_err(|problem| problem.status.as_u16());
        assert_eq!(answer, expected);
    }

    #[test]
    fn a_request_for_no_host_is_not_let_in() {
        assert!(Access::Loopback.check(&HeaderMap::new()).is_err());
    }
}
