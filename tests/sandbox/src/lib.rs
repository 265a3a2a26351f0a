//! The whole product on one machine: embedded AWS, Lambda, API Gateway, the SQS event source mapping, the schedules
//! and the simulators of RemOnline and Meta. What it creates it reads from `infra/template.yaml`.
//!
//! The binary is for people ([`cli`]); end-to-end tests start a [`Sandbox`] in process and knock at its
//! [`url`](Sandbox::url). The functions are always processes of their own, started by [`Options::function_program`].

mod aws;
pub mod cli;
mod clock;
pub mod demo;
mod environment;
pub mod function;
mod gateway;
mod lambda;
mod options;
mod outside;
mod queue;
mod reach;
mod sandbox;
mod schedule;
mod template;
mod tripwire;

pub use aws::{Published, QueueCount, QueueFault, Units};
pub use options::Options;
pub use sandbox::{Queue, Sandbox};
pub use tripwire::{Failpoint, Moment, Trap};

use std::time::Duration;

/// A time-out of the template, divided by the time scale.
fn scaled_seconds(seconds: u32, time_scale: f64) -> Duration {
    Duration::from_secs(u64::from(seconds)).div_f64(time_scale)
}
