//! What RemOnline says when it refuses. The body is not documented for v2: it may be v1's, another framework's, or
//! no JSON at all, and the HTTP status decides in any case.

use serde_json::{Map, Value};

use crate::Details;
use crate::masking::mask;
use crate::row::integer;

/// No form has more fields that can be wrong at once.
const MOST_FIELDS: usize = 50;

/// Reads the body of a refusal. Never fails. `sent` are the texts of the request, which must not come back.
pub(crate) fn read(status: u16, body: &[u8], sent: &[&str]) -> Details {
    let json = serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
    let fields = fields_of(&json);
    let message = message_of(&json)
        .or_else(|| joined(&fields))
        .or_else(|| spoken(&String::from_utf8_lossy(body)))
        .unwrap_or_else(|| reason_phrase(status));
    let masked = |text: &str| mask(text, sent);
    Details {
        status: Some(status),
        code: integer(&json["code"]).or_else(|| integer(&json["error"]["code"])),
        message: masked(&message),
        fields: fields.iter().map(|(field, text)| (masked(field), masked(text))).collect(),
    }
}

/// The text for a person: `message`, or after it (and the fields, see [`joined`]) `error` and `detail`.
fn message_of(json: &Value) -> Option<String> {
    let named = spoken(json["message"].as_str().unwrap_or_default());
    if named.is_some() || !fields_of(json).is_empty() {
        return named;
    }
    let candidates = [&json["errors"], &json["error"], &json["error"]["message"], &json["detail"], json];
    candidates.into_iter().find_map(|value| spoken(value.as_str()?))
}

/// The complaints field by field: `message.validation`, `validation`, `errors`, an `error` or `detail` that is
/// built likewise.
fn fields_of(json: &Value) -> Vec<(String, String)> {
    let places = [
        &json["message"]["validation"],
        &json["message"]["errors"],
        &json["validation"],
        &json["errors"],
        &json["error"]["validation"],
        &json["error"]["errors"],
        &json["detail"],
    ];
    let complaints = places.into_iter().map(complaints).find(|found| !found.is_empty());
    complaints.unwrap_or_default().into_iter().take(MOST_FIELDS).collect()
}

fn complaints(value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Object(fields) => fields.iter().map(|(field, texts)| (field.clone(), text_of(texts))).collect(),
        Value::Array(rows) => rows.iter().filter_map(complaint).collect(),
        _ => Vec::new(),
    }
}

/// One element of a list of complaints: `{"field": .., "message": ..}` or a bare text.
fn complaint(row: &Value) -> Option<(String, String)> {
    let Value::Object(row) = row else { return spoken(&text_of(row)).map(|text| (String::new(), text)) };
    let field = first_text(row, &["field", "name", "param", "path", "loc"]).unwrap_or_default();
    Some((field, first_text(row, &["message", "msg", "detail", "error"])?))
}

fn first_text(row: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| spoken(&text_of(row.get(*name)?)))
}

/// A text, several joined, or whatever else was sent as it is spelled in JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn joined(fields: &[(String, String)]) -> Option<String> {
    let line = |(field, text): &(String, String)| match field.as_str() {
        "" => text.clone(),
        field => format!("{field}: {text}"),
    };
    spoken(&fields.iter().map(line).collect::<Vec<_>>().join("; "))
}

fn spoken(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn reason_phrase(status: u16) -> String {
    let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    known.unwrap_or("no explanation").to_owned()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::row::arbitrary_json;

    #[rstest]
    #[case::message(r#"{"success":false,"code":101,"message":"Invalid token"}"#, Some(101), "Invalid token")]
    #[case::code_as_text(r#"{"code":"400","message":"Bad"}"#, Some(400), "Bad")]
    #[case::error(r#"{"error":"No access"}"#, None, "No access")]
    #[case::error_object(r#"{"error":{"code":7,"message":"No access"}}"#, Some(7), "No access")]
    #[case::detail(r#"{"detail":"Not found."}"#, None, "Not found.")]
    #[case::errors_text(r#"{"errors":"Broken"}"#, None, "Broken")]
    #[case::message_before_error(r#"{"error":"Bad Request","message":"No such branch"}"#, None, "No such branch")]
    #[case::json_text(r#""Sorry""#, None, "Sorry")]
    #[case::plain("upstream is down\n", None, "upstream is down")]
    #[case::number("7", None, "7")]
    #[case::empty("", None, "Bad Request")]
    #[case::not_utf8("\u{fffd}", None, "\u{fffd}")]
    fn finds_the_message(#[case] body: &str, #[case] code: Option<i64>, #[case] message: &str) {
        let details = read(400, body.as_bytes(), &[]);
        assert_eq!((details.code, details.message.as_str(), details.fields), (code, message, vec![]));
    }

    #[rstest]
    #[case::v1(r#"{"message":{"validation":{"branch_id":["Required field"],"client_id":["Required field"]}}}"#)]
    #[case::validation(r#"{"validation":{"branch_id":"Required field","client_id":"Required field"}}"#)]
    #[case::errors(r#"{"errors":{"branch_id":["Required field"],"client_id":["Required field"]}}"#)]
    #[case::rows(
        r#"{"errors":[{"field":"branch_id","message":"Required field"},{"name":"client_id","msg":"Required field"}]}"#
    )]
    #[case::located(
        r#"{"detail":[{"loc":["branch_id"],"msg":"Required field"},{"loc":["client_id"],"msg":"Required field"}]}"#
    )]
    fn finds_the_fields(#[case] body: &str) {
        let details = read(400, body.as_bytes(), &[]);
        let required = |field: &str| (field.to_owned(), "Required field".to_owned());
        assert_eq!(details.fields, [required("branch_id"), required("client_id")]);
        assert_eq!(details.message, "branch_id: Required field; client_id: Required field");
    }

    #[test]
    fn keeps_the_message_beside_the_fields() {
        let details = read(422, br#"{"message":"Check the form","errors":{"email":["Not an address"]}}"#, &[]);
        assert_eq!(details.message, "Check the form");
        assert_eq!(details.fields, [("email".to_owned(), "Not an address".to_owned())]);
    }

    #[test]
    fn hides_personal_data_everywhere() {
        let body = r#"{"errors":{"phones.+380501112233":["+380501112233 belongs to Olena"]}}"#;
        let details = read(400, body.as_bytes(), &["Olena"]);
        let shown = format!("{details:?}");
        assert!(!shown.contains("0501112233") && !shown.contains("Olena"), "{shown}");
    }

    proptest! {
        #[test]
        fn reads_any_bytes(status in 100..999u16, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(status, &body, &[]).message.chars().count() <= 300);
        }

        #[test]
        fn reads_any_json(body in arbitrary_json()) {
            prop_assert!(!read(400, body.to_string().as_bytes(), &[]).message.is_empty());
        }
    }
}
