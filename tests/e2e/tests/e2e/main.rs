//! The product from outside: webhooks and `/api` in; what RemOnline holds and `/api/transactions` tell out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bundle;
mod clients;
mod door;
mod person;
mod transaction;
mod world;
