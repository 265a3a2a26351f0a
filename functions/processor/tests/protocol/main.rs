//! The story of one lead, told between simulators: what ends up in RemOnline and what the history says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clients;
mod comments;
mod connections;
mod deaths;
mod lost_answers;
mod outages;
mod pace;
mod settled;
mod stale_search;
mod stories;
mod world;
