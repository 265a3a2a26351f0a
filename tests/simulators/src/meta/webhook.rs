use std::io;

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use super::tokens::hmac_sha256;

/// What a webhook says of one lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The lead.
    pub leadgen_id: String,
    /// Its page.
    pub page_id: String,
    /// Its form.
    pub form_id: String,
    /// Its ad; organic and test leads have none.
    pub ad_id: Option<String>,
    /// When it was made.
    pub created: Timestamp,
}

/// What stands in `ad_id` and `adgroup_id`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AdIds {
    /// The lead's ad, or nothing.
    #[default]
    OfLead,
    /// Nothing, even if there is an ad.
    Absent,
    /// `0` where there is no ad.
    Zero,
    /// Only `adgroup_id`.
    OnlyAdgroup,
}

/// How a payload is written; by default as Meta did in 2026.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Ids are numbers.
    pub numeric_ids: bool,
    /// Keys stand in the order of Meta's documentation.
    pub docs_key_order: bool,
    /// No space after `:` and `,`.
    pub no_spaces: bool,
    /// What stands for the ad.
    pub ad_ids: AdIds,
    /// Every change comes twice.
    pub repeated: bool,
    /// Most changes of one entry; none puts all of a page into one.
    pub changes_per_entry: Option<usize>,
}

