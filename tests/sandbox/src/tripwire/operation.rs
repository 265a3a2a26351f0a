//! What a request of a function is called, ids and versions of AWS left out: `dynamodb PutItem`,
//! `remonline POST /v2/orders`, `runtime response`.

use http::{HeaderMap, Method};

/// The path of a process's port below which it finds Lambda; the other systems are below their own names.
const RUNTIME: &str = "2018-06-01";

/// The operation of a request on a process's own port.
pub(super) fn of(method: &Method, path: &str, headers: &HeaderMap) -> String {
    let (system, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.split_once('.'));
    match (system, target) {
        (RUNTIME, _) => format!("runtime {}", rest.rsplit('/').next().unwrap_or_default()),
        (_, Some((service, action))) => format!("{} {action}", aws(service)),
        _ => format!("{system} {method} /{}", without_ids(rest)),
    }
}

/// The service by the name people use.
fn aws(target: &str) -> &str {
    match target {
        "DynamoDB_20120810" => "dynamodb",
        "AmazonSQS" => "sqs",
        "TrentService" => "kms",
        "AmazonSSM" => "ssm",
        other => other,
    }
}

fn without_ids(path: &str) -> String {
    let is_id = |segment: &str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    path.split('/').map(|segment| if is_id(segment) { "{id}" } else { segment }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("GET", "/2018-06-01/runtime/invocation/next", None, "runtime next")]
    #[case("POST", "/2018-06-01/runtime/invocation/0a-1/response", None, "runtime response")]
    #[case("POST", "/aws", Some("AmazonSQS.SendMessageBatch"), "sqs SendMessageBatch")]
    #[case("POST", "/aws/", Some("TrentService.Decrypt"), "kms Decrypt")]
    #[case("POST", "/dynamodb/", Some("DynamoDB_20120810.PutItem"), "dynamodb PutItem")]
    #[case("POST", "/remonline/v2/orders", None, "remonline POST /v2/orders")]
    #[case("POST", "/remonline/v2/orders/71/status", None, "remonline POST /v2/orders/{id}/status")]
    #[case("GET", "/graph/v26.0/700000000000001", None, "graph GET /v26.0/{id}")]
    #[case("POST", "/graph/v26.0/", None, "graph POST /v26.0/")]
    fn names_what_is_asked_for(
        #[case] method: Method,
        #[case] path: &str,
        #[case] target: Option<&'static str>,
        #[case] operation: &str,
    ) {
        let headers =
            target.map(|target| (http::HeaderName::from_static("x-amz-target"), HeaderValue::from_static(target)));
        assert_eq!(of(&method, path, &headers.into_iter().collect()), operation);
    }
}
