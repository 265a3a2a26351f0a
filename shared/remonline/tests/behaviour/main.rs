//! What the client does, seen from the other side: small servers on loopback, reached over the real transport.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod exchanges;
mod order_search;
mod people_search;
mod reference;
mod server;
mod statuses;
