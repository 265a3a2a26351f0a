//! Proof that nothing is lost and nothing is written twice.
//!
//! [`run`] plays what a seed decides ([`script`], [`weather`]) with the real processor and scheduler between simulators
//! and rows in memory, on paused time. Every effect of the product passes a seam ([`effects`]) at one of two places, the
//! tables or the transport; there it may fail, come late, be lost, or be the last thing its process does. [`oracle`]
//! judges by what is left behind. [`crash_points`], [`drills`] and [`growth`] are runs with a plan. [`model`] is the protocol
//! itself, looked through whole.

pub mod bench;
pub mod clocks;
pub mod cores;
pub mod crash_points;
pub mod drills;
pub mod effects;
pub mod growth;
pub mod logs;
pub mod meter;
pub mod model;
pub mod oracle;
pub mod people;
pub mod plan;
pub mod price;
mod process;
pub mod queue;
pub mod rules;
pub mod run;
mod schedule;
pub mod script;
pub mod stories;
mod tables;
pub mod weather;
pub mod wire;
pub mod world;
