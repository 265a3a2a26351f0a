use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Timing;

/// So many failures in a row open the breaker.
const IN_A_ROW: u32 = 5;

/// So many of the last [`RECENT`] calls that failed open it too.
const TOO_MANY: u32 = 10;

/// Calls that are remembered.
const RECENT: u32 = 20;

/// Whether RemOnline works, as one account's calls tell. While it does not, nobody calls it but one probe now and then,
/// so that an outage costs neither calls nor the attempts of any lead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    /// One bit for each of the last calls, the latest lowest: set when it failed. What is not remembered went well, so
    /// that an account whose calls are answered has nothing to write down.
    recent: u32,
    /// How often in a row it opened; each time it stays open for longer.
    openings: u32,
    /// While it is open: when one call may try again.
    probe_at: Option<Timestamp>,
}

impl Breaker {
    /// Whether calls are held back, but for a probe.
    pub fn is_open(&self) -> bool {
        self.probe_at.is_some()
    }

    /// Until when nobody may call, where that is later than `now`.
    pub fn holds_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.probe_at.filter(|probe_at| now < *probe_at)
    }

    /// Notes how a call went that ended at `now`: `failed` when RemOnline gave no usable answer.
    pub fn note(&mut self, failed: bool, now: Timestamp, timing: &Timing) {
        match (self.is_open(), failed) {
            (true, true) => self.open(now, timing),
            (true, false) => *self = Self::default(),
            (false, _) => {
                self.recent = (self.recent << 1 | u32::from(failed)) & ((1 << RECENT) - 1);
                if self.recent.trailing_ones() >= IN_A_ROW || self.recent.count_ones() >= TOO_MANY {
                    self.open(now, timing);
                }
            }
        }
    }

    fn open(&mut self, now: Timestamp, timing: &Timing) {
        let probe_at = Some(now + timing.breaker(self.openings));
        *self = Self { recent: 0, openings: self.openings.saturating_add(1), probe_at };
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    /// A breaker after calls at second 0, one letter each: `f` failed, `o` was answered.
    fn after(calls: &str) -> Breaker {
        let mut breaker = Breaker::default();
        calls.chars().for_each(|call| breaker.note(call == 'f', at(0), &Timing::scaled(1.0)));
        breaker
    }

    #[rstest]
    #[case::nothing("", false)]
    #[case::four_in_a_row("ffff", false)]
    #[case::five_in_a_row("fffff", true)]
    #[case::interrupted("ffffoffff", false)]
    #[case::half("fofofofofofofofofof", true)]
    #[case::less_than_half("fofofofofofofofofo", false)]
    #[case::half_but_long_ago("fofofofofofofofofooooooooooooooooooooof", false)]
    fn opens_when_calls_keep_failing(#[case] calls: &str, #[case] open: bool) {
        assert_eq!(after(calls).is_open(), open);
    }

    #[test]
    fn answers_leave_nothing_to_write_down() {
        assert_eq!(after("ooooo"), Breaker::default());
        assert_eq!(after(&format!("ff{}", "o".repeat(20))), Breaker::default());
    }

    #[test]
    fn a_failed_probe_doubles_the_time_and_an_answer_closes() {
        let timing = Timing::scaled(1.0);
        let mut breaker = after("fffff");
        let mut now = at(0);
        for seconds in [60, 120, 240, 480, 900, 900] {
            let probe_at = now + jiff::SignedDuration::from_secs(seconds);
            assert_eq!(breaker.holds_until(now), Some(probe_at));
            assert_eq!((breaker.holds_until(probe_at), breaker.is_open()), (None, true));
            now = probe_at;
            breaker.note(true, now, &timing);
        }
        breaker.note(false, now, &timing);
        assert_eq!(breaker, Breaker::default());
    }

    proptest! {
        #[test]
        fn an_answer_always_lets_calls_through_again(failed in proptest::collection::vec(any::<bool>(), 0..60)) {
            let (timing, mut breaker) = (Timing::scaled(1.0), Breaker::default());
            for failed in failed {
                breaker.note(failed, at(0), &timing);
            }
            let was_open = breaker.is_open();
            breaker.note(false, at(0), &timing);
            prop_assert!(!was_open || breaker == Breaker::default());
        }
    }
}
