//! What needs a person, told to people: everything at once, each thing once, and not more often than hourly unless a
//! connection was closed, which stops every lead behind it.

mod channels;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Connection, Slug, State};
use jiff::{SignedDuration, Timestamp};
use store::{Finding, FindingKind, StoreError, Told};

pub(crate) use channels::Channels;
pub use words::Language;

use crate::{Scheduler, is_closed, unless_changed};

/// How long the next alert waits after one.
const BETWEEN: SignedDuration = SignedDuration::from_hours(1);

/// Leads are counted up to here: whoever has more than this to mend needs no exact number.
const MOST_COUNTED: usize = 1_000;

/// What people are to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Everything that needs a person now.
    pub trouble: Trouble,
    /// What they were told before.
    before: Told,
    /// What they have been told then.
    after: Told,
}

/// What needs a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trouble {
    /// Connections whose key was refused or lacks a right.
    pub closed: Vec<Connection>,
    /// Leads that are parked.
    pub parked: usize,
    /// Leads in review.
    pub review: usize,
    /// What the audit found since people were last told, by kind.
    pub found: BTreeMap<FindingKind, usize>,
    /// Leads of which Meta told nothing, found since people were last told.
    pub missed: usize,
}

impl Scheduler {
    /// What people are to be told now. What they need not be told any more is taken back at once, so that they are told
    /// when it happens again.
    pub(crate) async fn alert(&self, connections: Vec<Connection>) -> Result<Option<Alert>, StoreError> {
        let before = self.store.told().await?;
        let findings = self.store.findings().await?;
        let trouble = Trouble {
            closed: connections.into_iter().filter(is_closed).collect(),
            parked: self.store.count_up_to(MOST_COUNTED, State::Parked).await?,
            review: self.store.count_up_to(MOST_COUNTED, State::Review).await?,
            found: unknown(&before, &findings),
            missed: before.missed,
        };
        let now = self.clock.now();
        if trouble.is_due(&before, now) {
            let latest = findings.iter().map(|finding| finding.found_at).max();
            return Ok(Some(Alert { after: trouble.told(latest.max(before.found_at), now), before, trouble }));
        }
        let after = trouble.still_told(&before);
        if after != before {
            self.keep_told(&before, &after).await?;
        }
        Ok(None)
    }

    /// Has people told of leads of which Meta told nothing.
    ///
    /// # Errors
    /// When the tables refuse.
    pub async fn note_missed(&self, leads: usize) -> Result<(), StoreError> {
        if leads == 0 {
            return Ok(());
        }
        loop {
            let before = self.store.told().await?;
            let after = Told { missed: before.missed + leads, ..before.clone() };
            if unless_changed(self.store.save_told(&before, &after).await)? {
                return Ok(());
            }
        }
    }

    /// Remembers that people were told.
    ///
    /// # Errors
    /// When the tables refuse; then people are told once more.
    pub async fn note_told(&self, alert: &Alert) -> Result<(), StoreError> {
        self.keep_told(&alert.before, &alert.after).await
    }

    /// Where somebody else wrote meanwhile, the next round sees what is left to be told.
    async fn keep_told(&self, before: &Told, after: &Told) -> Result<(), StoreError> {
        unless_changed(self.store.save_told(before, after).await).map(drop)
    }
}

/// What was found after people were last told of findings.
fn unknown(told: &Told, findings: &[Finding]) -> BTreeMap<FindingKind, usize> {
    let unknown = findings.iter().filter(|finding| told.found_at.is_none_or(|until| finding.found_at > until));
    unknown.fold(BTreeMap::new(), |mut kinds, finding| {
        *kinds.entry(finding.kind).or_default() += 1;
        kinds
    })
}

impl Trouble {
    /// Whether people are to be told of it now.
    fn is_due(&self, told: &Told, now: Timestamp) -> bool {
        let closed = self.closed.iter().any(|connection| !told.closed.contains(&connection.id));
        let more = self.parked > told.parked || self.review > told.review;
        let rested = told.at.is_none_or(|at| now - at >= BETWEEN);
        closed || rested && (more || !self.found.is_empty() || self.missed > 0)
    }

    /// What people have been told once this was told.
    fn told(&self, found_at: Option<Timestamp>, now: Timestamp) -> Told {
        Told { at: Some(now), closed: self.closed(), parked: self.parked, review: self.review, found_at, missed: 0 }
    }

    /// What of that which people were told still holds.
    fn still_told(&self, told: &Told) -> Told {
        Told {
            closed: self.closed().intersection(&told.closed).cloned().collect(),
            parked: self.parked.min(told.parked),
            review: self.review.min(told.review),
            ..told.clone()
        }
    }

    fn closed(&self) -> BTreeSet<Slug> {
        self.closed.iter().map(|connection| connection.id.clone()).collect()
    }
}
