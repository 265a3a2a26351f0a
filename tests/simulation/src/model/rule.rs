//! Where the model asks the product's own rules: the same functions, on the model's time.

use jiff::{SignedDuration, Timestamp};

use super::state::{Attempt, Stage, Ticks};

/// The unit of time, in the product's.
const TICK: SignedDuration = SignedDuration::from_secs(60);

/// Any moment will do as the present one.
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

impl Attempt {
    /// [`domain::Attempt::miss`], without the 10 s that the product waits between two look-ups: they may follow each
    /// other at once.
    pub(super) fn miss(&mut self, quiet_period: Ticks) -> bool {
        let mut attempt = self.in_product(quiet_period);
        let settled = attempt.miss(NOW, TICK * i32::from(quiet_period), SignedDuration::ZERO);
        self.missed = attempt.missed_at.is_some();
        settled
    }

    fn in_product(self, quiet_period: Ticks) -> domain::Attempt {
        let latest_send = NOW + TICK * (i32::from(self.quiet_in) - i32::from(quiet_period));
        let missed_at = self.missed.then_some(NOW);
        domain::Attempt { number: self.number.into(), missed_at, ..domain::Attempt::first(NOW, latest_send) }
    }
}

impl Stage {
    /// [`domain::Stage::may_become`].
    pub(super) fn may_become(self, next: Self) -> bool {
        self.in_product().may_become(&next.in_product())
    }

    fn in_product(self) -> domain::Stage {
        match self {
            Self::Fetched => domain::Stage::Fetched,
            Self::ClientIntent(attempt) => domain::Stage::ClientIntent(attempt.in_product(0)),
            Self::ClientSet => domain::Stage::ClientSet,
            Self::OrderIntent(attempt) => domain::Stage::OrderIntent(attempt.in_product(0)),
            Self::OrderSet => domain::Stage::OrderSet,
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::lease_not_over(3, false, (false, false))]
    #[case::in_quiet_period(1, false, (false, false))]
    #[case::first_miss(0, false, (false, true))]
    #[case::second_miss(0, true, (true, true))]
    fn a_miss_counts_after_the_quiet_period(
        #[case] quiet_in: Ticks,
        #[case] missed: bool,
        #[case] (settled, noted): (bool, bool),
    ) {
        for quiet_period in 1..=3 {
            let mut attempt = Attempt { number: 1, quiet_in, missed };
            assert_eq!((attempt.miss(quiet_period), attempt.missed), (settled, noted));
            assert_eq!(attempt.quiet_in, quiet_in, "only time shortens it");
        }
    }
}
