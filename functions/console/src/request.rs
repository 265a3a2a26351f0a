//! What a request brings: a JSON body, a query, ids in the path. Whatever is wrong becomes a [`Problem`].

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
};
use domain::IdError;
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    problem::Problem,
    text::{Text, text},
};

/// A JSON body. The media type is not asked for: what is no JSON is refused anyway, and foreign pages are kept out by
/// [`crate::access`].
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

/// A query, unknown parameters refused: a misspelt filter must not match everything.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

/// Ids in the path. A text that cannot be an id leads nowhere: 404.
#[derive(Debug)]
pub(crate) struct Ids<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| {
            Problem::new(rejection.status(), text("body-unread").with("words", rejection.body_text()))
        })?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        parse(serde_json::from_slice(&bytes).map_err(|error| not_json(&error))?).map(Self)
    }
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text("no-json").with("words", error))
}

/// Reads `object` as `T`, naming the field that stands in the way.
///
/// # Errors
/// 422 with the pointer of the field.
pub(crate) fn parse<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
        let pointer = pointer(error.path());
        let cause = error.into_inner().to_string();
        let missing = quoted(&cause, "missing field ").map(|field| format!("/{}", escape(field))).unwrap_or_default();
        Problem::invalid_field(pointer + &missing, unfit(&cause))
    })
}

/// The JSON pointer of a path.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let tokens = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(escape(key)),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    tokens.fold(String::new(), |pointer, token| format!("{pointer}/{token}"))
}

/// What a message of serde begins with, and the name it quotes then. serde blames the parent for a field that is
/// missing and names the field in its message.
fn quoted<'c>(cause: &'c str, beginning: &str) -> Option<&'c str> {
    cause.strip_prefix(beginning)?.strip_prefix('`')?.split('`').next()
}

/// What serde says of a value, in words of ours where there are some: it says it in English, and names types of ours.
fn unfit(cause: &str) -> Text {
    let known = || cause.split_once(", expected ").map_or("", |(_, known)| known);
    if let Some(field) = quoted(cause, "missing field ") {
        text("value-missing").with("field", field)
    } else if let Some(field) = quoted(cause, "unknown field ") {
        text("value-unknown-field").with("field", field).with("known", known())
    } else if let Some(given) = quoted(cause, "unknown variant ") {
        text("value-unknown-choice").with("given", given).with("known", known())
    } else if cause.contains("untagged enum") {
        text("value-no-literal")
    } else if cause == IdError::NotSlug.to_string() {
        text("value-no-slug")
    } else if cause == IdError::NotMetaId.to_string() {
        text("value-no-meta-id")
    } else {
        text("value-unfit").with("words", cause)
    }
}

/// Source: RFC 6901, section 3.
fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

/// The values of the cookies of this name. Source: RFC 6265, section 4.2.
pub(crate) fn cookies<'r>(headers: &'r HeaderMap, name: &'r str) -> impl Iterator<Item = &'r str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    cookies.filter(move |(found, _)| *found == name).map(|(_, value)| value)
}

/// Whether a browser asks for something to show.
pub(crate) fn wants_page(headers: &HeaderMap, path: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    let is_api = path == "/api" || path.starts_with("/api/");
    !is_api && accepted.flat_map(|accept| accept.split(',')).any(|range| range.trim_start().starts_with("text/html"))
}

/// Reads a query string as `T`.
///
/// # Errors
/// 400 with the parameter to blame.
pub(crate) fn query<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let why = unfit(&cause.to_string());
        Problem::bad_query(if path == "." {
            text("query-wrong").with_text("why", why)
        } else {
            text("query-parameter-wrong").with("name", path).with_text("why", why)
        })
    })
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ids = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        ids.map(|axum::extract::Path(ids)| Self(ids))
            .map_err(|_| Problem::new(StatusCode::NOT_FOUND, text("no-such-id")))
    }
}

#[cfg(test)]
mod tests {
    use domain::BundleDocument;
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::explain::Language;

    fn document() -> Value {
        json!({
            "title": "Screens", "source": {"connection": "page", "form_id": "700000000000001"},
            "client": {"connection": "shop", "fields": {"first_name": "{{ contact.first_name }}"}},
        })
    }

    fn blamed(body: Value) -> String {
        let Value::Object(object) = body else { panic!("an object") };
        let problem = parse::<BundleDocument>(object).unwrap_err();
        assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY);
        problem.told(Language::English).errors[0].pointer.clone()
    }

    #[rstest]
    #[case("/client/fields/first_name", json!({"a": 1}), "/client/fields/first_name")]
    #[case("/client/duplicates", json!({"match_on": ["phone", "fax"]}), "/client/duplicates/match_on/1")]
    #[case("/client/duplicates", json!({"mod": "create_always"}), "/client/duplicates/mod")]
    #[case("/order", json!({"fields": {"branch_id": 1}}), "/order/fields/order_type_id")]
    #[case("/source/connection", json!("Not a slug"), "/source/connection")]
    #[case("/title", json!(5), "/title")]
    #[case("/x~y", json!(5), "/x~0y")]
    fn the_field_to_blame_is_named(#[case] place: &str, #[case] value: Value, #[case] expected: &str) {
        let mut body = document();
        let (parent, key) = place.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[key] = value;
        assert_eq!(blamed(body), expected);
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        limit: Option<u16>,
    }

    #[rstest]
    #[case("limit=many", "limit")]
    #[case("limt=5", "limt")]
    #[case("limit=1&limit=2", "limit")]
    fn a_bad_query_names_its_parameter(#[case] text: &str, #[case] parameter: &str) {
        let problem = query::<Filter>(text).unwrap_err();
        assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        assert!(problem.told(Language::English).detail.contains(parameter));
    }

    #[test]
    fn a_query_may_be_empty() {
        assert_eq!(query::<Filter>("").unwrap().limit, None);
        assert_eq!(query::<Filter>("limit=7").unwrap().limit, Some(7));
    }
}
