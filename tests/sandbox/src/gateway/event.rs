use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::routes::Matched;
use crate::aws::ACCOUNT;
use crate::clock::{now, request_id};

/// The event of a request, payload format 2.0.
pub(super) fn of_request(parts: &Parts, body: &[u8], matched: &Matched<'_>, caller: SocketAddr) -> Value {
    let query = parts.uri.query().unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.key,
        "rawPath": parts.uri.path(),
        "rawQueryString": query,
        "headers": headers(&parts.headers, caller),
        "requestContext": context(parts, matched.key, caller),
        "isBase64Encoded": false,
    });
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = joined(url::form_urlencoded::parse(query.as_bytes()));
    }
    if !matched.variables.is_empty() {
        event["pathParameters"] = json!(matched.variables);
    }
    if !body.is_empty() {
        let text = is_text(&parts.headers).then(|| std::str::from_utf8(body).ok()).flatten();
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// Names in lower case, repeated ones joined by a comma, cookies apart.
fn headers(headers: &HeaderMap, caller: SocketAddr) -> Value {
    let text = headers
        .iter()
        .filter(|(name, _)| *name != header::COOKIE)
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let Value::Object(mut headers) = joined(text) else { return Value::Null };
    headers.insert("x-forwarded-for".to_owned(), caller.ip().to_string().into());
    headers.insert("x-forwarded-proto".to_owned(), "http".into());
    Value::Object(headers)
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).map(|cookie| cookie.trim().to_owned()).collect()
}

/// Repeated names become one, their values joined by a comma.
fn joined<N: AsRef<str>, V: AsRef<str>>(pairs: impl Iterator<Item = (N, V)>) -> Value {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        values.entry(name.as_ref().to_owned()).or_default().push(value.as_ref().to_owned());
    }
    Value::Object(
        values.into_iter().map(|(name, values)| (name, Value::String(values.join(",")))).collect::<Map<_, _>>(),
    )
}

fn context(parts: &Parts, route_key: &str, caller: SocketAddr) -> Value {
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let time = now();
    json!({
        "accountId": ACCOUNT,
        "apiId": "sandbox",
        "domainName": header(header::HOST),
        "domainPrefix": "sandbox",
        "http": {
            "method": parts.method.as_str(),
            "path": parts.uri.path(),
            "protocol": format!("{:?}", parts.version),
            "sourceIp": caller.ip().to_string(),
            "userAgent": header(header::USER_AGENT),
        },
        "requestId": request_id(),
        "routeKey": route_key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": time.as_millisecond(),
    })
}

/// Whether the gateway hands a body on as text; everything else, and text that is none, goes as base64.
fn is_text(headers: &HeaderMap) -> bool {
    if headers.contains_key(header::CONTENT_ENCODING) {
        return false;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/") || ["application/json", "application/javascript", "application/xml"].contains(&&*kind)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn event(request: http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let variables = BTreeMap::from([("proxy", "api/health".to_owned())]);
        let matched = Matched { key: "ANY /{proxy+}", function: "Console", variables };
        of_request(&parts, body, &matched, ([127, 0, 0, 1], 4711).into())
    }

    #[test]
    fn a_request_becomes_an_event() {
        let request = http::Request::get("/api/health?a=1&b=x%20y&a=2")
            .header("Host", "127.0.0.1:8080")
            .header("Accept", "text/html")
            .header("Accept", "application/json")
            .header("Cookie", "session=s; theme=dark");
        let event = event(request, b"");
        assert_eq!(event["rawPath"], "/api/health");
        assert_eq!(event["rawQueryString"], "a=1&b=x%20y&a=2");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": "x y"}));
        assert_eq!(event["pathParameters"], json!({"proxy": "api/health"}));
        assert_eq!(event["cookies"], json!(["session=s", "theme=dark"]));
        assert_eq!(event["headers"]["accept"], "text/html,application/json");
        assert_eq!(event["headers"].get("cookie"), None);
        assert_eq!(event["requestContext"]["http"]["method"], "GET");
        assert_eq!(event["requestContext"]["http"]["protocol"], "HTTP/1.1");
        assert_eq!(event.get("body"), None);
    }

    #[rstest]
    #[case("application/json; charset=utf-8", "{}".as_bytes(), "{}", false)]
    #[case("application/json", &[0xff], "/w==", true)]
    #[case("application/octet-stream", "{}".as_bytes(), "e30=", true)]
    fn bodies_survive_unchanged(
        #[case] kind: &str,
        #[case] body: &[u8],
        #[case] expected: &str,
        #[case] is_base64: bool,
    ) {
        let event = event(http::Request::post("/").header("Content-Type", kind), body);
        assert_eq!(event["body"], expected);
        assert_eq!(event["isBase64Encoded"], is_base64);
    }
}
