//! What stands in the quarantine queue: things that Meta signed and nobody can read, for a person to look at.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::queue::MAX_BYTES;

/// Room for everything in a message but the text.
const ENVELOPE: usize = 256;

#[derive(Serialize)]
struct Change<'a> {
    received_at: Timestamp,
    change: &'a RawValue,
}

#[derive(Serialize)]
struct Body<'a> {
    received_at: Timestamp,
    body: &'a str,
    /// `2/3`: the second of three messages that hold one text.
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
}

/// The messages that hold an unreadable body. Bytes that are not UTF-8 are shown as `U+FFFD`.
pub(crate) fn of_body(received_at: Timestamp, body: &[u8]) -> Vec<String> {
    of_text(received_at, &permitted(&String::from_utf8_lossy(body)))
}

/// The messages that hold an unreadable change: one, unless it is too large for that.
pub(crate) fn of_change(received_at: Timestamp, change: &RawValue) -> Vec<String> {
    if change.get().len() + ENVELOPE > MAX_BYTES {
        return of_text(received_at, &permitted(change.get()));
    }
    vec![permitted(&message(&Change { received_at, change }))]
}

fn of_text(received_at: Timestamp, text: &str) -> Vec<String> {
    let pieces = pieces(text, MAX_BYTES - ENVELOPE);
    let part = |n: usize| (pieces.len() > 1).then(|| format!("{}/{}", n + 1, pieces.len()));
    let message = |(n, body): (usize, &&str)| message(&Body { received_at, body, part: part(n) });
    pieces.iter().enumerate().map(message).collect()
}

fn message<T: Serialize>(content: &T) -> String {
    serde_json::to_string(content).expect("texts and a time are JSON")
}

/// Cuts a text so that no piece takes more than `room` bytes as a JSON string.
fn pieces(text: &str, room: usize) -> Vec<&str> {
    let (mut pieces, mut start, mut size) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        let added = size_in_json(character);
        if size + added > room {
            pieces.push(&text[start..at]);
            (start, size) = (at, 0);
        }
        size += added;
    }
    pieces.push(&text[start..]);
    pieces
}

fn size_in_json(character: char) -> usize {
    match character {
        '"' | '\\' => 2,
        '\0'..' ' => "\\u0000".len(),
        other => other.len_utf8(),
    }
}

/// SQS refuses a message with these two characters. Source: AWS, SQS API reference, `SendMessage`.
fn permitted(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn parse(messages: &[String]) -> Vec<Value> {
        messages.iter().map(|message| serde_json::from_str(message).unwrap()).collect()
    }

    #[test]
    fn a_change_is_kept_as_it_came() {
        let raw = RawValue::from_string(r#"{"field": "leadgen", "value": {"leadgen_id": 1e999}}"#.to_owned()).unwrap();
        let messages = of_change(Timestamp::UNIX_EPOCH, &raw);
        let expected =
            r#"{"received_at":"1970-01-01T00:00:00Z","change":{"field": "leadgen", "value": {"leadgen_id": 1e999}}}"#;
        assert_eq!(messages, [expected]);
    }

    #[test]
    fn a_body_is_kept_as_text() {
        let messages = of_body(Timestamp::UNIX_EPOCH, b"not \"JSON\" \xff \xef\xbf\xbf");
        let expected = json!({"received_at": "1970-01-01T00:00:00Z", "body": "not \"JSON\" \u{fffd} \u{fffd}"});
        assert_eq!(parse(&messages), [expected]);
    }

    #[test]
    fn a_change_too_large_for_a_message_is_cut() {
        let text = format!("[\"{}\"]", "x".repeat(MAX_BYTES));
        let messages = of_change(Timestamp::UNIX_EPOCH, &RawValue::from_string(text.clone()).unwrap());
        let parts = parse(&messages);
        assert_eq!(parts.iter().map(|it| it["part"].as_str().unwrap()).collect::<Vec<_>>(), ["1/2", "2/2"]);
        assert_eq!(parts.iter().map(|it| it["body"].as_str().unwrap()).collect::<String>(), text);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_fit_and_lose_nothing(text in "(\\PC|[\\x00-\\x1f\"\\\\]){0,60}", room in 6_usize..40) {
            let pieces = pieces(&text, room);
            for piece in &pieces {
                prop_assert!(serde_json::to_string(piece).unwrap().len() <= room + "\"\"".len());
            }
            prop_assert_eq!(pieces.concat(), text);
        }

        #[test]
        fn messages_fit(repeated in "\\PC{1,3}|[\\x00-\\x1f]", times in 0_usize..200_000) {
            let text = repeated.repeat(times);
            let messages = of_body(Timestamp::UNIX_EPOCH, text.as_bytes());
            prop_assert!(messages.iter().all(|message| message.len() <= MAX_BYTES));
        }
    }
}
