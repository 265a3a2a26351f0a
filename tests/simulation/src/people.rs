//! Invented people and how they fill in forms. Everything personal carries a canary, so that a leak is seen.

use rand::{RngExt, rngs::SmallRng};
use serde_json::{Value, json};

/// Parts of everything that is personal or secret: none of them may turn up in a log, a history or a queue. The
/// numbers are of a block that nobody has, the addresses of a reserved domain.
pub const CANARIES: [&str; 6] = ["Кенар", "kenar", "5011199", "111 99", "111-99", "EAAG"];

const FIRST_NAMES: [&str; 8] = ["Олена", "Ірина", "Андрій", "Марія", "Тарас", "Оксана", "Іван", "Юлія"];

/// Somebody who fills in forms.
#[derive(Debug, Clone)]
pub struct Person {
    name: String,
    /// National numbers without the leading zero.
    phones: Vec<String>,
    emails: Vec<String>,
}

impl Person {
    /// The `number`th person. Some have two phones or two addresses, some none.
    pub fn invent(chance: &mut SmallRng, number: usize) -> Self {
        let name = format!("{} Кенаренко{number}", FIRST_NAMES[number % FIRST_NAMES.len()]);
        let phones = (0..how_many(chance)).map(|n| format!("5011199{}{number}", n + 1)).collect();
        let emails = (0..how_many(chance)).map(|n| format!("kenar{number}.{n}@example.com")).collect();
        Self { name, phones, emails }
    }

    /// Families share numbers and addresses.
    pub fn share_with(&self, other: &mut Self, chance: &mut SmallRng) {
        let (mine, theirs) = match chance.random_bool(0.5) {
            true => (&self.phones, &mut other.phones),
            false => (&self.emails, &mut other.emails),
        };
        theirs.splice(0..theirs.len().min(1), mine.first().cloned());
    }

    /// What the person answers this time, in some spelling.
    pub fn answers(&self, chance: &mut SmallRng) -> Vec<(String, Vec<String>)> {
        let phone = pick(chance, &self.phones).map(|number| spell_phone(chance, &number));
        let email = pick(chance, &self.emails).map(|address| spell_email(chance, &address));
        let name = if chance.random_ratio(1, 40) { String::new() } else { self.name.clone() };
        let answers = [
            ("full_name", Some(name)),
            ("phone_number", phone),
            ("email", email),
            ("what_is_broken?", Some("kenar screen".to_owned())),
        ];
        answers.into_iter().filter_map(|(key, answer)| Some((key.to_owned(), vec![answer?]))).collect()
    }

    /// A card that the company has of the person already, with what it happens to know.
    pub fn card(&self, chance: &mut SmallRng) -> Value {
        let phone = pick(chance, &self.phones).map(|number| spell_phone(chance, &number));
        let phones: Vec<Value> = phone.map(|phone| json!({ "title": "", "phone": phone })).into_iter().collect();
        let knows_email = phones.is_empty() || chance.random_bool(0.5);
        let email = pick(chance, &self.emails).filter(|_| knows_email).unwrap_or_default();
        json!({ "first_name": "Давній", "last_name": "Кенар", "phones": phones, "email": email })
    }
}

/// The answers of the `number`th of ten thousand people who have nothing in common.
pub fn anybody(number: usize) -> Vec<(String, Vec<String>)> {
    let answers = [
        ("full_name", format!("{} Кенаренко{number}", FIRST_NAMES[number % FIRST_NAMES.len()])),
        ("phone_number", format!("+38050110{number:04}")),
        ("email", format!("kenar{number}@example.com")),
        ("what_is_broken?", "kenar screen".to_owned()),
    ];
    answers.map(|(key, answer)| (key.to_owned(), vec![answer])).into()
}

fn how_many(chance: &mut SmallRng) -> usize {
    [0, 1, 1, 1, 1, 2][chance.random_range(0..6)]
}

fn pick(chance: &mut SmallRng, values: &[String]) -> Option<String> {
    if values.is_empty() { None } else { Some(values[chance.random_range(0..values.len())].clone()) }
}

fn spell_phone(chance: &mut SmallRng, number: &str) -> String {
    let (code, a, b, c) = (&number[..2], &number[2..5], &number[5..7], &number[7..]);
    match chance.random_range(0..5) {
        0 => format!("+380{number}"),
        1 => format!("380{number}"),
        2 => format!("0{number}"),
        3 => format!("+380 {code} {a} {b} {c}"),
        _ => format!("(0{code}) {a}-{b}-{c}"),
    }
}

fn spell_email(chance: &mut SmallRng, address: &str) -> String {
    match chance.random_range(0..3) {
        0 => address.replace("kenar", "Kenar"),
        1 => format!(" {address}"),
        _ => address.to_owned(),
    }
}
