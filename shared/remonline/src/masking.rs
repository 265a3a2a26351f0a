//! Takes personal data out of RemOnline's texts before anybody keeps them.

use serde_json::Value;

const MASK: &str = "***";
/// Longest text that is kept, in characters.
const KEPT: usize = 300;
/// Only so much of an answer is looked at; a page of HTML says nothing more at its end.
const LOOKED_AT: usize = 4_000;
/// Shorter runs of digits are ids and counts rather than phone numbers.
const LONGEST_HARMLESS_RUN: usize = 4;
/// Longer ones are no ids of custom fields.
const LONGEST_FIELD_ID: usize = 8;

/// The texts of a request, which RemOnline's complaint may repeat. Two characters are too common to be searched for.
pub(crate) fn texts_of(body: &Value) -> Vec<&str> {
    match body {
        Value::String(text) if text.chars().count() > 2 => vec![text],
        Value::Array(items) => items.iter().flat_map(texts_of).collect(),
        Value::Object(fields) => fields.values().flat_map(texts_of).collect(),
        _ => Vec::new(),
    }
}

/// `text` on one line and cut, without what was `sent`, e-mail addresses and phone numbers.
pub(crate) fn mask(text: &str, sent: &[&str]) -> String {
    let mut text = text.chars().take(LOOKED_AT).collect::<String>();
    for own in sent {
        text = text.replace(own, MASK);
    }
    mask_digits(&mask_addresses(&text)).chars().take(KEPT).collect()
}

/// Every word with an `@`, and the words beside one that stands alone.
fn mask_addresses(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>();
    let touches = |i: usize| {
        let before = i.checked_sub(1).and_then(|i| words.get(i)).is_some_and(|word| word.ends_with('@'));
        let after = words.get(i + 1).is_some_and(|word| word.starts_with('@'));
        before || after || words[i].contains('@') || words[i].contains("%40")
    };
    (0..words.len()).map(|i| if touches(i) { MASK } else { words[i] }).collect::<Vec<_>>().join(" ")
}

/// Every run of five digits or more, also when written like `(050) 111-22-33`. The name of a custom field
/// (`f123456`) stays, because the reader needs it.
fn mask_digits(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_numeric) {
        let run = run_of_digits(&rest[start..]);
        let is_field_id = run.len() <= LONGEST_FIELD_ID && run.bytes().all(|byte| byte.is_ascii_digit());
        let names_a_field = is_field_id && is_field_letter(&rest[..start]);
        let is_long = run.chars().filter(|c| c.is_numeric()).count() > LONGEST_HARMLESS_RUN;
        masked.push_str(&rest[..start]);
        masked.push_str(if is_long && !names_a_field { MASK } else { run });
        rest = &rest[start + run.len()..];
    }
    masked + rest
}

/// The digits at the beginning of `text` with the punctuation of phone numbers between them.
fn run_of_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_numeric() && !" -().+/".contains(c)).unwrap_or(text.len());
    text[..end].trim_end_matches(|c: char| !c.is_numeric())
}

fn is_field_letter(before: &str) -> bool {
    before.strip_suffix('f').is_some_and(|earlier| !earlier.ends_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::plain("Required field", "Required field")]
    #[case::phone("+380501112233 is taken", "+*** is taken")]
    #[case::spaced("(050) 111-22-33 is taken", "(*** is taken")]
    #[case::short("12 of 3456", "12 of 3456")]
    #[case::other_digits("٠٥٠١١١٢٢٣٣", "***")]
    #[case::email("bad e-mail <olena@example.com>, sorry", "bad e-mail *** sorry")]
    #[case::email_in_pieces("bad e-mail olena @ example.com", "bad e-mail *** *** ***")]
    #[case::email_encoded("emails=olena%40example.com", "***")]
    #[case::field("f123456 is required", "f123456 is required")]
    #[case::not_a_field("of123456", "of***")]
    #[case::too_long_for_a_field("f0501112233 is taken", "f*** is taken")]
    #[case::lines("one\n two", "one two")]
    fn hides_personal_data(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(mask(text, &[]), expected);
    }

    #[test]
    fn hides_what_was_sent() {
        let body = json!({ "first_name": "Олена", "phones": [{ "title": "", "phone": "050" }], "urgent": true });
        assert_eq!(mask("Олена (050) is known", &texts_of(&body)), "*** (***) is known");
    }

    #[test]
    fn cuts_long_texts() {
        assert_eq!(mask(&"я".repeat(10_000), &[]).chars().count(), 300);
    }

    proptest! {
        #[test]
        fn leaves_no_phone_number_and_no_address(text in "\\PC{0,60}", number in "[0-9]{5,15}") {
            let masked = mask(&format!("{text} {number} {text} a@b {text}"), &[]);
            let long_run = masked.split(|c: char| !c.is_ascii_digit()).any(|run| run == number);
            prop_assert!(!long_run, "{masked}");
            prop_assert!(!masked.contains("a@b"));
        }
    }
}
