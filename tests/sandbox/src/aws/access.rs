//! Who may do what: each function signs with a key of its own name, and may do what its policies in the template allow,
//! so that a permission that is missing fails a test and not a deployment. Other keys may do everything.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::{ACCOUNT, MAX_CALL, REGION};
use crate::template::Permission;

/// What the functions may do.
#[derive(Debug, Default)]
pub(super) struct Access {
    functions: BTreeSet<String>,
    /// Function, action, ARN.
    allowed: BTreeSet<(String, String, String)>,
}

/// An action and the ARN it is about; without one, any will do.
type Deed = (String, Option<String>);

impl Access {
    /// Conditions are not looked at.
    pub(super) fn of(permissions: &[Permission]) -> Self {
        let allowed = |it: &Permission| (it.function.clone(), it.action.clone(), it.resource.clone());
        Self {
            functions: permissions.iter().map(|it| it.function.clone()).collect(),
            allowed: permissions.iter().map(allowed).collect(),
        }
    }

    /// What the holder of this key would do and may not.
    fn forbidden(&self, key: &str, deeds: Vec<Deed>) -> Option<Deed> {
        if !self.functions.contains(key) {
            return None;
        }
        deeds.into_iter().find(|(action, resource)| {
            let of_function = self.allowed.iter().filter(|it| it.0 == key && it.1 == *action);
            !of_function.into_iter().any(|it| resource.as_ref().is_none_or(|resource| *resource == it.2))
        })
    }
}

/// Refuses what the caller's policies do not allow.
pub(super) async fn guard(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_CALL).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    if let Some(key) = access_key(&parts.headers)
        && let Some((action, resource)) = access.forbidden(key, deeds(&parts.headers, &body))
    {
        let resource = resource.unwrap_or_default();
        tracing::error!(function = key, action, resource, "no policy allows this");
        return denied(&format!("{key} is not authorized to perform {action} on {resource}"));
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// The key that signed. Source: AWS, "Signature Version 4 for API requests".
pub(super) fn access_key(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    authorization.split_once("Credential=")?.1.split('/').next()
}

fn denied(message: &str) -> Response {
    let body = json!({"__type": "AccessDeniedException", "message": message});
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}

/// What a call does. Source: AWS, "Service Authorization Reference".
fn deeds(headers: &HeaderMap, body: &Bytes) -> Vec<Deed> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let input = || serde_json::from_slice::<Value>(body).unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonSQS", action)) => sqs(action, &input()),
        Some(("TrentService", action)) => vec![(format!("kms:{action}"), None)],
        Some(("AmazonSSM", action)) => {
            let parameter = input()["Name"].as_str().map(|name| arn("ssm", &format!("parameter{name}")));
            vec![(format!("ssm:{action}"), parameter)]
        }
        Some((_, action)) => dynamodb(action, &input()),
        None => sns(body),
    }
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

