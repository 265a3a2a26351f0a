//! When a form has to be read, and from where on.

use domain::Pass;
use jiff::{SignedDuration, Timestamp};
use store::{Reach, Watermark};

/// How far before the watermark a pass begins at least.
const OVERLAP: SignedDuration = SignedDuration::from_hours(2);

/// How late Meta may list a lead.
const LATE: SignedDuration = SignedDuration::from_hours(48);

/// How often a pass goes back so far, and how long a form is left alone whose number of leads stays. Going back costs a read
/// for each lead that is known.
const LATE_EVERY: SignedDuration = SignedDuration::from_hours(6);

/// How often all is read that Meta keeps.
const FULL_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long Meta keeps a lead.
const KEPT_BY_META: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The pass that a form needs now: the one that is under way, or a new one over what was created since `started`, the
/// first start of its bundles. `None` while nothing can have been missed.
pub(super) fn begin(
    watermark: &mut Watermark,
    leads_count: Option<u64>,
    started: Timestamp,
    now: Timestamp,
) -> Option<Pass> {
    if watermark.pass.is_some() {
        return watermark.pass.clone();
    }
    let passed = |since: Option<Timestamp>, time| since.is_none_or(|since| since + time <= now);
    let same_count = leads_count.is_some() && leads_count == watermark.leads_count;
    let (reach, since) = match watermark.read_at {
        Some(read_at) if !passed(watermark.fully_read_at, FULL_EVERY) => {
            if same_count && !passed(Some(read_at), LATE_EVERY) {
                return None;
            }
            match passed(watermark.lately_read_at, LATE_EVERY) {
                true => (Reach::Late, read_at - LATE - LATE_EVERY),
                false => (Reach::New, read_at - OVERLAP),
            }
        }
        _ => (Reach::All, now - KEPT_BY_META),
    };
    watermark.reach = reach;
    Some(Pass::new(since.max(started), now))
}

/// The pass came to its end: only now the watermark moves, to the pass's beginning.
pub(super) fn finish(watermark: &mut Watermark, pass: &Pass, leads_count: Option<u64>, now: Timestamp) {
    watermark.read_at = Some(pass.started_at);
    if watermark.reach >= Reach::Late {
        watermark.lately_read_at = Some(pass.started_at);
    }
    if watermark.reach == Reach::All {
        watermark.fully_read_at = Some(pass.started_at);
    }
    watermark.leads_count = leads_count;
    watermark.tried_at = Some(now);
    watermark.pass = None;
}

/// The pass goes on another time.
pub(super) fn interrupt(watermark: &mut Watermark, pass: Pass, now: Timestamp) {
    watermark.tried_at = Some(now);
    watermark.pass = Some(pass);
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn unread() -> Watermark {
        Watermark::new("1".parse().unwrap(), "2".parse().unwrap())
    }

    /// One that was read to its end at 0, when it had seven leads.
    fn read() -> Watermark {
        let mut watermark = unread();
        let pass = begin(&mut watermark, Some(7), at(-100 * DAY), at(0)).unwrap();
        finish(&mut watermark, &pass, Some(7), at(5));
        watermark
    }

    #[rstest]
    #[case::nothing_new(Some(7), 15 * MINUTE, None)]
    #[case::another_lead(Some(8), 15 * MINUTE, Some(-2 * HOUR))]
    #[case::the_count_may_lag(Some(7), 6 * HOUR, Some(-2 * DAY - 6 * HOUR))]
    #[case::late_ones(Some(8), 6 * HOUR, Some(-2 * DAY - 6 * HOUR))]
    #[case::no_count(None, 15 * MINUTE, Some(-2 * HOUR))]
    #[case::a_week_later(Some(7), 7 * DAY, Some(7 * DAY - 90 * DAY))]
    fn a_form_is_read_when_something_may_have_been_missed(
        #[case] leads_count: Option<u64>,
        #[case] now: i64,
        #[case] since: Option<i64>,
    ) {
        let pass = begin(&mut read(), leads_count, at(-100 * DAY), at(now));
        assert_eq!(pass.map(|pass| pass.read_to), since.map(at));
    }

    #[test]
    fn nothing_is_read_from_before_the_first_start() {
        let mut watermark = unread();
        let pass = begin(&mut watermark, Some(7), at(-HOUR), at(0)).unwrap();
        assert_eq!((pass.read_to, watermark.reach), (at(-HOUR), Reach::All));
    }

    /// Whoever has leads all day is read every quarter of an hour, and back over what comes late four times a day.
    #[test]
    fn what_meta_lists_late_is_looked_for_every_six_hours() {
        let mut watermark = read();
        let mut far = 0;
        for quarter in 1..=96 {
            let now = at(quarter * 15 * MINUTE);
            let pass = begin(&mut watermark, Some(7 + quarter as u64), at(-100 * DAY), now).unwrap();
            far += usize::from(watermark.reach == Reach::Late);
            finish(&mut watermark, &pass, Some(7 + quarter as u64), now);
        }
        assert_eq!(far, 4);
    }

    #[test]
    fn a_pass_that_was_interrupted_goes_on_and_moves_the_watermark_at_its_end_only() {
        let mut watermark = read();
        let mut pass = begin(&mut watermark, Some(9), at(-100 * DAY), at(HOUR)).unwrap();
        pass.break_off();
        interrupt(&mut watermark, pass.clone(), at(HOUR + 50));
        assert_eq!((watermark.read_at, watermark.leads_count), (Some(at(0)), Some(7)));

        assert_eq!(begin(&mut watermark, Some(7), at(-100 * DAY), at(2 * HOUR)), Some(pass.clone()));
        finish(&mut watermark, &pass, Some(9), at(2 * HOUR));
        assert_eq!((watermark.read_at, watermark.fully_read_at), (Some(at(HOUR)), Some(at(0))));
        assert_eq!((watermark.leads_count, watermark.pass), (Some(9), None));
    }
}
