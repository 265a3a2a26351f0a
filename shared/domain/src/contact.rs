use std::fmt;

use serde::Serialize;

use crate::{Lead, MaskedContact, Phone};

/// An e-mail address: trimmed, in lower case, of the usual form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Email(String);

/// The person behind a lead, read from Meta's standard questions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Given name, empty if unknown.
    pub first_name: String,
    /// Family name, empty if unknown.
    pub last_name: String,
    /// Both, empty if unknown.
    pub full_name: String,
    /// The first phone answer that is a valid number.
    pub phone: Option<Phone>,
    /// The first phone answer as it was typed, kept where none is a valid number.
    pub phone_as_typed: Option<String>,
    /// The first e-mail answer that is an address.
    pub email: Option<Email>,
}

/// Types of Meta's questions that ask for a phone, the one meant for contact first.
const PHONE_KINDS: [&str; 5] =
    ["PHONE", "PHONE_OTP", "USER_PROVIDED_PHONE_NUMBER", "WHATSAPP_NUMBER", "WORK_PHONE_NUMBER"];
const EMAIL_KINDS: [&str; 3] = ["EMAIL", "EMAIL_ALIAS", "WORK_EMAIL"];

impl Contact {
    /// Reads the contact: by the types of the form's questions, then by Meta's default keys, never by position.
    /// `region` is the country of phones that do not name one.
    /// Source: Meta, Marketing API, Lead Ads, `field_data` and the question types of `leadgen_forms`.
    pub fn of(lead: &Lead, region: &str) -> Self {
        let name = |kind| answers(lead, &[kind]).next().map(collapse).unwrap_or_default();
        let (first_name, last_name, full_name) = names(name("FIRST_NAME"), name("LAST_NAME"), name("FULL_NAME"));
        let phone = answers(lead, &PHONE_KINDS).find_map(|text| Phone::parse(text, region));
        let typed = answers(lead, &PHONE_KINDS).next().filter(|_| phone.is_none()).map(collapse);
        let email = answers(lead, &EMAIL_KINDS).find_map(Email::parse);
        Self { first_name, last_name, full_name, phone, phone_as_typed: typed, email }
    }

    /// What a history may show of the person.
    pub fn masked(&self) -> MaskedContact {
        let initials = self.full_name.split(' ').filter_map(|word| word.chars().next());
        MaskedContact {
            name: initials.map(|initial| format!("{initial}.")).collect::<Vec<_>>().join(" "),
            phone: self.phone.as_ref().map(Phone::masked).unwrap_or_default(),
            email: self.email.as_ref().map(Email::masked).unwrap_or_default(),
        }
    }
}

impl Email {
    /// Reads an address. `None` when it is none that RemOnline would take; unusual forms (quotes, letters beyond
    /// ASCII) count as none.
    pub fn parse(text: &str) -> Option<Self> {
        let address = text.trim().to_lowercase();
        let (local, domain) = address.rsplit_once('@')?;
        let local_fits = (1..=64).contains(&local.len())
            && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
        let labels = domain.split('.').collect::<Vec<_>>();
        let domain_fits = labels.len() >= 2 && domain.len() <= 189 && labels.iter().all(|label| is_label(label));
        (local_fits && domain_fits).then_some(Self(address))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// First letter and domain: `o***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or_default();
        format!("{}***@{domain}", local.chars().next().unwrap_or_default())
    }
}

/// Masked: an address is personal data and must not reach a log.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email({})", self.masked())
    }
}

/// Splits a full name in any script: the first word is the first name, the rest the last name.
pub fn split_name(full: &str) -> (String, String) {
    let full = collapse(full);
    let (first, last) = full.split_once(' ').unwrap_or((&full, ""));
    (first.to_owned(), last.to_owned())
}

/// Completes the three names out of those that were answered.
fn names(first: String, last: String, full: String) -> (String, String, String) {
    match (first.is_empty() && last.is_empty(), full.is_empty()) {
        (true, _) => {
            let (first, last) = split_name(&full);
            (first, last, full)
        }
        (false, true) => {
            let full = collapse(&format!("{first} {last}"));
            (first, last, full)
        }
        (false, false) => (first, last, full),
    }
}

/// The answers to questions of these kinds, in the order of the kinds: for each first by the form's questions, then
/// by Meta's default key.
fn answers<'a>(lead: &'a Lead, kinds: &'a [&str]) -> impl Iterator<Item = &'a str> {
    kinds.iter().flat_map(|kind| {
        let questions = lead.form.questions.iter().filter(move |question| question.kind.eq_ignore_ascii_case(kind));
        let keys = questions.map(|question| question.key.clone()).chain([default_key(kind)]);
        keys.flat_map(|key| lead.values(&key))
    })
}

