use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
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

/// One system at the end of a detour.
#[derive(Debug, Clone)]
struct System {
    client: Client<HttpConnector, Body>,
    /// Scheme, host and port.
    origin: String,
}

impl Detour {
    /// The way over `port` to whatever `environment` leads to.
    pub(crate) fn over(port: SocketAddr, environment: &BTreeMap<String, String>) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut detour = Self { environment: BTreeMap::new(), router: Router::new() };
        for (variable, name) in SYSTEMS {
            let Some(url) = environment.get(variable).and_then(|url| url.parse::<Url>().ok()) else { continue };
            let system = System { client: client.clone(), origin: url.origin().ascii_serialization() };
            let nearby = format!("http://{port}/{name}{}", url.path().trim_end_matches('/'));
            detour.environment.insert(variable.to_owned(), nearby);
            let router = Router::new().fallback(forward).with_state(system);
            detour.router = detour.router.nest(&format!("/{name}"), router);
        }
        detour
    }
}

/// A system that breaks off, or cannot be reached, looks to the process like an answer that was lost.
async fn forward(State(system): State<System>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("{}{path}", system.origin).parse() else { return lost_answer() };
    *request.uri_mut() = uri;
    match system.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::debug!(%error, origin = system.origin, "no answer");
            lost_answer()
        }
    }
}
