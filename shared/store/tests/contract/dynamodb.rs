//! The DynamoDB that the suite runs on.

use std::{
    env, process,
    sync::atomic::{AtomicU32, Ordering},
};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};
use store::{DynamoDb, TableNames, database::Index};

/// Names the endpoint of a DynamoDB for tests. It is left with every table that the tests made.
const ENDPOINT: &str = "STORE_TEST_DYNAMODB_URL";

/// Empty tables of their own, as the template declares them.
pub(crate) async fn dynamodb() -> DynamoDb {
    let endpoint = match env::var(ENDPOINT) {
        Ok(endpoint) => endpoint,
        Err(_) => embedded().await,
    };
    let client = client(endpoint);
    let tables = ["connections", "bundles", "dedup", "transactions"].map(unique);
    for table in &tables {
        create(&client, table, if *table == tables[3] { &Index::ALL } else { &[] }).await;
    }
    let [connections, bundles, dedup, transactions] = tables;
    DynamoDb::new(client, TableNames { connections, bundles, dedup, transactions })
}

/// The endpoint of an empty DynamoDB in this process.
async fn embedded() -> String {
    let database = dynoxide::Database::memory().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()));
    format!("http://{address}")
}

fn client(endpoint: String) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// A name that no other test, in this process or another, gives to a table.
fn unique(table: &str) -> String {
    static MADE: AtomicU32 = AtomicU32::new(0);
    format!("{table}-{}-{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

async fn create(client: &Client, table: &str, indexes: &[Index]) {
    let mut attributes = vec!["pk", "sk"];
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    request = request.set_key_schema(Some(key_schema("pk", "sk")));
    for index in indexes {
        attributes.extend([index.partition(), Index::SORT]);
        let schema = key_schema(index.partition(), Index::SORT);
        let beside = index.projected();
        let kind = if beside.is_empty() { ProjectionType::KeysOnly } else { ProjectionType::Include };
        let beside = (!beside.is_empty()).then(|| beside.iter().map(ToString::to_string).collect());
        let projection = Projection::builder().projection_type(kind).set_non_key_attributes(beside).build();
        let index = GlobalSecondaryIndex::builder().index_name(index.name()).set_key_schema(Some(schema));
        request = request.global_secondary_indexes(index.projection(projection).build().unwrap());
    }
    attributes.sort_unstable();
    attributes.dedup();
    for name in attributes {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(attribute.build().unwrap());
    }
    request.send().await.unwrap();
}

fn key_schema(partition: &str, sort: &str) -> Vec<KeySchemaElement> {
    let element = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    vec![element(partition, KeyType::Hash), element(sort, KeyType::Range)]
}
