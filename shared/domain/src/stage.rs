use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far the protocol is. An intent stands here before its request is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Stage {
    /// The lead is announced.
    Received,
    /// The answers are stored.
    Fetched,
    /// A client is about to be created, or was.
    ClientIntent(Attempt),
    /// The client is known.
    ClientSet,
    /// An order is about to be created, or was.
    OrderIntent(Attempt),
    /// The order is known, or none is wanted; what follows (status, comment) may be repeated.
    OrderSet,
}

/// One attempt to create something, as noted before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts from 1; 0 is none yet in a series that a person began.
    pub number: u32,
    /// When the first attempt was noted; look-ups search from a little before.
    pub first_at: Timestamp,
    /// The latest moment the request can have left: the end of the lease it was noted under.
    pub latest_send: Timestamp,
    /// Look-ups so far that found nothing.
    pub misses: u32,
    /// When a look-up last found nothing after the quiet period.
    pub missed_at: Option<Timestamp>,
    /// When a person last looked into RemOnline and said that nothing there came of this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
}

impl Stage {
    /// Whether `next` may follow: forward, or again with a higher attempt, and back only from an intent whose
    /// request is known not to have taken effect. Once an id is recorded there is no way back to an intent.
    pub fn may_become(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::ClientIntent(now), Self::ClientIntent(next)) | (Self::OrderIntent(now), Self::OrderIntent(next)) => {
                next.number >= now.number
            }
            (Self::ClientIntent(_), Self::Fetched) | (Self::OrderIntent(_), Self::ClientSet) => true,
            _ => self.rank() <= next.rank(),
        }
    }

    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Received => 0,
            Self::Fetched => 1,
            Self::ClientIntent(_) => 2,
            Self::ClientSet => 3,
            Self::OrderIntent(_) => 4,
            Self::OrderSet => 5,
        }
    }
}

impl Attempt {
    /// The first attempt, noted at `now` under a lease that ends at `latest_send`.
    pub fn first(now: Timestamp, latest_send: Timestamp) -> Self {
        Self { number: 1, first_at: now, latest_send, misses: 0, missed_at: None, cleared_at: None }
    }

    /// The attempt after this one, whose absence is settled.
    pub fn next(&self, latest_send: Timestamp) -> Self {
        Self { number: self.number + 1, latest_send, misses: 0, missed_at: None, ..self.clone() }
    }

    /// A new series of attempts, since a person said at `now` that nothing came of those before. Look-ups still search
    /// from the first of all.
    pub fn cleared(&self, now: Timestamp) -> Self {
        Self { number: 0, misses: 0, missed_at: None, cleared_at: Some(now), ..self.clone() }
    }

    /// Notes a look-up that found nothing at `now`. True when the absence is settled: the quiet period is over and
    /// this is the second miss since, far enough from the one before. A person's word settles it as well.
    pub fn miss(&mut self, now: Timestamp, quiet_period: SignedDuration, between: SignedDuration) -> bool {
        self.misses += 1;
        if self.number == 0 {
            return true;
        }
        if now < self.latest_send + quiet_period {
            return false;
        }
        match self.missed_at {
            Some(before) if now >= before + between => true,
            Some(_) => false,
            None => {
                self.missed_at = Some(now);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    #[rstest]
    #[case::in_quiet_period(&[76, 134], &[false, false], None)]
    #[case::two_far_apart(&[135, 145], &[false, true], Some(135))]
    #[case::too_close(&[135, 140, 144, 145], &[false, false, false, true], Some(135))]
    #[case::quiet_misses_do_not_count(&[100, 134, 136, 146], &[false, false, false, true], Some(136))]
    #[case::late(&[100_000, 200_000], &[false, true], Some(100_000))]
    fn absence_needs_the_quiet_period_and_two_misses(
        #[case] looked_at: &[i64],
        #[case] settled: &[bool],
        #[case] first_miss: Option<i64>,
    ) {
        let mut attempt = Attempt::first(at(0), at(75));
        let miss =
            |second: &i64| attempt.miss(at(*second), SignedDuration::from_secs(60), SignedDuration::from_secs(10));
        assert_eq!(looked_at.iter().map(miss).collect::<Vec<_>>(), settled);
        assert_eq!(attempt.misses as usize, looked_at.len());
        assert_eq!(attempt.missed_at, first_miss.map(at));
        let next = attempt.next(at(300_000));
        assert_eq!((next.number, next.misses, next.missed_at, next.first_at), (2, 0, None, at(0)));
        assert_eq!(next.latest_send, at(300_000));
    }

    /// What each stage may become, in the order of the stages.
    #[rstest]
    #[case::received(0, [true, true, true, true, true, true])]
    #[case::fetched(1, [false, true, true, true, true, true])]
    #[case::client_intent(2, [false, true, true, true, true, true])]
    #[case::client_set(3, [false, false, false, true, true, true])]
    #[case::order_intent(4, [false, false, false, true, true, true])]
    #[case::order_set(5, [false, false, false, false, false, true])]
    fn there_is_no_way_back_but_from_an_intent(#[case] from: usize, #[case] expected: [bool; 6]) {
        let attempt = || Attempt::first(at(0), at(75));
        let stages = [
            Stage::Received,
            Stage::Fetched,
            Stage::ClientIntent(attempt()),
            Stage::ClientSet,
            Stage::OrderIntent(attempt()),
            Stage::OrderSet,
        ];
        assert_eq!(stages.each_ref().map(|to| stages[from].may_become(to)), expected);
    }

    #[rstest]
    #[case(1, 2, true)]
    #[case(2, 2, true)]
    #[case(2, 1, false)]
    fn attempts_count_upwards(#[case] from: u32, #[case] to: u32, #[case] expected: bool) {
        let attempt = |number| Attempt { number, ..Attempt::first(at(0), at(75)) };
        assert_eq!(Stage::ClientIntent(attempt(from)).may_become(&Stage::ClientIntent(attempt(to))), expected);
        assert_eq!(Stage::OrderIntent(attempt(from)).may_become(&Stage::OrderIntent(attempt(to))), expected);
    }

    #[test]
    fn a_persons_word_stands_for_the_quiet_period_once() {
        let (quiet, between) = (SignedDuration::from_secs(60), SignedDuration::from_secs(10));
        let third = Attempt { number: 3, misses: 5, missed_at: Some(at(70)), ..Attempt::first(at(0), at(75)) };
        let mut cleared = third.cleared(at(80));
        assert_eq!((cleared.misses, cleared.missed_at), (0, None));
        assert_eq!((cleared.number, cleared.first_at, cleared.cleared_at), (0, at(0), Some(at(80))));
        assert!(cleared.miss(at(81), quiet, between));
        let mut again = cleared.next(at(150));
        assert_eq!((again.number, again.first_at, again.cleared_at), (1, at(0), Some(at(80))));
        assert!(!again.miss(at(400), quiet, between), "the next attempt is settled like any other");
    }
}
