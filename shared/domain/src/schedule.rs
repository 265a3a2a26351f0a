use jiff::SignedDuration;

/// Every waiting time of the product's own rules, in one place. In tests they are divided by `TIME_SCALE`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    scale: f64,
}

impl Timing {
    /// Divides every time by `scale`, which is 1 outside tests.
    pub fn scaled(scale: f64) -> Self {
        Self { scale: scale.max(1.0) }
    }

    /// How long a lease outlives the invocation that holds it. Lambda ends the invocation at its deadline, so a
    /// holder cannot outlive its lease.
    pub fn lease_margin(&self) -> SignedDuration {
        self.of_millis(15_000)
    }

    /// Least time that must be left of the invocation when a create is sent: the request's own time-out and 2 s.
    pub fn send_margin(&self) -> SignedDuration {
        self.of_millis(17_000)
    }

    /// After the latest moment a request can have been sent: how long it may still take effect. Only then does a
    /// look-up that finds nothing mean that there is nothing.
    pub fn quiet_period(&self) -> SignedDuration {
        self.of_millis(60_000)
    }

    /// Least time between two look-ups that find nothing.
    pub fn between_misses(&self) -> SignedDuration {
        self.of_millis(10_000)
    }

    /// When to look up again after `looked` look-ups that found nothing.
    pub fn next_lookup(&self, looked: u32) -> SignedDuration {
        self.of_millis(match looked {
            0 => 2_000,
            1 => 10_000,
            _ => 30_000,
        })
    }

    /// How long to keep away from RemOnline after the `throttled`-th 429 in a row that named no time.
    pub fn throttle(&self, throttled: u32) -> SignedDuration {
        self.of_millis(2_000_i64.saturating_mul(1 << throttled.min(8)).min(300_000))
    }

    /// How long nobody calls RemOnline after it seemed down, when the first `probes` probes found it so.
    pub fn breaker(&self, probes: u32) -> SignedDuration {
        self.of_millis(60_000_i64.saturating_mul(1 << probes.min(8)).min(900_000))
    }

    /// When to try again after `tries` failed tries; `None` when that has gone on for 14 days. See [`backoff`].
    pub fn retry(&self, tries: u32) -> Option<SignedDuration> {
        backoff(tries).map(|wait| self.of_millis(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
    }

    /// `duration` divided by the scale, in milliseconds' resolution and at least one.
    pub fn of_millis(&self, millis: i64) -> SignedDuration {
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "milliseconds of days fit")]
        let scaled = (millis as f64 / self.scale) as i64;
        SignedDuration::from_millis(scaled.max(1))
    }
}

/// The unscaled wait after `tries` failed tries: 10 s, 30 s, 2, 5, 10, 20, 30 min, every 30 min to 24 h, every 2 h
/// to 14 days, then `None`.
pub fn backoff(tries: u32) -> Option<SignedDuration> {
    const FIRST: [i64; 7] = [10, 30, 120, 300, 600, 1_200, 1_800];
    const HALF_HOURS: u32 = 7 + 45; // 30 min each, up to 24 h after the first try
    const TWO_HOURS: u32 = HALF_HOURS + 13 * 12; // 2 h each, up to 14 days
    let seconds = match tries {
        0..7 => FIRST[tries as usize],
        7..HALF_HOURS => 1_800,
        HALF_HOURS..TWO_HOURS => 7_200,
        _ => return None,
    };
    Some(SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn seconds(seconds: i64) -> SignedDuration {
        SignedDuration::from_secs(seconds)
    }

    #[test]
    fn retries_go_on_for_a_fortnight() {
        let total: SignedDuration = (0..).map_while(backoff).fold(SignedDuration::ZERO, |sum, wait| sum + wait);
        assert!((13 * 24..=14 * 24).contains(&total.as_hours()), "{total:?}");
    }

    #[rstest]
    #[case(0, Some(10))]
    #[case(1, Some(30))]
    #[case(2, Some(120))]
    #[case(5, Some(1_200))]
    #[case(6, Some(1_800))]
    #[case(51, Some(1_800))]
    #[case(52, Some(7_200))]
    #[case(207, Some(7_200))]
    #[case(208, None)]
    fn retries_grow_rarer(#[case] tries: u32, #[case] wait: Option<i64>) {
        assert_eq!(backoff(tries), wait.map(seconds));
        assert_eq!(Timing::scaled(1.0).retry(tries), wait.map(seconds));
    }

    /// A create leaves 17 s before the deadline at the latest, its answer is awaited for 15 s, and the lease ends 15 s
    /// after the deadline: when it is another one's, the request of the one before is over.
    #[test]
    fn a_create_is_over_before_its_lease_is() {
        let timing = Timing::scaled(1.0);
        assert_eq!(timing.send_margin(), seconds(17));
        assert_eq!(timing.lease_margin(), seconds(15));
    }

    #[test]
    fn doubt_is_settled_by_two_misses_after_the_quiet_period() {
        let timing = Timing::scaled(1.0);
        assert_eq!(timing.quiet_period(), seconds(60));
        assert_eq!(timing.between_misses(), seconds(10));
        assert_eq!([0, 1, 2, 9].map(|looked| timing.next_lookup(looked)), [2, 10, 30, 30].map(seconds));
    }

    #[test]
    fn throttling_waits_grow_to_five_minutes() {
        let timing = Timing::scaled(1.0);
        assert_eq!(
            [0, 1, 3, 7, 8, 60].map(|in_a_row| timing.throttle(in_a_row)),
            [2, 4, 16, 256, 300, 300].map(seconds)
        );
    }

    #[test]
    fn probes_grow_rarer_to_a_quarter_of_an_hour() {
        let timing = Timing::scaled(1.0);
        assert_eq!([0, 1, 3, 4, 60].map(|probes| timing.breaker(probes)), [60, 120, 480, 900, 900].map(seconds));
    }

    #[test]
    fn a_scale_divides_every_wait() {
        assert_eq!(Timing::scaled(10.0).quiet_period(), seconds(6));
        assert_eq!(Timing::scaled(10.0).retry(0), Some(seconds(1)));
        assert_eq!(Timing::scaled(0.1).quiet_period(), seconds(60), "none grows");
        assert_eq!(Timing::scaled(1e6).between_misses(), SignedDuration::from_millis(1), "none is nothing");
    }
}
