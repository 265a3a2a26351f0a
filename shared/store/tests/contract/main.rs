//! What every storage must do. The suite runs on the store in memory and on DynamoDB, played by an embedded one on
//! loopback, or by whatever answers at `STORE_TEST_DYNAMODB_URL`: `tests/dynamodb-local` has AWS's own play it.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod alerts;
mod breakers;
mod bundles;
mod connections;
mod dynamodb;
mod erasures;
mod findings;
mod fixtures;
mod history;
mod leases;
mod lists;
mod lost_answers;
mod pacing;
mod persons;
mod reading;
mod secrets;
mod statistics;
mod transactions;
mod twins;
mod unrouted;
