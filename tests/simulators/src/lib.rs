//! RemOnline and Meta as small stateful servers with faults.
//!
//! Each server is an axum router over a cloneable handle, so it answers over a socket ([`serve`]) and, for seeded
//! runs on paused time, called in process ([`Direct`]). A [`Fault`] spoils the answers of either; a lost answer
//! ends as [`transport::TransportError::OutcomeUnknown`] both ways.

mod direct;
mod faults;
mod lost;
pub mod meta;
pub mod remonline;
mod server;

pub use direct::Direct;
pub use faults::{Effect, Fault, Faults};
pub use lost::{AnswerLost, lost_answer};
pub use server::{Server, serve};
