use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Least length of a stretch, in seconds.
const SHORTEST: i64 = 60;

/// Most seconds that a stretch is long: as long as Meta shows a lead, and some more.
const LONGEST: i64 = 100 * 86_400;

/// A walk along the leads of a form, by the time they were created. It goes stretch by stretch, each read to its end
/// before the next, so that a walk that is broken off goes on where it was: Meta's own cursors do not last, and the
/// order of its lists is not documented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// When it began. It ends where it began: what is created later belongs to the next one.
    pub started_at: Timestamp,
    /// Every lead created before this, and within the pass, was read.
    pub read_to: Timestamp,
    /// How many seconds of the list are read in one go.
    pub stretch_seconds: i64,
}

/// A part of a pass, from a whole second on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins, itself included.
    pub from: Timestamp,
    /// Where the next one begins; `None` for the last one, which is open.
    pub to: Option<Timestamp>,
}

impl Pass {
    /// A pass over what was created since `since`, begun at `now`, in one stretch if that is possible.
    pub fn new(since: Timestamp, now: Timestamp) -> Self {
        let read_to = whole_second(since.min(now));
        let stretch_seconds = (now.as_second() - read_to.as_second() + 1).clamp(SHORTEST, LONGEST);
        Self { started_at: now, read_to, stretch_seconds }
    }

    /// What is to be read next; `None` when the pass is over.
    pub fn stretch(&self) -> Option<Stretch> {
        let to = self.read_to + SignedDuration::from_secs(self.stretch_seconds);
        let to = Some(to).filter(|to| *to < self.started_at);
        (self.read_to < self.started_at).then_some(Stretch { from: self.read_to, to })
    }

    /// Notes that a stretch was read to its end. The next one may be longer.
    pub fn advance(&mut self, read: &Stretch) {
        self.read_to = read.to.unwrap_or(self.started_at);
        self.stretch_seconds = self.stretch_seconds.saturating_mul(2).min(LONGEST);
    }

    /// Notes that the time did not suffice for a stretch: the next try reads half of it.
    pub fn break_off(&mut self) {
        let left = self.started_at.as_second() - self.read_to.as_second() + 1;
        self.stretch_seconds = (self.stretch_seconds.min(left) / 2).max(SHORTEST);
    }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    #[test]
    fn a_pass_is_one_open_stretch_when_nothing_comes_between() {
        let begun = at(10_000) + SignedDuration::from_millis(300);
        let mut pass = Pass::new(at(0) + SignedDuration::from_millis(900), begun);
        let whole = Stretch { from: at(0), to: None };
        assert_eq!(pass.stretch(), Some(whole));
        pass.advance(&whole);
        assert_eq!((pass.stretch(), pass.read_to), (None, begun));
    }

    /// Meta shows leads for 90 days.
    #[test]
    fn all_that_meta_shows_is_one_stretch() {
        let pass = Pass::new(at(0), at(90 * 86_400));
        assert_eq!(pass.stretch(), Some(Stretch { from: at(0), to: None }));
    }

    #[test]
    fn a_pass_that_is_broken_off_goes_on_in_shorter_stretches_without_a_gap() {
        let mut pass = Pass::new(at(0), at(10_000));
        pass.break_off();
        pass.break_off();
        let mut read = Vec::new();
        while let Some(stretch) = pass.stretch() {
            read.push(stretch);
            pass.advance(&stretch);
            pass.break_off();
        }
        assert_eq!(read[0], Stretch { from: at(0), to: Some(at(2500)) });
        assert!(read.len() > 2, "{read:?}");
        assert!(read.windows(2).all(|pair| pair[0].to == Some(pair[1].from)), "{read:?}");
        assert_eq!(read.last().unwrap().to, None);
    }

    #[test]
    fn stretches_do_not_shrink_to_nothing() {
        let mut pass = Pass::new(at(0), at(10_000));
        (0..100).for_each(|_| pass.break_off());
        assert_eq!(pass.stretch(), Some(Stretch { from: at(0), to: Some(at(60)) }));
    }

    #[test]
    fn what_lies_ahead_is_no_pass() {
        let begun = at(0) + SignedDuration::from_millis(500);
        assert_eq!(Pass::new(at(50), begun).stretch(), Some(Stretch { from: at(0), to: None }));
    }
}