/// JSON whose keys keep their order.
enum Json {
    Text(String),
    Number(i64),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::List(items) => items.serialize(serializer),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

/// The keys of all levels as they are really sent.
const SENT_ORDER: &[&str] = &[
    "entry",
    "id",
    "time",
    "changes",
    "value",
    "adgroup_id",
    "ad_id",
    "created_time",
    "leadgen_id",
    "page_id",
    "form_id",
    "field",
    "object",
];

/// The keys of all levels as the documentation has them.
const DOCS_ORDER: &[&str] = &[
    "object",
    "entry",
    "id",
    "time",
    "changes",
    "field",
    "value",
    "ad_id",
    "form_id",
    "leadgen_id",
    "created_time",
    "page_id",
    "adgroup_id",
];

impl Shape {
    fn object<const N: usize>(&self, members: [(&'static str, Json); N]) -> Json {
        self.ordered(members.into())
    }

    fn ordered(&self, mut members: Vec<(&'static str, Json)>) -> Json {
        let order = if self.docs_key_order { DOCS_ORDER } else { SENT_ORDER };
        members.sort_by_key(|(key, _)| order.iter().position(|known| known == key));
        Json::Object(members)
    }

    fn id(&self, id: &str) -> Json {
        let number = id.parse().ok().filter(|_| self.numeric_ids);
        number.map_or_else(|| Json::Text(id.to_owned()), Json::Number)
    }

    fn change(&self, notice: &Notice) -> Json {
        let mut value = vec![
            ("leadgen_id", self.id(&notice.leadgen_id)),
            ("page_id", self.id(&notice.page_id)),
            ("form_id", self.id(&notice.form_id)),
            ("created_time", Json::Number(notice.created.as_second())),
        ];
        let ad = match self.ad_ids {
            AdIds::Absent => None,
            AdIds::Zero => notice.ad_id.as_deref().or(Some("0")),
            AdIds::OfLead | AdIds::OnlyAdgroup => notice.ad_id.as_deref(),
        };
        // The name is a relic: it is the ad again, not the ad set.
        value.extend(ad.map(|ad| ("adgroup_id", self.id(ad))));
        value.extend(ad.filter(|_| self.ad_ids != AdIds::OnlyAdgroup).map(|ad| ("ad_id", self.id(ad))));
        self.object([("field", Json::Text("leadgen".to_owned())), ("value", self.ordered(value))])
    }

    fn entry(&self, notices: &[Notice], sent: Timestamp) -> Json {
        let times = if self.repeated { 2 } else { 1 };
        let changes = notices.iter().flat_map(|notice| (0..times).map(|_| self.change(notice))).collect();
        self.object([
            ("id", self.id(&notices[0].page_id)),
            ("time", Json::Number(sent.as_second())),
            ("changes", Json::List(changes)),
        ])
    }

    fn write(&self, json: &Json) -> Vec<u8> {
        let mut text = Vec::new();
        let written = if self.no_spaces {
            json.serialize(&mut serde_json::Serializer::with_formatter(&mut text, CompactFormatter))
        } else {
            json.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Spaced))
        };
        written.expect("texts, numbers, lists and objects can be written");
        text
    }
}

/// One space after each colon and comma.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// The body of one webhook about `notices`, in their order; neighbours of one page share an entry.
pub fn payload(notices: &[Notice], sent: Timestamp, shape: &Shape) -> Vec<u8> {
    let most = shape.changes_per_entry.unwrap_or(usize::MAX).max(1);
    let pages = notices.chunk_by(|one, next| one.page_id == next.page_id);
    let entries = pages.flat_map(|page| page.chunks(most)).map(|notices| shape.entry(notices, sent)).collect();
    shape.write(&shape.object([("entry", Json::List(entries)), ("object", Json::Text("page".to_owned()))]))
}

/// What the dashboard's Test button sends: a lead that does not exist, of a page that does not exist.
pub fn dashboard_test_payload(sent: Timestamp) -> Vec<u8> {
    let time = sent.as_second();
    format!(
        r#"{{"object": "page", "entry": [{{"id": "0", "time": {time}, "changes": [{{"field": "leadgen", "value": {{"ad_id": "444444444", "form_id": "444444444444", "leadgen_id": "444444444444", "created_time": {time}, "page_id": "444444444444", "adgroup_id": "44444444444"}}}}]}}]}}"#
    )
    .into_bytes()
}

/// The dashboard's sample of `leadgen_update`: a change to an existing lead, ids as numbers, the time as a text.
pub fn leadgen_update_payload(sent: Timestamp) -> Vec<u8> {
    let time = sent.as_second();
    format!(
        r#"{{"object": "page", "entry": [{{"id": 0, "time": {time}, "changes": [{{"field": "leadgen_update", "value": {{"leadgen_id": 900000001, "page_id": 110000001, "form_id": 700000001, "ad_id": 120000001, "adgroup_id": 120000001, "updated_time": "{}", "area": "ai_agent_updates", "event": "qualification_status_change", "updated_fields": ["qualification_status", "qualification_details"]}}}}]}}]}}"#,
        time - 10
    )
    .into_bytes()
}

/// What comes when the subscription is without values: that leads changed, not which.
pub fn changed_fields_payload(page_id: &str, sent: Timestamp) -> Vec<u8> {
    let time = sent.as_second();
    format!(r#"{{"entry": [{{"id": "{page_id}", "time": {time}, "changed_fields": ["leadgen"]}}], "object": "page"}}"#)
        .into_bytes()
}

/// The value of `X-Hub-Signature-256` for exactly these bytes.
pub fn sign(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hmac_sha256(secret, body))
}

/// JSON as Meta escapes it: pure ASCII, and some of that escaped too. These characters stand in strings only.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '/' => text.push_str("\\/"),
            '<' => text.push_str("\\u003C"),
            '@' => text.push_str("\\u0040"),
            ascii if ascii.is_ascii() => text.push(ascii),
            other => {
                let units =
                    other.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                text.push_str(&units);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "example-app-secret";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn notice() -> Notice {
        Notice {
            leadgen_id: "900000000000001".to_owned(),
            page_id: "110000000000001".to_owned(),
            form_id: "700000000000001".to_owned(),
            ad_id: Some("120250000000000001".to_owned()),
            created: at(1_790_000_001),
        }
    }

    #[test]
    fn the_reference_body_comes_out_to_the_byte() {
        let body = payload(&[notice()], at(1_790_000_005), &Shape::default());
        assert_eq!(body.len(), 310);
        assert_eq!(sign(SECRET, &body), "sha256=b65286407824ddc39ce32ec86c3018fd7c716260d86712e2f52aabc3261b2ddb");
    }

    #[rstest]
    #[case(r#"{"note":"\u00e4 \/ ok"}"#, "13cec76a20c9fba32d211e9941f12b19060044f08f54ed6dff7f3e63cf20005d")]
    #[case(r#"{"note":"ä / ok"}"#, "3d512ee4108a2118c34f8c2f088342b2190f9c9954e8e0f1817d82d69c983eb5")]
    fn signatures_depend_on_the_escapes(#[case] body: &str, #[case] digits: &str) {
        assert_eq!(sign(SECRET, body.as_bytes()), format!("sha256={digits}"));
    }

    #[test]
    fn proves_the_app_secret() {
        let proof = hmac_sha256(SECRET, b"EXAMPLE_TOKEN");
        assert_eq!(proof, "445494fad71d5810f756d9af834c8ea9b9945f6a127a5958cca6c2b0cb111780");
    }

    #[test]
    fn escapes_as_meta_does() {
        assert_eq!(escaped(r#"{"note":"ä / ok"}"#), r#"{"note":"\u00e4 \/ ok"}"#);
        assert_eq!(escaped(r#""<a@b>😀""#), r#""\u003Ca\u0040b>\ud83d\ude00""#);
    }

    #[test]
    fn shapes_change_the_text_and_not_the_meaning() {
        let plain = payload(&[notice()], at(5), &Shape::default());
        let shape = Shape { docs_key_order: true, no_spaces: true, ..Shape::default() };
        let other = payload(&[notice()], at(5), &shape);
        assert!(
            other.starts_with(br#"{"object":"page","entry":[{"id":"110000000000001","time":5,"changes":[{"field":"#)
        );
        let parse = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
        assert_eq!(parse(&plain), parse(&other));
    }

    #[rstest]
    #[case(AdIds::OfLead, json!(null), json!(null))]
    #[case(AdIds::Zero, json!(0), json!(0))]
    #[case(AdIds::Absent, json!(null), json!(null))]
    fn ids_may_be_numbers_and_ads_absent(#[case] ad_ids: AdIds, #[case] ad: Value, #[case] adgroup: Value) {
        let notice = Notice { ad_id: None, ..notice() };
        let body = payload(&[notice], at(5), &Shape { numeric_ids: true, ad_ids, ..Shape::default() });
        let body: Value = serde_json::from_slice(&body).unwrap();
        let value = &body["entry"][0]["changes"][0]["value"];
        assert_eq!((&value["ad_id"], &value["adgroup_id"]), (&ad, &adgroup));
        assert_eq!(
            (&value["leadgen_id"], &body["entry"][0]["id"]),
            (&json!(900_000_000_000_001_i64), &json!(110_000_000_000_001_i64))
        );
    }

    #[test]
    fn groups_changes_into_entries() {
        let other = Notice { page_id: "110000000000002".to_owned(), ..notice() };
        let notices = [notice(), notice(), notice(), other];
        let body = payload(&notices, at(5), &Shape { changes_per_entry: Some(2), repeated: true, ..Shape::default() });
        let body: Value = serde_json::from_slice(&body).unwrap();
        let entries = body["entry"].as_array().unwrap();
        let sizes: Vec<_> = entries.iter().map(|entry| entry["changes"].as_array().unwrap().len()).collect();
        assert_eq!(sizes, [4, 2, 2]);
        assert_eq!(entries[2]["id"], "110000000000002");
    }

    #[test]
    fn the_other_payloads_are_json() {
        let sent = at(1_790_000_200);
        let parse = |body: Vec<u8>| serde_json::from_slice::<Value>(&body).unwrap();
        assert_eq!(
            parse(dashboard_test_payload(sent))["entry"][0]["changes"][0]["value"]["leadgen_id"],
            "444444444444"
        );
        let update = parse(leadgen_update_payload(sent));
        assert_eq!(update["entry"][0]["changes"][0]["value"]["updated_time"], "1790000190");
        assert_eq!(parse(changed_fields_payload("1", sent))["entry"][0]["changed_fields"], json!(["leadgen"]));
    }
}