fn default_key(kind: &str) -> String {
    match kind {
        "PHONE" | "PHONE_OTP" => "phone_number".to_owned(),
        _ => kind.to_lowercase(),
    }
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{lead, lead_with};

    #[rstest]
    #[case("Олена Коваль", "Олена", "Коваль")]
    #[case("  Олена\t Коваль   Петрівна ", "Олена", "Коваль Петрівна")]
    #[case("Solomiia", "Solomiia", "")]
    #[case("Мар'яна О'Коннор", "Мар'яна", "О'Коннор")]
    #[case("王小明", "王小明", "")]
    #[case("محمد بن علي", "محمد", "بن علي")]
    #[case("Anna-Maria\u{a0}de la Cruz", "Anna-Maria", "de la Cruz")]
    #[case(" ", "", "")]
    fn splits_names(#[case] full: &str, #[case] first: &str, #[case] last: &str) {
        assert_eq!(split_name(full), (first.to_owned(), last.to_owned()));
    }

    #[rstest]
    #[case(" Olena@Example.com ", Some("olena@example.com"))]
    #[case("o.koval+fb@mail.example.com", Some("o.koval+fb@mail.example.com"))]
    #[case("olena@my-shop.example.com", Some("olena@my-shop.example.com"))]
    #[case("olena", None)]
    #[case("olena@my_shop.example.com", None)]
    #[case("olena@example", None)]
    #[case("@example.com", None)]
    #[case("olena@", None)]
    #[case("olena koval@example.com", None)]
    #[case("olena@@example.com", None)]
    #[case("olena..koval@example.com", None)]
    #[case("olena@-example.com", None)]
    #[case("olena@example..com", None)]
    #[case("олена@example.com", None)]
    #[case("olena@example.com, o@example.com", None)]
    fn reads_addresses(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(Email::parse(text).as_ref().map(Email::as_str), expected);
    }

    #[test]
    fn types_of_questions_tell_what_an_answer_is() {
        let contact = Contact::of(&lead(), "UA");
        assert_eq!(contact.first_name, "Олена");
        assert_eq!(contact.last_name, "Коваль Петрівна");
        assert_eq!(contact.full_name, "Олена Коваль Петрівна");
        assert_eq!(contact.phone.unwrap().e164(), "+380501112233");
        assert_eq!(contact.phone_as_typed, None);
        assert_eq!(contact.email.unwrap().as_str(), "olena@example.com");
    }

    #[test]
    fn default_keys_stand_in_for_an_unknown_form() {
        let mut lead = lead_with(&[
            ("FIRST_NAME", &["Olena"]),
            ("last_name", &["Koval"]),
            ("phone_number", &["0501112244"]),
            ("email", &["o@example.com"]),
        ]);
        lead.form.questions.clear();
        let contact = Contact::of(&lead, "UA");
        assert_eq!(contact.full_name, "Olena Koval");
        assert_eq!(contact.first_name, "Olena");
        assert_eq!(contact.phone.unwrap().e164(), "+380501112244");
        assert_eq!(contact.email.unwrap().as_str(), "o@example.com");
    }

    #[rstest]
    #[case("user_provided_phone_number")]
    #[case("whatsapp_number")]
    #[case("work_phone_number")]
    fn another_phone_stands_in(#[case] key: &str) {
        let contact = Contact::of(&lead_with(&[("question2", &["12345"]), (key, &["0501112255"])]), "UA");
        assert_eq!(contact.phone.unwrap().e164(), "+380501112255");
        assert_eq!(contact.phone_as_typed, None);
    }

    #[test]
    fn a_phone_that_is_none_is_kept_as_typed() {
        let contact = Contact::of(&lead_with(&[("question2", &[" 12 345 "]), ("email", &["at work"])]), "UA");
        assert_eq!(contact.phone, None);
        assert_eq!(contact.phone_as_typed.as_deref(), Some("12 345"));
        assert_eq!(contact.email, None);
    }

    #[test]
    fn unanswered_questions_give_nothing() {
        let lead = lead_with(&[("question1", &[]), ("question2", &[""]), ("email", &[" "])]);
        assert_eq!(Contact::of(&lead, "UA"), Contact::default());
    }

    #[test]
    fn a_history_shows_little() {
        let contact = Contact::of(&lead(), "UA");
        let masked = serde_json::to_value(contact.masked()).unwrap();
        assert_eq!(masked, json!({"name": "О. К. П.", "phone": "+380*******33", "email": "o***@example.com"}));
        let shown = format!("{:?}{:?}", contact.phone, contact.email);
        assert!(!shown.contains("0501112233") && !shown.contains("olena"), "{shown}");
    }

    proptest! {
        #[test]
        fn an_address_reads_as_itself(text in "[ a-zA-Z0-9.+_-]{1,12}@[a-zA-Z0-9.-]{1,20}") {
            if let Some(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()), Some(email.clone()));
            }
        }

        #[test]
        fn a_split_name_loses_no_letter(full in "\\PC{0,40}") {
            let (first, last) = split_name(&full);
            prop_assert_eq!(collapse(&format!("{first} {last}")), collapse(&full));
        }
    }
}
