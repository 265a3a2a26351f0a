//! Fates by the numbers of their effects.

use std::{collections::BTreeMap, time::Duration};

use crate::effects::{Boundary, Fate, Kind};

/// What befalls which effect; nothing befalls the others.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    by_number: BTreeMap<usize, Fate>,
    /// The first effect of this name meets this fate.
    first: Option<(&'static str, Fate)>,
}

impl Plan {
    /// These fates, by the numbers of their effects.
    pub fn of(fates: impl IntoIterator<Item = (usize, Fate)>) -> Self {
        Self { by_number: fates.into_iter().collect(), first: None }
    }

    /// The same, and the first effect of a name meets a fate too, unless it has another one.
    #[must_use]
    pub fn with_first(self, first: Option<(&'static str, Fate)>) -> Self {
        Self { first, ..self }
    }

    pub(crate) fn fate(&mut self, number: usize, name: &str) -> Fate {
        if let Some(fate) = self.by_number.get(&number) {
            return *fate;
        }
        let first = self.first.take_if(|(wanted, _)| *wanted == name);
        first.map_or(Fate::Fine, |(_, fate)| fate)
    }
}

/// How late a write takes effect whose answer was lost: shortly before the quiet period ends.
const LATE: Duration = Duration::from_secs(50);

/// What can befall an effect at this boundary. A read that crashes afterwards is the next effect's crash before it,
/// but for the last one; a write to the tables is done at once or not at all.
pub fn outcomes(boundary: &Boundary) -> Vec<Fate> {
    let crashes = [Fate::CrashBefore, Fate::CrashAfter];
    let failures: &[Fate] = match boundary.kind {
        Kind::StoreRead => &[Fate::NotApplied],
        Kind::StorePut => &[Fate::NotApplied, Fate::AnswerLost, Fate::Repeated],
        Kind::StoreTransaction => &[Fate::NotApplied, Fate::AnswerLost],
        Kind::Ask => &[Fate::NotApplied, Fate::Status(503)],
        Kind::Set | Kind::Create => &[
            Fate::NotApplied,
            Fate::AnswerLost,
            Fate::Status(500),
            Fate::DoneThenStatus(500),
            Fate::Garbage,
            Fate::LateCommit(LATE),
        ],
    };
    crashes.into_iter().chain(failures.iter().copied()).collect()
}
