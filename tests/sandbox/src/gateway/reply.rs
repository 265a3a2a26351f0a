use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

/// The HTTP answer that a function's answer means; `None` when it means none.
///
/// Without a `statusCode` the whole answer is the body, as JSON with status 200.
pub(super) fn to_response(answer: &[u8]) -> Option<Response> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let Some(status) = answer.get("statusCode") else {
        let mut response = Response::new(Body::from(answer.to_string()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Some(response);
    };
    let mut response = Response::new(body(&answer)?);
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status.as_u64()?).ok()?).ok()?;
    for (name, value) in headers(&answer) {
        response.headers_mut().append(name.parse::<HeaderName>().ok()?, value.parse().ok()?);
    }
    // Without a content type of its own an answer counts as text, as with API Gateway.
    let text = HeaderValue::from_static("text/plain;charset=UTF-8");
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(text);
    Some(response)
}

fn body(answer: &Value) -> Option<Body> {
    let text = answer["body"].as_str().unwrap_or_default();
    let is_base64 = answer["isBase64Encoded"].as_bool().unwrap_or_default();
    Some(if is_base64 { Body::from(STANDARD.decode(text).ok()?) } else { Body::from(text.to_owned()) })
}

fn headers(answer: &Value) -> Vec<(String, String)> {
    let single = answer["headers"].as_object().into_iter().flatten();
    let single = single.map(|(name, value)| (name.clone(), text(value)));
    let several = answer["multiValueHeaders"].as_object().into_iter().flatten();
    let several = several
        .flat_map(|(name, values)| values.as_array().into_iter().flatten().map(|value| (name.clone(), text(value))));
    let cookies = answer["cookies"].as_array().into_iter().flatten();
    let cookies = cookies.map(|cookie| ("set-cookie".to_owned(), text(cookie)));
    let mut headers: Vec<_> = single.chain(several).chain(cookies).collect();
    // The Rust runtime says the same header in both forms.
    headers.sort();
    headers.dedup();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    headers
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::json;

    use super::*;

    async fn bytes(response: Response) -> Vec<u8> {
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_full_answer_becomes_a_response() {
        let answer = json!({
            "statusCode": 201,
            "headers": {"ETag": "\"1\"", "set-cookie": "a=1"},
            "multiValueHeaders": {"ETag": ["\"1\""]},
            "cookies": ["a=1", "b=2"],
            "body": "/w==",
            "isBase64Encoded": true,
        });
        let response = to_response(answer.to_string().as_bytes()).unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers().get_all("etag").iter().count(), 1);
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(bytes(response).await, [0xff]);
    }

    #[tokio::test]
    async fn an_answer_without_a_status_is_the_body() {
        let response = to_response(br#"{"ok":true}"#).unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(bytes(response).await, br#"{"ok":true}"#);
    }

    #[test]
    fn nonsense_is_no_response() {
        assert!(to_response(b"<html>").is_none());
        assert!(to_response(br#"{"statusCode":"many"}"#).is_none());
        assert!(to_response(br#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#).is_none());
    }
}
