//! Invented people, no two with the same number or address.

use serde_json::json;
use simulators::{meta::NewLead, remonline::RemOnline};

/// More clients than fit on a page, as a shop has that is not new.
const CLIENTS: usize = 60;

/// Gives a company its clients.
pub(crate) fn settle(remonline: &RemOnline) {
    for number in 0..CLIENTS {
        let (phone, email) = (format!("+380442{number:06}"), format!("client{number}@example.com"));
        remonline
            .insert_person(json!({"first_name": "Тарас", "email": email, "phones": [{"title": "", "phone": phone}]}));
    }
}

/// The answers of one of them.
pub(crate) fn lead(number: usize) -> NewLead {
    let (phone, email) = (format!("+380501{number:06}"), format!("person{number}@example.com"));
    NewLead::new([
        ("full_name", "Олена Коваль"),
        ("phone_number", phone.as_str()),
        ("email", email.as_str()),
        ("what_is_broken?", "screen"),
        ("city", "Київ"),
    ])
}
