//! The two systems outside of the product, built in or not.

use simulators::Server;
use simulators::meta::{App, Meta};
use simulators::remonline::RemOnline;
use url::Url;

use crate::clock::now;
use crate::{Options, reach};

/// The version of the Graph API that the product is written for.
const GRAPH_VERSION: &str = "v26.0";

/// Id of the built-in Meta's app when the options name none.
const APP_ID: &str = "600000000000001";

/// RemOnline and Meta; the built-in ones stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) remonline: Option<RemOnline>,
    pub(crate) remonline_url: String,
    pub(crate) meta: Option<Meta>,
    pub(crate) graph_url: String,
    _servers: Vec<Server>,
}

impl Outside {
    /// Starts what is built in and makes sure that the rest answers.
    pub(crate) async fn start(options: &Options) -> anyhow::Result<Self> {
        let mut servers = Vec::new();
        let (remonline, remonline_url) = match &options.remonline_url {
            Some(url) => (None, reached("--remonline-url", url).await?),
            None => {
                let remonline = RemOnline::demo(now);
                let url = serve(remonline.router_with_control(), "v2", &mut servers).await?;
                (Some(remonline), url)
            }
        };
        let (meta, graph_url) = match &options.graph_url {
            Some(url) => (None, reached("--graph-url", url).await?),
            None => {
                let meta = Meta::demo(app(options), now);
                let url = serve(meta.router_with_control(), GRAPH_VERSION, &mut servers).await?;
                (Some(meta), url)
            }
        };
        Ok(Self { remonline, remonline_url, meta, graph_url, _servers: servers })
    }
}

/// The app of the built-in Meta, which signs with the first of the secrets.
fn app(options: &Options) -> App {
    let secret = options.app_secret.split(',').next().unwrap_or_default().trim().to_owned();
    App { id: options.app_id.clone().unwrap_or_else(|| APP_ID.to_owned()), secret }
}

async fn serve(router: axum::Router, version: &str, servers: &mut Vec<Server>) -> anyhow::Result<String> {
    let server = simulators::serve(router, ([127, 0, 0, 1], 0).into()).await?;
    let url = format!("{}/{version}", server.url());
    servers.push(server);
    Ok(url)
}

async fn reached(flag: &str, url: &Url) -> anyhow::Result<String> {
    reach::check(flag, url).await?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
