//! The jobs between simulators of Meta and RemOnline: what they find, and what they leave for the next round.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod alert;
mod audit;
mod backfill;
mod check;
mod reconcile;
mod redrive;
mod world;
