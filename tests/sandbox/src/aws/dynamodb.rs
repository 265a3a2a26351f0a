use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use dynoxide::{Database, DynoxideError};
use http::StatusCode;
use http::uri::PathAndQuery;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::access::{self, Access};
use super::data_dir::DataDir;
use super::units::{self, Meter};
use crate::template::Table;

/// How often expired items are removed. AWS takes up to days, so nothing may rely on it.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Opens the database of the data directory, or one in memory.
pub(super) fn open(data_dir: Option<&DataDir>) -> anyhow::Result<Database> {
    let database = match data_dir {
        None => Database::memory(),
        Some(data_dir) => {
            let file = data_dir.file("dynamodb.sqlite");
            Database::new(file.to_str().context("the data directory's name is not UTF-8")?)
        }
    };
    database.context("DynamoDB could not be opened")
}

/// Creates `table` with its indexes and time to live, unless it is there.
pub(super) fn create_table(database: &Database, table: &Table) -> anyhow::Result<()> {
    let properties = &table.properties;
    let request = json!({
        "TableName": table.id,
        "AttributeDefinitions": properties["AttributeDefinitions"],
        "KeySchema": properties["KeySchema"],
        "GlobalSecondaryIndexes": properties["GlobalSecondaryIndexes"],
        "BillingMode": properties["BillingMode"],
    });
    match database.create_table(serde_json::from_value(request)?) {
        Err(DynoxideError::ResourceInUseException(_)) => return Ok(()),
        created => created?,
    };
    let time_to_live = json!({"TableName": table.id, "TimeToLiveSpecification": properties["TimeToLiveSpecification"]});
    database.update_time_to_live(serde_json::from_value(time_to_live)?)?;
    Ok(())
}

/// Answers on the first listener until `stop`, those that may do what they ask for, and counts what that costs; the second is
/// for the way behind it.
pub(super) fn serve(
    [front, back]: [TcpListener; 2],
    database: Database,
    access: &Arc<Access>,
    meter: &Meter,
    stop: &CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let (address, behind) = (front.local_addr()?, Behind::at(back.local_addr()?));
    tokio::spawn(sweep(database.clone(), stop.clone()));
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        if let Err(error) = dynoxide::server::serve_with_shutdown(back, database, stopped).await {
            tracing::error!(error, "DynamoDB stopped");
        }
    });
    let router = Router::new().fallback(forward).with_state(behind);
    let router = router.layer(from_fn_with_state(meter.clone(), units::count));
    let router = router.layer(from_fn_with_state(Arc::clone(access), access::guard));
    let serving = axum::serve(front, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the way to DynamoDB is closed");
        }
    });
    Ok(address)
}

/// DynamoDB itself, which knows nothing of policies.
#[derive(Debug, Clone)]
struct Behind {
    client: Client<HttpConnector, Body>,
    authority: String,
}

impl Behind {
    fn at(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        // Head and body go separately; nobody is to wait for an acknowledgement between them.
        connector.set_nodelay(true);
        Self { client: Client::builder(TokioExecutor::new()).build(connector), authority: address.to_string() }
    }
}

async fn forward(State(behind): State<Behind>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let Ok(uri) = format!("http://{}{path}", behind.authority).parse() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    *request.uri_mut() = uri;
    match behind.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(%error, "DynamoDB does not answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn sweep(database: Database, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(SWEEP_INTERVAL)).await.is_some() {
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items stay"),
            Err(error) => tracing::warn!(%error, "expired items stay"),
        }
    }
}
