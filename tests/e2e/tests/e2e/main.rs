//! The product from outside: webhooks and `/api` in; what RemOnline holds and `/api/transactions` tell out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bundle;
mod bundles;
mod canaries;
mod clients;
mod corpus;
mod costs;
mod crashes;
mod doctor;
mod door;
mod duplicates;
mod erasure;
mod history;
mod kills;
mod lost_answers;
mod orders;
mod pacing;
mod parked;
mod person;
mod preview;
mod problems;
mod resolve;
mod restart;
mod scheduler;
mod statuses;
mod transaction;
mod watched;
mod webhook;
mod world;
