use jiff::{
    Timestamp, ZonedDateTime,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Reads a date or a date and time as people and Meta write them: RFC 3339, `2026-03-01`, `2026-03-01 09:30`,
/// `01.03.2026`, `01.03.2026 09:30`. What names no offset is in `timezone`. Dates with slashes are refused: whether
/// the day or the month comes first depends on the country.
pub(crate) fn parse_moment(text: &str, timezone: &TimeZone) -> Option<ZonedDateTime> {
    let text = text.trim();
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.to_zoned_datetime(timezone.clone()));
    }
    let dotted_time = || DateTime::strptime("%d.%m.%Y %H:%M", text).ok();
    let dotted_date = || Date::strptime("%d.%m.%Y", text).ok().map(|date| date.at(0, 0, 0, 0));
    let civil = text.parse::<DateTime>().ok().or_else(dotted_time).or_else(dotted_date)?;
    timezone.to_ambiguous_zoned_datetime(civil).compatible().ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z")]
    #[case("2026-03-01T11:30:00+02:00", "2026-03-01T09:30:00Z")]
    #[case("2026-03-01T09:30:00+0000", "2026-03-01T09:30:00Z")]
    #[case::winter_in_kyiv("2026-03-01 11:30", "2026-03-01T09:30:00Z")]
    #[case::summer_in_kyiv("2026-07-01T12:30", "2026-07-01T09:30:00Z")]
    #[case::midnight("2026-03-01", "2026-02-28T22:00:00Z")]
    #[case("01.03.2026", "2026-02-28T22:00:00Z")]
    #[case(" 01.03.2026 11:30 ", "2026-03-01T09:30:00Z")]
    #[case::skipped_hour("2026-03-29 03:30", "2026-03-29T01:30:00Z")]
    fn reads_moments(#[case] text: &str, #[case] expected: &str) {
        let kyiv = TimeZone::get("Europe/Kyiv").unwrap();
        assert_eq!(parse_moment(text, &kyiv).unwrap().timestamp().to_string(), expected);
    }

    #[rstest]
    #[case("")]
    #[case("tomorrow")]
    #[case("03/01/2026")]
    #[case("2026-02-30")]
    #[case("31.02.2026")]
    fn refuses_what_is_no_moment(#[case] text: &str) {
        assert_eq!(parse_moment(text, &TimeZone::UTC), None);
    }
}
