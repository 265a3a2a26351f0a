//! An answer of a person on the first line, a template after it.

use domain::{BundleDocument, Lead, MappingError, Plan, Planned};
use serde_json::{Value, json};

use crate::script::first_line;

/// The longest text that is sent in one field, in characters.
const LONGEST_TEXT: usize = 2_000;
/// Part of every answer but the one that is fuzzed, and of nothing else.
const SECRET: &str = "kanarka";

pub(super) fn run(input: &[u8]) {
    let (answer, template) = first_line(input);
    let template = String::from_utf8_lossy(template);
    let lead = lead(&answer);

    as_field(&template, &lead);
    as_filter(&template, &lead);
    as_answer(&answer, &lead);
}

fn as_field(template: &str, lead: &Lead) {
    let fields = json!({"first_name": "x", "custom_fields": {"f1": template}});
    let document = document(json!({"client": {"connection": "shop", "fields": fields}}));
    assert!(document.problems().iter().all(|problem| problem.pointer == "/client/fields/custom_fields/f1"));
    match made(&document, lead) {
        Err(errors) => errors.iter().for_each(|error| is_fit_for_a_history(error, template)),
        Ok(Planned::Go(plan)) => {
            let text = plan.client.custom_fields.get("f1").and_then(Value::as_str);
            let length = text.map(|text| text.chars().count());
            assert!(length.is_none_or(|length| (1..=LONGEST_TEXT).contains(&length)), "{length:?} characters");
        }
        Ok(Planned::Skip { .. }) => panic!("nothing says that the lead is to be skipped"),
    }
}

fn as_filter(expression: &str, lead: &Lead) {
    let document = document(json!({"filter": expression}));
    assert!(document.problems().iter().all(|problem| problem.pointer == "/filter"));
    if let Err(errors) = Plan::make(&document, lead) {
        errors.iter().for_each(|error| is_fit_for_a_history(error, expression));
    }
}

/// An answer that looks like a template stays what it is.
fn as_answer(answer: &str, lead: &Lead) {
    let fields = json!({"first_name": "x", "notes": "{{ answers.city }}"});
    let document = document(json!({"client": {"connection": "shop", "fields": fields}}));
    let Ok(Planned::Go(plan)) = Plan::make(&document, lead) else { panic!("a plain template") };
    let notes = plan.client.fields.get("notes").and_then(Value::as_str).unwrap_or_default();
    assert!(answer.trim().starts_with(notes), "{notes:?}");
    assert_eq!(notes.is_empty(), answer.trim().is_empty());
}

/// What a bundle makes of a lead, twice the same.
fn made(document: &BundleDocument, lead: &Lead) -> Result<Planned, Vec<MappingError>> {
    let made = Plan::make(document, lead);
    assert_eq!(made, Plan::make(document, lead));
    made
}

fn is_fit_for_a_history(error: &MappingError, template: &str) {
    let told = template.to_lowercase().contains(SECRET);
    assert!(told || !error.fault.to_string().to_lowercase().contains(SECRET), "{error}");
}

fn document(rules: Value) -> BundleDocument {
    let mut document = json!({
        "title": "Screens", "source": {"connection": "page", "form_id": "*"}, "test_leads": "process",
        "timezone": "Europe/Kyiv", "client": {"connection": "shop", "fields": {"first_name": "x"}},
    });
    if let (Some(document), Value::Object(rules)) = (document.as_object_mut(), rules) {
        document.extend(rules);
    }
    serde_json::from_value(document).expect("a document")
}

fn lead(city: &str) -> Lead {
    let lead = json!({
        "id": "900000000000001", "created_at": "2026-11-20T09:30:00Z", "page_id": "110000000000001",
        "form": {
            "id": "700000000000001", "name": "Screen repair",
            "questions": [
                {"key": "full_name", "label": "Name", "type": "FULL_NAME"},
                {"key": "phone_number", "label": "Phone", "type": "PHONE"},
                {"key": "what_is_broken?", "label": "What is broken?", "type": "CUSTOM", "options": [
                    {"key": "screen", "label": "Kanarka screen"}, {"key": "battery", "label": "Kanarka battery"},
                ]},
            ],
            "tracking_keys": ["source_tag"],
        },
        "ad_id": null, "ad_name": "Screens A", "adset_name": null, "campaign_name": "Autumn", "platform": "ig",
        "is_organic": false,
        "answers": [
            {"name": "full_name", "values": ["Kanarka Osoba"]},
            {"name": "phone_number", "values": ["050 111 22 33"]},
            {"name": "email", "values": ["Kanarka@Example.com"]},
            {"name": "what_is_broken?", "values": ["screen", "battery"]},
            {"name": "utm_source", "values": ["kanarka"]},
            {"name": "city", "values": [city]},
        ],
    });
    serde_json::from_value(lead).expect("a lead")
}
