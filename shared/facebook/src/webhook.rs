use std::collections::HashSet;

use domain::{LeadgenEvent, MetaId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::strict::{self, Unreadable};

/// The id of the lead in the dashboard's "Test" event. It exists nowhere.
const DASHBOARD_TEST: &str = "444444444444";

/// What one POST of Meta says.
#[derive(Debug, Default)]
pub struct Webhook {
    /// The leads it announces, each once, in Meta's order.
    pub events: Vec<LeadgenEvent>,
    /// Changes of the field `leadgen` whose ids cannot be read, as they were sent.
    pub unreadable: Vec<Box<RawValue>>,
    /// Parts that announce no lead: other objects, other fields, entries without changes.
    pub ignored: usize,
    /// "Test" events of the app dashboard.
    pub tests: usize,
}

#[derive(Deserialize)]
struct Body<'a> {
    object: String,
    #[serde(borrow)]
    entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    changes: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Change<'a> {
    field: String,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Value<'a> {
    #[serde(borrow)]
    leadgen_id: &'a RawValue,
    #[serde(borrow)]
    page_id: Option<&'a RawValue>,
    #[serde(borrow)]
    form_id: &'a RawValue,
}

impl Webhook {
    /// Reads the body of a webhook POST whose signature was found right. Order of keys, spaces, unknown keys and
    /// whether ids are strings or numbers do not matter; JSON of another shape announces nothing.
    /// Source: Meta, "Webhooks for Lead Ads"; shapes seen from 2015 to 2026.
    ///
    /// # Errors
    /// When the body is not sound JSON.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        let json = strict::read(body)?;
        let mut webhook = Self::default();
        match object::<Body<'_>>(json) {
            Some(body) if body.object == "page" => body.entry.into_iter().for_each(|entry| webhook.take_entry(entry)),
            _ => webhook.ignored += 1,
        }
        let mut seen = HashSet::new();
        webhook.events.retain(|event| seen.insert(event.clone()));
        Ok(webhook)
    }

    fn take_entry(&mut self, entry: &RawValue) {
        match object::<Entry<'_>>(entry) {
            Some(entry) => entry.changes.into_iter().for_each(|change| self.take_change(entry.id, change)),
            None => self.ignored += 1,
        }
    }

    fn take_change(&mut self, entry_id: Option<&RawValue>, change: &RawValue) {
        match object::<Change<'_>>(change) {
            Some(Change { field, value }) if field == "leadgen" => match value.and_then(|value| event(entry_id, value))
            {
                Some(event) if event.leadgen_id.as_str() == DASHBOARD_TEST => self.tests += 1,
                Some(event) => self.events.push(event),
                None => self.unreadable.push(change.to_owned()),
            },
            _ => self.ignored += 1,
        }
    }
}

fn event(entry_id: Option<&RawValue>, value: &RawValue) -> Option<LeadgenEvent> {
    let value = object::<Value<'_>>(value)?;
    Some(LeadgenEvent {
        leadgen_id: id(value.leadgen_id)?,
        page_id: id(value.page_id.or(entry_id)?)?,
        form_id: id(value.form_id)?,
    })
}

/// An id of 1 to 20 digits, in a string or as a number, never by way of a float.
fn id(json: &RawValue) -> Option<MetaId> {
    let text = json.get();
    if text.starts_with('"') { serde_json::from_str(text).ok() } else { text.parse().ok() }
}

