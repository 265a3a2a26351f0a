//! Invented people.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use simulators::meta::NewLead;

use crate::canaries::CANARY;

/// The first name of all of them.
pub(crate) const FIRST_NAME: &str = "Olenacanary";

/// Somebody who fills in a lead form, unlike anybody else of these tests.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// As it is dialled from abroad, or whatever a test has typed.
    pub(crate) phone: String,
    pub(crate) email: String,
    /// Key of the choice at `what_is_broken?`.
    pub(crate) broken: String,
}

impl Person {
    /// A person whose name, phone and e-mail address are canaries.
    pub(crate) fn invent() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(3000);
        Self::numbered(COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// One of ten thousand people.
    pub(crate) fn numbered(number: u32) -> Self {
        Self {
            first_name: FIRST_NAME.to_owned(),
            last_name: format!("Koval{CANARY}{number}"),
            phone: format!("+38050111{number:04}"),
            email: format!("olena.{CANARY}{number}@example.com"),
            broken: "screen".to_owned(),
        }
    }

    /// The digits of the phone within the country: `0501113001`.
    pub(crate) fn national(&self) -> String {
        self.phone.trim_start_matches("+38").to_owned()
    }

    /// The lead that the person leaves.
    pub(crate) fn lead(&self) -> NewLead {
        let name = format!("{} {}", self.first_name, self.last_name);
        NewLead::new([
            ("full_name", name.as_str()),
            ("phone_number", &self.phone),
            ("email", &self.email),
            ("what_is_broken?", &self.broken),
            ("city", "Київ"),
        ])
    }

    /// The client card that the shop's staff would have made, with the phone in their spelling.
    pub(crate) fn card(&self, phone: &str) -> Value {
        json!({
            "first_name": self.first_name, "last_name": self.last_name, "email": self.email,
            "phones": [{ "title": "", "phone": phone, "notify": false, "has_viber": false, "has_whatsapp": false }],
        })
    }

    /// Whether a client of RemOnline is this person, by phone or e-mail.
    pub(crate) fn is(&self, client: &Value) -> bool {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let national = digits(&self.national());
        let phones = phones(client);
        phones.iter().any(|phone| digits(phone).ends_with(&national)) || client["email"] == self.email.as_str()
    }
}

/// The phones of a client as RemOnline has them.
pub(crate) fn phones(client: &Value) -> Vec<String> {
    let phones = client["phones"].as_array().into_iter().flatten();
    phones.map(|phone| phone["phone"].as_str().unwrap().to_owned()).collect()
}
