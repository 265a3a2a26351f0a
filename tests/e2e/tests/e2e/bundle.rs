//! Bundle documents to start from.

use serde_json::{Value, json};

/// A bundle with client and order, on this form.
pub(crate) fn bundle(id: &str, form_id: &str) -> Value {
    json!({
        "id": id,
        "title": "Screen repair form",
        "source": { "connection": "page", "form_id": form_id },
        "client": {
            "connection": "shop",
            "fields": {
                "first_name": "{{ contact.first_name }}",
                "last_name": "{{ contact.last_name }}",
                "phone": "{{ contact.phone }}",
                "email": "{{ contact.email }}",
                "notes": "Facebook: {{ lead.form_name }}",
            },
        },
        "order": {
            "fields": {
                "branch_id": 15001,
                "order_type_id": 21001,
                "malfunction": "{{ answers['what_is_broken?'] }}",
            },
        },
    })
}

/// What an order of this lead carries at the end of its notes.
pub(crate) fn marker(bundle_id: &str, lead: &str) -> String {
    format!("[fb:{lead}:{bundle_id}]")
}
