//! RemOnline and Meta, reached through the connections that are kept: keys are opened where they are needed, and
//! every call to a RemOnline account keeps the distance that its row prescribes, whoever makes it.
//!
//! This is for those who ask on the way, the console and the scheduler. The processor, which writes, is wired like them and
//! then goes its own way under the account's lease.

mod config;
mod doctor;
mod listing;
mod references;
mod systems;

pub use config::SystemsConfig;
pub use doctor::{Checkup, Fault, Finding, PAGE_SUBSCRIPTION, Seen};
pub use listing::{Listing, ListingError, Taker};
pub use references::{List, Lists, Reference, references};
pub use systems::{ConnectError, OpenError, Systems};
