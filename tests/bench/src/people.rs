//! Invented people, no two with the same number or address.

use simulators::meta::NewLead;

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
