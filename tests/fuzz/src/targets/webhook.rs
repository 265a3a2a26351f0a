//! The body of a signed webhook POST.

use std::collections::HashSet;

use domain::MetaId;
use facebook::Webhook;
use serde_json::{Map, Value};

/// The id of the lead in the dashboard's "Test" event.
const DASHBOARD_TEST: &str = "444444444444";

pub(super) fn run(input: &[u8]) {
    let read = Webhook::parse(input);
    let json = serde_json::from_slice::<Value>(input);
    let Ok(webhook) = read else { return };

    let text = std::str::from_utf8(input).expect("only UTF-8 is readable");
    assert!(webhook.unreadable.iter().all(|change| text.contains(change.get())), "what cannot be read is kept as sent");
    assert_eq!(webhook.events.iter().collect::<HashSet<_>>().len(), webhook.events.len(), "each lead once");

    // What serde_json's own values cannot hold is left to the product: numbers beyond 64 bits, half surrogates.
    let Ok(json) = json else { return };
    if holds_floats(&json) {
        return;
    }
    let told = (webhook.unreadable.len(), webhook.ignored, webhook.tests);
    let counted = Counted::of(&json);
    assert_eq!(told, (counted.unreadable, counted.ignored, counted.tests), "every part is accounted for");
    let leads = webhook.events.iter().map(|event| event.leadgen_id.as_str().to_owned()).collect::<HashSet<_>>();
    assert_eq!(leads, counted.leads, "each lead that is announced");
    for respelled in [with_ids(&json, as_text), with_ids(&json, as_number)] {
        let other = Webhook::parse(respelled.to_string().as_bytes()).expect("it was readable");
        assert_eq!(other.events, webhook.events, "ids are the same as text and as numbers");
    }
}

fn holds_floats(json: &Value) -> bool {
    match json {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(holds_floats),
        Value::Object(entries) => entries.values().any(holds_floats),
        _ => false,
    }
}

/// What a body says, counted in another way than the product does.
#[derive(Debug, Default)]
struct Counted {
    leads: HashSet<String>,
    unreadable: usize,
    ignored: usize,
    tests: usize,
}

impl Counted {
    fn of(body: &Value) -> Self {
        let mut counted = Self::default();
        match body["entry"].as_array().filter(|_| body["object"] == "page") {
            Some(entries) => entries.iter().for_each(|entry| counted.entry(entry)),
            None => counted.ignored += 1,
        }
        counted
    }

    fn entry(&mut self, entry: &Value) {
        match entry["changes"].as_array() {
            Some(changes) => changes.iter().for_each(|change| self.change(&entry["id"], change)),
            None => self.ignored += 1,
        }
    }

    fn change(&mut self, entry_id: &Value, change: &Value) {
        if change["field"] != "leadgen" {
            self.ignored += 1;
            return;
        }
        let value = &change["value"];
        let page = if value["page_id"].is_null() { entry_id } else { &value["page_id"] };
        match [&value["leadgen_id"], page, &value["form_id"]].map(digits) {
            [Some(lead), Some(_), Some(_)] if lead == DASHBOARD_TEST => self.tests += 1,
            [Some(lead), Some(_), Some(_)] => drop(self.leads.insert(lead)),
            _ => self.unreadable += 1,
        }
    }
}

fn digits(id: &Value) -> Option<String> {
    let text = id.as_str().map(str::to_owned).or_else(|| id.as_number().map(ToString::to_string))?;
    text.parse::<MetaId>().ok().map(|_| text)
}

const IDS: [&str; 4] = ["id", "leadgen_id", "page_id", "form_id"];

/// The same with every id respelled.
fn with_ids(json: &Value, respell: fn(&Value) -> Option<Value>) -> Value {
    match json {
        Value::Array(items) => items.iter().map(|item| with_ids(item, respell)).collect(),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| {
                let respelled = respell(value).filter(|_| IDS.contains(&key.as_str()));
                (key.clone(), respelled.unwrap_or_else(|| with_ids(value, respell)))
            });
            Value::Object(entries.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn as_text(id: &Value) -> Option<Value> {
    id.as_u64().map(|number| number.to_string().into())
}

/// A number has no leading zeros.
fn as_number(id: &Value) -> Option<Value> {
    let number = id.as_str()?.parse::<u64>().ok()?;
    (id.as_str() == Some(&number.to_string())).then(|| number.into())
}
