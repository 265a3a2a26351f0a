//! What the functions used of AWS.

use std::time::Duration;

use jiff::Timestamp;
use scheduler::Job;

use crate::meter::Units;

/// What the functions used of AWS, but for the tables.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Invocations of the processor.
    pub invocations: usize,
    /// How long they lasted together.
    pub busy: Duration,
    /// Most of them at a time.
    pub most_at_once: usize,
    /// What the scheduler did.
    pub rounds: Vec<Round>,
}

/// A job, done once.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// Which.
    pub job: Job,
    /// When it began.
    pub at: Timestamp,
    /// How long it lasted.
    pub took: Duration,
    /// It came to its end. Otherwise Lambda ended it, or its process died.
    pub ended: bool,
    /// What it consumed of the tables.
    pub units: Units,
}

impl Usage {
    /// Counts one that begins as one of so many, and gives its number.
    pub(super) fn count_invocation(&mut self, at_once: usize) -> usize {
        self.invocations += 1;
        self.most_at_once = self.most_at_once.max(at_once);
        self.invocations - 1
    }
}
