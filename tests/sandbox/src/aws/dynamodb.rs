use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use dynoxide::{Database, DynoxideError};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::data_dir::DataDir;
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

/// Answers on `listener` until `stop`.
pub(super) fn serve(listener: TcpListener, database: Database, stop: &CancellationToken) -> anyhow::Result<SocketAddr> {
    let address = listener.local_addr()?;
    tokio::spawn(sweep(database.clone(), stop.clone()));
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, stopped).await {
            tracing::error!(error, "DynamoDB stopped");
        }
    });
    Ok(address)
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
