//! One lead and one bundle for the tests of every module. Names and numbers are invented.

use serde_json::{Value, json};

use crate::{BundleDocument, Lead};

/// A lead of a form with every kind of question.
pub(crate) fn lead_json() -> Value {
    json!({
        "id": "900000000000001",
        "created_at": "2026-11-20T09:30:00Z",
        "page_id": "110000000000001",
        "form": {
            "id": "700000000000001",
            "name": "Screen repair",
            "questions": [
                {"key": "question1", "label": "Ваше ім'я", "type": "FULL_NAME"},
                {"key": "question2", "label": "Телефон", "type": "PHONE"},
                {"key": "email", "label": "E-mail", "type": "EMAIL"},
                {"key": "city", "label": "Місто", "type": "CITY"},
                {"key": "what_is_broken?", "label": "Що зламалося?", "type": "CUSTOM", "options": [
                    {"key": "screen", "label": "Екран"},
                    {"key": "battery", "label": "Батарея"}
                ]}
            ],
            "tracking_keys": ["source_tag"]
        },
        "ad_id": "120250000000000001",
        "ad_name": "Screens A",
        "adset_name": "Kyiv 30+",
        "campaign_name": "Autumn",
        "platform": "ig",
        "is_organic": false,
        "answers": [
            {"name": "utm_source", "values": ["leadform"]},
            {"name": "source_tag", "values": ["autumn"]},
            {"name": "question1", "values": ["Олена  Коваль Петрівна"]},
            {"name": "question2", "values": ["050 111 22 33"]},
            {"name": "email", "values": ["Olena@Example.com"]},
            {"name": "city", "values": ["Київ"]},
            {"name": "what_is_broken?", "values": ["screen", "battery"]}
        ]
    })
}

/// The same lead with other answers to some questions.
pub(crate) fn lead_with(answers: &[(&str, &[&str])]) -> Lead {
    let mut lead = lead();
    for (name, values) in answers {
        lead.answers.retain(|answer| answer.name != *name);
        let values = values.iter().map(ToString::to_string).collect();
        lead.answers.push(crate::Answer { name: (*name).to_owned(), values });
    }
    lead
}

pub(crate) fn lead() -> Lead {
    serde_json::from_value(lead_json()).unwrap()
}

/// The example of the interface, key by key.
pub(crate) fn document_json() -> Value {
    json!({
        "title": "Screen repair form",
        "source": {"connection": "fb-main", "form_id": "700000000000001"},
        "filter": "answers.city == 'Київ'",
        "test_leads": "skip",
        "default_region": "UA",
        "timezone": "Europe/Kyiv",
        "client": {
            "connection": "shop",
            "fields": {
                "first_name": "{{ contact.first_name }}",
                "last_name": "{{ contact.last_name }}",
                "phone": "{{ contact.phone }}",
                "email": "{{ contact.email }}",
                "notes": "Facebook: {{ lead.form_name }}",
                "ad_campaign_id": 777,
                "custom_fields": {"f5001": "{{ answers['what_is_broken?'] }}"}
            },
            "duplicates": {
                "match_on": ["phone", "email"],
                "match": "any",
                "mode": "update_or_create",
                "on_update": {"notes": "append", "email": "fill", "first_name": "keep"}
            }
        },
        "order": {
            "fields": {
                "branch_id": 15001,
                "order_type_id": 21001,
                "status_id": 12,
                "manager_id": 9001,
                "malfunction": "{{ answers['what_is_broken?'] }}",
                "custom_fields": {"f6001": "{{ lead.id }}"}
            },
            "duplicates": {
                "match_on": ["client_id"],
                "mode": "create_if_missing",
                "within_days": 30,
                "only_open": true,
                "when_found": "comment"
            }
        }
    })
}

pub(crate) fn document() -> BundleDocument {
    serde_json::from_value(document_json()).unwrap()
}

/// The example with one value replaced, or removed where `value` is null.
pub(crate) fn document_with(pointer: &str, value: Value) -> BundleDocument {
    serde_json::from_value(replaced(document_json(), pointer, value)).unwrap()
}

pub(crate) fn replaced(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(key)
    } else {
        parent.insert(key.to_owned(), value)
    };
    document
}
