use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use simulators::lost_answer;
use url::Url;

/// The variables that lead a function to the systems it calls, and what these are called on its own port.
const SYSTEMS: [(&str, &str); 4] = [
    ("AWS_ENDPOINT_URL", "aws"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "dynamodb"),
    ("GRAPH_API_URL", "graph"),
    ("REMONLINE_API_URL", "remonline"),
];

/// The way of one process to everything that it calls: over its own port.
#[derive(Debug)]
pub(crate) struct Detour {
    /// The variables that lead there.
    pub(crate) environment: BTreeMap<String, String>,
    /// What answers there.
    pub(crate) router: Router,
}

/// What is at the end of the detours: scheme, host and port of each system, by its name.
#[derive(Debug, Clone)]
struct Ends {
    client: Client<HttpConnector, Body>,
    origins: BTreeMap<&'static str, String>,
}

impl Detour {
    /// The way over `port` to whatever `environment` leads to.
    pub(crate) fn over(port: SocketAddr, environment: &BTreeMap<String, String>) -> Self {
        let (mut variables, mut origins) = (BTreeMap::new(), BTreeMap::new());
        for (variable, name) in SYSTEMS {
            let Some(url) = environment.get(variable).and_then(|url| url.parse::<Url>().ok()) else { continue };
            origins.insert(name, url.origin().ascii_serialization());
            variables.insert(variable.to_owned(), format!("http://{port}/{name}{}", url.path().trim_end_matches('/')));
        }
        let ends = Ends::of(origins);
        Self { environment: variables, router: Router::new().fallback(forward).with_state(ends) }
    }
}

/// A system that breaks off, or cannot be reached, looks to the process like an answer that was lost.
async fn forward(State(ends): State<Ends>, mut request: Request) -> Response {
    let Some(uri) = ends.beyond(request.uri()) else { return StatusCode::NOT_FOUND.into_response() };
    *request.uri_mut() = uri;
    match ends.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::debug!(%error, "no answer");
            lost_answer()
        }
    }
}

impl Ends {
    fn of(origins: BTreeMap<&'static str, String>) -> Self {
        let mut connector = HttpConnector::new();
        // Head and body go separately; nobody is to wait for an acknowledgement between them.
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), origins }
    }

    /// Where a request to `/<system>/...` is meant to go.
    fn beyond(&self, uri: &Uri) -> Option<Uri> {
        let path = uri.path_and_query()?.as_str().strip_prefix('/')?;
        let (name, rest) = path.split_at(path.find(['/', '?']).unwrap_or(path.len()));
        format!("{}{rest}", self.origins.get(name)?).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("AWS_ENDPOINT_URL", "http://127.0.0.1:9/aws")]
    #[case("REMONLINE_API_URL", "http://127.0.0.1:9/remonline/v2")]
    #[case("GRAPH_API_URL", "")]
    fn a_function_is_led_to_its_own_port(#[case] variable: &str, #[case] expected: &str) {
        let environment =
            [("AWS_ENDPOINT_URL", "http://127.0.0.1:7001"), ("REMONLINE_API_URL", "http://crm.example/v2/")]
                .map(|(name, url)| (name.to_owned(), url.to_owned()));
        let detour = Detour::over(([127, 0, 0, 1], 9).into(), &BTreeMap::from(environment));
        assert_eq!(detour.environment.get(variable).map_or("", String::as_str), expected);
    }

    #[rstest]
    #[case("/aws", "http://127.0.0.1:7001/")]
    #[case("/aws/", "http://127.0.0.1:7001/")]
    #[case("/remonline/v2/orders?page=2", "http://crm.example/v2/orders?page=2")]
    #[case("/remonline?page=2", "http://crm.example/?page=2")]
    #[case("/elsewhere", "")]
    #[case("/", "")]
    fn a_request_gets_where_it_was_meant_to_go(#[case] nearby: &str, #[case] expected: &str) {
        let origins = BTreeMap::from(
            [("aws", "http://127.0.0.1:7001"), ("remonline", "http://crm.example")]
                .map(|(name, origin)| (name, origin.to_owned())),
        );
        let ends = Ends::of(origins);
        let beyond = ends.beyond(&nearby.parse().unwrap());
        assert_eq!(beyond.map_or(String::new(), |uri| uri.to_string()), expected);
    }
}
