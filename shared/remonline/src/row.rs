//! One JSON object of an answer, read field by field.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// An object of an answer. A field that is absent, `null`, `""` or of an unexpected type is empty: no single odd
/// field makes an answer unreadable.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row(pub(crate) Map<String, Value>);

impl Row {
    /// The object's own id.
    pub(crate) fn id(&self) -> Option<i64> {
        self.integer("id").filter(|id| *id > 0)
    }

    pub(crate) fn integer(&self, field: &str) -> Option<i64> {
        integer(self.0.get(field)?)
    }

    /// The text, `""` if there is none. A number is spelled out: prices and labels come as either.
    pub(crate) fn text(&self, field: &str) -> String {
        match self.0.get(field) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    pub(crate) fn flag(&self, field: &str) -> bool {
        match self.0.get(field) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true") || text == "1",
            Some(other) => integer(other) == Some(1),
            None => false,
        }
    }

    pub(crate) fn time(&self, field: &str) -> Option<Timestamp> {
        time(self.0.get(field)?)
    }

    pub(crate) fn object(&self, field: &str) -> Option<Row> {
        self.0.get(field)?.as_object().cloned().map(Row)
    }

    pub(crate) fn list(&self, field: &str) -> &[Value] {
        self.0.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The id of something this object points to: `{"branch_id": 1}` or `{"branch": {"id": 1}}`.
    pub(crate) fn id_of(&self, noun: &str) -> Option<i64> {
        self.integer(&format!("{noun}_id")).or_else(|| self.object(noun)?.id())
    }
}

/// A whole number, or a text of digits.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A time as v2 writes it (RFC 3339, fractions and offsets allowed, UTC without an offset) or as the unversioned
/// paths do (milliseconds).
fn time(value: &Value) -> Option<Timestamp> {
    if let Some(millis) = integer(value) {
        return Timestamp::from_millisecond(millis).ok();
    }
    let text = value.as_str()?.trim();
    let in_utc = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    text.parse().ok().or_else(in_utc)
}

/// A time as RemOnline wants it: UTC to the second. Milliseconds may be refused.
pub(crate) fn spelled(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
pub(crate) fn arbitrary_json() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let key = prop_oneof![
        proptest::sample::select(vec![
            "id",
            "data",
            "paging",
            "page",
            "count",
            "total_pages",
            "phones",
            "phone",
            "client",
            "status",
            "group",
            "type",
            "created_at",
            "message",
            "validation",
            "errors",
            "error",
            "detail",
            "code",
            "success",
            "name",
        ])
        .prop_map(str::to_owned),
        "[a-z]{0,3}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "[0-9T:Z.+-]{0,25}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Row {
        serde_json::from_value(value).map(Row).unwrap()
    }

    #[rstest]
    #[case(json!(7), Some(7))]
    #[case(json!("7"), Some(7))]
    #[case(json!(" 7 "), Some(7))]
    #[case(json!(7.5), None)]
    #[case(json!(-7), None)]
    #[case(json!(0), None)]
    #[case(json!("seven"), None)]
    #[case(json!(null), None)]
    #[case(json!(18_446_744_073_709_551_615_u64), None)]
    fn reads_ids(#[case] id: Value, #[case] expected: Option<i64>) {
        assert_eq!(row(json!({ "id": id })).id(), expected);
    }

    #[rstest]
    #[case(json!("2026-03-01T09:30:00Z"))]
    #[case(json!("2026-03-01T09:30:00.000Z"))]
    #[case(json!("2026-03-01T11:30:00+02:00"))]
    #[case(json!("2026-03-01T11:30:00.000+0200"))]
    #[case(json!("2026-03-01T09:30:00"))]
    #[case(json!("2026-03-01 09:30:00"))]
    #[case(json!(1_772_357_400_000_i64))]
    fn reads_times(#[case] time: Value) {
        let read = row(json!({ "created_at": time })).time("created_at").unwrap();
        assert_eq!(spelled(read), "2026-03-01T09:30:00Z");
    }

    #[rstest]
    #[case(json!(""))]
    #[case(json!(null))]
    #[case(json!("tomorrow"))]
    #[case(json!(i64::MAX))]
    #[case(json!({}))]
    fn knows_what_is_no_time(#[case] time: Value) {
        assert_eq!(row(json!({ "created_at": time })).time("created_at"), None);
    }

    #[test]
    fn spells_times_without_milliseconds() {
        assert_eq!(spelled("2026-03-01T09:30:00.999Z".parse().unwrap()), "2026-03-01T09:30:00Z");
    }

    #[test]
    fn follows_ids_in_both_spellings() {
        assert_eq!(row(json!({ "client_id": "5" })).id_of("client"), Some(5));
        assert_eq!(row(json!({ "client": { "id": 5 } })).id_of("client"), Some(5));
        assert_eq!(row(json!({ "client_id": null, "client": {} })).id_of("client"), None);
    }

    #[rstest]
    #[case(json!(true), true)]
    #[case(json!(1), true)]
    #[case(json!("true"), true)]
    #[case(json!(0), false)]
    #[case(json!(null), false)]
    #[case(json!("no"), false)]
    fn reads_flags(#[case] flag: Value, #[case] expected: bool) {
        assert_eq!(row(json!({ "urgent": flag })).flag("urgent"), expected);
    }
}
