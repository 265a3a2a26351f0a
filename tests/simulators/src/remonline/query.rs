use jiff::Timestamp;

use super::answer::Refusal;
use super::settings::{ArrayStyle, Settings};

/// The parameters of one request.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &http::Uri) -> Self {
        Self::parse(uri.query().unwrap_or_default())
    }

    fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The single value of `name`, the last one given.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.named(name).last()
    }

    /// Page number and rows per page.
    pub(super) fn page(&self) -> (usize, usize) {
        let number = |name| self.value(name).and_then(|value| value.parse::<usize>().ok());
        (number("page").unwrap_or(1).max(1), number("pageSize").unwrap_or(50).clamp(10, 100))
    }

    /// The values of an array parameter; none when the filter is absent or written in a style not honoured.
    pub(super) fn values(&self, name: &str, style: ArrayStyle) -> Option<Vec<String>> {
        let split = |values: &str| values.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>();
        let plain = self.named(name);
        let brackets = format!("{name}[]");
        let brackets = self.named(&brackets).map(str::to_owned);
        let mut values: Vec<String> = match style {
            ArrayStyle::Any => plain.flat_map(split).chain(brackets).collect(),
            ArrayStyle::Plain => plain.map(str::to_owned).collect(),
            ArrayStyle::Brackets => brackets.collect(),
            ArrayStyle::Comma => plain.last().map(split).unwrap_or_default(),
        };
        values.retain(|value| !value.is_empty());
        (!values.is_empty()).then_some(values)
    }

    /// A date filter: lower bound and, if there is a second value, upper bound; both inclusive.
    pub(super) fn range(&self, name: &str, settings: &Settings) -> Result<Option<(Timestamp, Timestamp)>, Refusal> {
        let Some(values) = self.values(name, settings.array_style) else { return Ok(None) };
        let bound = |value: &String| read_date(value, settings).map_err(|problem| Refusal::invalid(name, problem));
        let from = values.first().map_or(Ok(Timestamp::MIN), bound)?;
        let to = values.get(1).map_or(Ok(Timestamp::MAX), bound)?;
        Ok(Some((from, to)))
    }

    fn named<'a>(&'a self, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An ISO-8601 date-time, without fractions of a second unless the settings accept them.
pub(super) fn read_date(text: &str, settings: &Settings) -> Result<Timestamp, String> {
    if text.contains('.') && !settings.accept_milliseconds {
        return Err("must be a date-time without milliseconds".to_owned());
    }
    text.parse().map_err(|_| "must be an ISO-8601 date-time".to_owned())
}

/// The way `/v2` writes a date-time.
pub(super) fn write_date(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(ArrayStyle::Any, "k=a", Some("a"))]
    #[case(ArrayStyle::Any, "k=a&k=b", Some("a b"))]
    #[case(ArrayStyle::Any, "k[]=a&k%5B%5D=b", Some("a b"))]
    #[case(ArrayStyle::Any, "k=a,b", Some("a b"))]
    #[case(ArrayStyle::Any, "k[0]=a", None)]
    #[case(ArrayStyle::Any, "k=", None)]
    #[case(ArrayStyle::Plain, "k=a&k=b&k[]=c", Some("a b"))]
    #[case(ArrayStyle::Plain, "k[]=a", None)]
    #[case(ArrayStyle::Brackets, "k=a&k[]=c", Some("c"))]
    #[case(ArrayStyle::Brackets, "k=a", None)]
    #[case(ArrayStyle::Comma, "k=a,b", Some("a b"))]
    #[case(ArrayStyle::Comma, "k[]=a", None)]
    fn honours_array_styles(#[case] style: ArrayStyle, #[case] query: &str, #[case] values: Option<&str>) {
        let expected = values.map(|values| values.split(' ').map(str::to_owned).collect());
        assert_eq!(Query::parse(query).values("k", style), expected);
    }

    #[rstest]
    #[case("", (1, 50))]
    #[case("page=3&pageSize=20", (3, 20))]
    #[case("page=0&pageSize=1", (1, 10))]
    #[case("pageSize=1000", (1, 100))]
    fn clamps_pages(#[case] query: &str, #[case] page: (usize, usize)) {
        assert_eq!(Query::parse(query).page(), page);
    }

    #[rstest]
    #[case("2026-03-01T09:30:00Z", true)]
    #[case("2026-03-01T11:30:00+02:00", true)]
    #[case("2026-03-01T09:30:00.000Z", false)]
    #[case("2026-03-01", false)]
    fn dates_have_no_milliseconds(#[case] text: &str, #[case] accepted: bool) {
        let date = read_date(text, &Settings::default());
        assert_eq!(date.ok().map(write_date), accepted.then(|| "2026-03-01T09:30:00Z".to_owned()));
    }

    #[test]
    fn milliseconds_can_be_switched_on() {
        let settings = Settings { accept_milliseconds: true, ..Settings::default() };
        assert!(read_date("2026-03-01T09:30:00.123Z", &settings).is_ok());
    }
}