fn sqs(action: &str, input: &Value) -> Vec<Deed> {
    let queue = input["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).map(|queue| arn("sqs", queue));
    let (source, destination) = (text(&input["SourceArn"]), text(&input["DestinationArn"]));
    match action {
        // It reads and deletes with the rights of whoever starts it.
        "StartMessageMoveTask" => {
            let of_source = ["StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
            let deeds = of_source.map(|action| (format!("sqs:{action}"), source.clone()));
            deeds.into_iter().chain([("sqs:SendMessage".to_owned(), destination)]).collect()
        }
        "ListMessageMoveTasks" => vec![(format!("sqs:{action}"), source)],
        action => vec![(format!("sqs:{}", action.trim_end_matches("Batch")), queue)],
    }
}

fn dynamodb(action: &str, input: &Value) -> Vec<Deed> {
    let table = |name: &str| arn("dynamodb", &format!("table/{name}"));
    let named = |input: &Value| text(&input["TableName"]).map(|name| table(&name));
    match action {
        "BatchGetItem" => {
            let tables = input["RequestItems"].as_object().into_iter().flatten();
            tables.map(|(name, _)| ("dynamodb:BatchGetItem".to_owned(), Some(table(name)))).collect()
        }
        // Each part needs the right of the single call, and nothing needs one to the transaction.
        "TransactWriteItems" => {
            let parts = input["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
            let action = |part: &str| format!("dynamodb:{}Item", part.trim_end_matches("Item"));
            parts.map(|(part, input)| (action(part), named(input))).collect()
        }
        _ => {
            let index = text(&input["IndexName"]).map_or_else(String::new, |index| format!("/index/{index}"));
            vec![(format!("dynamodb:{action}"), named(input).map(|table| table + &index))]
        }
    }
}

fn sns(body: &Bytes) -> Vec<Deed> {
    let parameters: Vec<(String, String)> = serde_urlencoded::from_bytes(body).unwrap_or_default();
    let value = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    value("Action").map(|action| (format!("sns:{action}"), value("TopicArn"))).into_iter().collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;
    use crate::template::{PRODUCT, Template};

    fn access() -> Access {
        let template = Template::parse(PRODUCT).unwrap();
        Access::of(&template.permissions(&template.references()).unwrap())
    }

    fn forbidden(key: &str, target: &'static str, input: &Value) -> Option<String> {
        let headers =
            HeaderMap::from_iter([(http::HeaderName::from_static("x-amz-target"), HeaderValue::from_static(target))]);
        access().forbidden(key, deeds(&headers, &input.to_string().into())).map(|(action, _)| action)
    }

    #[rstest]
    #[case("ingest", "AmazonSQS.SendMessageBatch", json!({"QueueUrl": "https://sqs/1/LeadQueue"}), None)]
    #[case("ingest", "AmazonSQS.ReceiveMessage", json!({"QueueUrl": "https://sqs/1/LeadQueue"}), Some("sqs:ReceiveMessage"))]
    #[case("ingest", "DynamoDB_20120810.GetItem", json!({"TableName": "ConnectionsTable"}), Some("dynamodb:GetItem"))]
    #[case("ingest", "AmazonSSM.GetParameter", json!({"Name": "/remonline-leads/facebook-verify-token"}), None)]
    #[case("processor", "AmazonSSM.GetParameter", json!({"Name": "/remonline-leads/facebook-verify-token"}), Some("ssm:GetParameter"))]
    #[case("processor", "DynamoDB_20120810.BatchGetItem", json!({"RequestItems": {"DedupTable": {}, "Other": {}}}), Some("dynamodb:BatchGetItem"))]
    #[case("processor", "DynamoDB_20120810.Query", json!({"TableName": "TransactionsTable"}), None)]
    #[case("processor", "DynamoDB_20120810.Query", json!({"TableName": "TransactionsTable", "IndexName": "state"}), Some("dynamodb:Query"))]
    #[case("console", "DynamoDB_20120810.Query", json!({"TableName": "TransactionsTable", "IndexName": "state"}), None)]
    #[case("processor", "DynamoDB_20120810.TransactWriteItems", json!({"TransactItems": [
        {"Put": {"TableName": "TransactionsTable"}}, {"ConditionCheck": {"TableName": "ConnectionsTable"}}]}), None)]
    #[case("processor", "DynamoDB_20120810.TransactWriteItems", json!({"TransactItems": [
        {"Update": {"TableName": "TransactionsTable"}}]}), Some("dynamodb:UpdateItem"))]
    #[case("console", "TrentService.Decrypt", json!({}), None)]
    #[case("console", "TrentService.CreateKey", json!({}), Some("kms:CreateKey"))]
    #[case("somebody", "DynamoDB_20120810.Scan", json!({"TableName": "ConnectionsTable"}), None)]
    fn a_function_may_do_what_the_template_says(
        #[case] key: &str,
        #[case] target: &'static str,
        #[case] input: Value,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(forbidden(key, target, &input).as_deref(), expected);
    }

    #[rstest]
    #[case("scheduler", None)]
    #[case("console", Some("sns:Publish"))]
    fn only_the_scheduler_tells_people(#[case] key: &str, #[case] expected: Option<&str>) {
        let topic = arn("sns", "AlarmTopic");
        let call = serde_urlencoded::to_string([("Action", "Publish"), ("TopicArn", &topic)]).unwrap();
        let forbidden = access().forbidden(key, deeds(&HeaderMap::new(), &call.into()));
        assert_eq!(forbidden.map(|(action, _)| action).as_deref(), expected);
    }

    #[test]
    fn the_key_is_in_the_signature() {
        let signature = "AWS4-HMAC-SHA256 Credential=ingest/20261126/us-east-1/sqs/aws4_request, Signature=c";
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(signature))]);
        assert_eq!(access_key(&headers), Some("ingest"));
        assert_eq!(access_key(&HeaderMap::new()), None);
    }
}
