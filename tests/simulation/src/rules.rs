//! Bundles of every kind of rule.

use rand::{RngExt, rngs::SmallRng};
use serde_json::{Value, json};

/// What ends the notes of a client card that a bundle makes of a lead: the oracle knows by it whose work a card is.
pub fn signature(leadgen_id: &str, bundle: &str) -> String {
    format!("{leadgen_id}/{bundle}")
}

/// A bundle for a form that makes clients and orders at the company of `connection`.
pub fn document(connection: &str, form_id: &str, bundle: &str) -> Value {
    json!({
        "title": bundle,
        "source": { "connection": "page", "form_id": form_id },
        "client": {
            "connection": connection,
            "fields": {
                "first_name": "{{ contact.first_name }}", "last_name": "{{ contact.last_name }}",
                "phone": "{{ contact.phone }}", "email": "{{ contact.email }}",
                "notes": signature("{{ lead.id }}", bundle),
            },
            "duplicates": { "on_update": { "notes": "keep", "first_name": "fill", "last_name": "fill" } },
        },
        "order": {
            "fields": {
                "branch_id": 15001, "order_type_id": 21001, "malfunction": "{{ answers['what_is_broken?'] }}",
            },
        },
    })
}

/// The same with rules that chance picked.
pub fn any_document(chance: &mut SmallRng, connection: &str, form_id: &str, bundle: &str) -> Value {
    let mut document = document(connection, form_id, bundle);
    let mut pick = |values: &[Value]| values[chance.random_range(0..values.len())].clone();
    let client = &mut document["client"]["duplicates"];
    client["mode"] = pick(&[
        json!("update_or_create"),
        json!("update_or_create"),
        json!("create_if_missing"),
        json!("create_if_missing"),
        json!("create_always"),
        json!("update_only"),
    ]);
    client["match_on"] =
        pick(&[json!(["phone", "email"]), json!(["email", "phone"]), json!(["phone"]), json!(["email"])]);
    client["match"] = pick(&[json!("any"), json!("any"), json!("all")]);
    client["on_update"]["email"] = pick(&[json!("overwrite"), json!("fill"), json!("keep")]);
    let order = &mut document["order"];
    order["duplicates"] = json!({
        "mode": pick(&[json!("create_always"), json!("create_if_missing")]),
        "only_open": pick(&[json!(false), json!(true)]),
        "when_found": pick(&[json!("skip"), json!("comment")]),
    });
    if pick(&[json!(true), json!(false)]) == json!(true) {
        order["duplicates"]["within_days"] = json!(30);
    }
    if pick(&[json!(false), json!(false), json!(true)]) == json!(true) {
        order["fields"]["status_id"] = json!(12);
    }
    if pick(&[json!(0), json!(1), json!(2), json!(3), json!(4)]) == json!(0) {
        *order = Value::Null;
    }
    document
}
