//! The sandbox from outside, with a function that does what its event says (`examples/probe.rs`).

#![allow(clippy::unwrap_used, reason = "what surprises a test may end it")]

mod command_line;
mod data_dir;
mod gateway;
mod mapping;
mod processes;
mod schedule;
mod setup;
mod tripwires;