/// A `T`, if this is an object of its shape; serde alone would take an array for a struct.
fn object<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    if json.get().starts_with('{') { serde_json::from_str(json.get()).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn parse(body: &str) -> Webhook {
        Webhook::parse(body.as_bytes()).unwrap()
    }

    fn lead(leadgen_id: &str) -> LeadgenEvent {
        let id = |text: &str| text.parse::<MetaId>().unwrap();
        LeadgenEvent { leadgen_id: id(leadgen_id), page_id: id("110000000000001"), form_id: id("700000000000001") }
    }

    /// A POST with one change of `leadgen`, whose value is `value`.
    fn with_value(value: &str) -> String {
        format!(
            r#"{{"object":"page","entry":[{{"id":"110000000000001","time":1790000005,"changes":[{{"field":"leadgen","value":{value}}}]}}]}}"#
        )
    }

    fn with_lead_id(id: &str) -> String {
        with_value(&format!(r#"{{"leadgen_id":{id},"page_id":"110000000000001","form_id":"700000000000001"}}"#))
    }

    #[rstest]
    #[case::as_delivered(
        r#"{"entry": [{"id": "110000000000001", "time": 1790000005, "changes": [{"value": {"adgroup_id": "120250000000000001", "ad_id": "120250000000000001", "created_time": 1790000001, "leadgen_id": "900000000000001", "page_id": "110000000000001", "form_id": "700000000000001"}, "field": "leadgen"}]}], "object": "page"}"#
    )]
    #[case::as_documented(
        r#"{"object":"page","entry":[{"id":110000000000001,"time":1790000005,"changes":[{"field":"leadgen","value":{"ad_id":0,"form_id":700000000000001,"leadgen_id":900000000000001,"created_time":"soon","page_id":110000000000001,"adgroup_id":0}}]}]}"#
    )]
    #[case::page_of_the_entry(
        r#"{"object":"page","entry":[{"id":"110000000000001","changes":[{"field":"leadgen","value":{"form_id":"700000000000001","leadgen_id":"900000000000001","page_id":null}}]}]}"#
    )]
    #[case::unknown_keys(
        r#"{"object":"page","new":{"a":[1]},"entry":[{"id":0,"uid":"1","changes":[{"field":"leadgen","why":null,"value":{"form_id":"700000000000001","leadgen_id":"900000000000001","page_id":"110000000000001","x":1e999}}]}]}"#
    )]
    fn a_lead_is_read_from_every_shape(#[case] body: &str) {
        let webhook = parse(body);
        assert_eq!(webhook.events, [lead("900000000000001")]);
        assert_eq!((webhook.unreadable.len(), webhook.ignored, webhook.tests), (0, 0, 0));
    }

    #[test]
    fn every_change_of_every_entry_counts_once_and_in_order() {
        let change = |id: &str| {
            json!({"field": "leadgen", "value": {
                "leadgen_id": id, "page_id": "110000000000001", "form_id": "700000000000001",
            }})
        };
        let first = json!({"id": "110000000000001", "changes": [change("3"), change("1"), change("3")]});
        let second = json!({"id": "110000000000001", "changes": [change("2"), change("1")]});
        let webhook = parse(&json!({"object": "page", "entry": [first, second]}).to_string());
        assert_eq!(webhook.events, [lead("3"), lead("1"), lead("2")]);
    }

    #[rstest]
    #[case("900000000000001", "900000000000001")]
    #[case(r#""900000000000001""#, "900000000000001")]
    #[case("99999999999999999999", "99999999999999999999")]
    #[case("18446744073709551616", "18446744073709551616")]
    #[case("9007199254740993", "9007199254740993")]
    #[case(r#""\u0031""#, "1")]
    fn ids_keep_every_digit(#[case] id: &str, #[case] expected: &str) {
        assert_eq!(parse(&with_lead_id(id)).events, [lead(expected)]);
    }

    #[rstest]
    #[case("-1")]
    #[case("1.0")]
    #[case("9e14")]
    #[case("1e999")]
    #[case("123456789012345678901")]
    #[case("null")]
    #[case("true")]
    #[case("[1]")]
    #[case("{}")]
    #[case(r#""""#)]
    #[case(r#"" 1""#)]
    #[case(r#""-1""#)]
    #[case(r#""1.5""#)]
    #[case(r#""1e3""#)]
    #[case(r#""../1""#)]
    #[case(r#""1\u0000""#)]
    #[case(r#""\ud800""#)]
    #[case(r#""123456789012345678901""#)]
    fn a_change_with_another_id_is_unreadable_and_kept(#[case] id: &str) {
        let webhook = parse(&with_lead_id(id));
        assert_eq!(webhook.events, []);
        assert!(webhook.unreadable[0].get().contains(id), "{}", webhook.unreadable[0]);
    }

    #[rstest]
    #[case("null")]
    #[case("7")]
    #[case("[]")]
    #[case(r#"["1","2","3"]"#)]
    #[case("{}")]
    #[case(r#"{"leadgen_id":"1","page_id":"2"}"#)]
    #[case(r#"{"leadgen_id":"1","page_id":"x","form_id":"3"}"#)]
    fn a_leadgen_change_without_its_ids_is_unreadable(#[case] value: &str) {
        let webhook = parse(&with_value(value));
        assert_eq!((webhook.events.len(), webhook.unreadable.len()), (0, 1));
    }

    #[test]
    fn an_unreadable_change_does_not_stop_its_neighbours() {
        let body = r#"{"object":"page","entry":[{"id":"110000000000001","changes":[
            {"field":"leadgen","value":{"leadgen_id":-5,"form_id":"700000000000001"}},
            {"field":"leadgen","value":{"leadgen_id":"1","form_id":"700000000000001"}},
            {"field":"feed","value":{}}]}]}"#;
        let webhook = parse(body);
        assert_eq!(webhook.events, [lead("1")]);
        assert_eq!((webhook.unreadable.len(), webhook.ignored), (1, 1));
    }

    #[test]
    fn the_dashboards_test_announces_no_lead() {
        let body = r#"{"object": "page", "entry": [{"id": "0", "time": 1790000100, "changes": [{"field": "leadgen", "value": {"ad_id": "444444444", "form_id": "444444444444", "leadgen_id": "444444444444", "created_time": 1790000100, "page_id": "444444444444", "adgroup_id": "44444444444"}}]}]}"#;
        let webhook = parse(body);
        assert_eq!((webhook.events.len(), webhook.unreadable.len(), webhook.tests), (0, 0, 1));
    }

    #[rstest]
    #[case::array("[]")]
    #[case::array_of_fields(r#"["page",[{"id":"1","changes":[]}]]"#)]
    #[case::scalar("7")]
    #[case::null("null")]
    #[case::empty("{}")]
    #[case::other_object(
        r#"{"object":"user","entry":[{"id":"1","changes":[{"field":"leadgen","value":{"leadgen_id":"1","form_id":"2"}}]}]}"#
    )]
    #[case::no_values(r#"{"object":"page","entry":[{"id":"1","time":1,"changed_fields":["leadgen"]}]}"#)]
    #[case::messaging(r#"{"object":"page","entry":[{"id":"1","messaging":[{"sender":{"id":"2"}}]}]}"#)]
    #[case::entry_of_another_shape(r#"{"object":"page","entry":[7]}"#)]
    #[case::change_of_another_shape(r#"{"object":"page","entry":[{"changes":[["leadgen",{}]]}]}"#)]
    #[case::update(
        r#"{"object": "page", "entry": [{"id": 0, "time": 1790000200, "changes": [{"field": "leadgen_update", "value": {"leadgen_id": 900000001, "page_id": 110000001, "form_id": 700000001, "updated_time": "1790000190", "area": "ai_agent_updates"}}]}]}"#
    )]
    fn everything_else_is_ignored(#[case] body: &str) {
        let webhook = parse(body);
        assert_eq!((webhook.events.len(), webhook.unreadable.len(), webhook.tests), (0, 0, 0));
        assert_eq!(webhook.ignored, 1);
    }

    #[test]
    fn a_thousand_changes_are_a_thousand_events() {
        let changes = (0..1000)
            .map(|n| {
                json!({"field": "leadgen", "value": {
            "leadgen_id": n, "form_id": "700000000000001"}})
            })
            .collect::<Vec<_>>();
        let body = json!({"object": "page", "entry": [{"id": "110000000000001", "changes": changes}]});
        assert_eq!(parse(&body.to_string()).events.len(), 1000);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i64>().prop_map(|n| json!(n)),
            any::<f64>().prop_map(|n| json!(n)),
            Just(json!("leadgen")),
            Just(json!("page")),
            any::<String>().prop_map(|text| json!(text)),
        ];
        let keys = "object|entry|id|changes|field|value|leadgen_id|page_id|form_id|other";
        leaf.prop_recursive(8, 64, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
                prop::collection::btree_map(keys, inner, 0..4).prop_map(|entries| json!(entries)),
            ]
        })
    }

    /// A change as it is sent, with the lead it announces; none for one that cannot be read.
    fn any_change() -> impl Strategy<Value = (String, Option<String>)> {
        let readable = ("[1-9][0-9]{0,19}", any::<bool>()).prop_map(|(id, text)| {
            let written = if text { format!("\"{id}\"") } else { id.clone() };
            (written, Some(id).filter(|id| id != DASHBOARD_TEST))
        });
        let odd = prop::sample::select(vec!["-5", "1.5", "1e3", "null", "[]", "{}", "\"\"", "\"x\"", "true"]);
        let unreadable = odd.prop_map(|id| (id.to_owned(), None));
        prop_oneof![2 => readable, 1 => unreadable].prop_map(|(id, lead)| {
            let value = format!(r#"{{"leadgen_id":{id},"page_id":"110000000000001","form_id":"700000000000001"}}"#);
            (format!(r#"{{"field":"leadgen","value":{value}}}"#), lead)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(10_000)))]

        #[test]
        fn what_is_no_event_is_kept_and_the_others_are_told(changes in prop::collection::vec(any_change(), 0..12)) {
            let written = changes.iter().map(|(change, _)| change.as_str()).collect::<Vec<_>>();
            let body = format!(r#"{{"object":"page","entry":[{{"id":"1","changes":[{}]}}]}}"#, written.join(","));
            let webhook = parse(&body);

            let mut seen = HashSet::new();
            let announced = changes.iter().filter_map(|(_, lead)| lead.as_deref()).filter(|lead| seen.insert(*lead));
            prop_assert_eq!(webhook.events, announced.map(lead).collect::<Vec<_>>());
            let unreadable = changes.iter().filter(|(_, lead)| lead.is_none()).map(|(change, _)| change.as_str());
            prop_assert_eq!(webhook.unreadable.iter().map(|it| it.get()).collect::<Vec<_>>(), unreadable.collect::<Vec<_>>());
        }

        #[test]
        fn bytes_never_panic(body in any::<Vec<u8>>()) {
            let _ = Webhook::parse(&body);
        }

        #[test]
        fn json_never_panics_and_is_never_unreadable(body in any_json()) {
            prop_assert!(Webhook::parse(body.to_string().as_bytes()).is_ok());
        }

        #[test]
        fn ids_round_trip(id in "[1-9][0-9]{0,19}") {
            for written in [id.clone(), format!("\"{id}\"")] {
                let webhook = parse(&with_lead_id(&written));
                prop_assert_eq!(webhook.events, [lead(&id)]);
            }
        }
    }
}
