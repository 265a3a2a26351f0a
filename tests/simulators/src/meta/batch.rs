use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::Meta;
use super::call::{Call, InBatch};
use super::errors::GraphError;
use crate::AnswerLost;

/// Most parts of a batch.
const MOST: usize = 50;

/// One part of a batch.
#[derive(Debug, Deserialize)]
struct Item {
    method: String,
    relative_url: String,
    #[serde(default)]
    body: String,
}

impl Meta {
    /// `POST /`: several calls in one. Each part goes its way through the router, and its answer is told apart.
    pub(super) async fn batch(&self, call: &Call) -> Result<Value, GraphError> {
        self.state().enter(call)?;
        let items = items(call)?;
        let with_headers = call.param("include_headers") != Some("false");
        let mut answers = Vec::with_capacity(items.len());
        for item in items {
            let response = self.router().oneshot(request(call, item)?).await;
            let Ok(response) = response;
            answers.push(told(response, with_headers).await);
        }
        Ok(answers.into())
    }
}

fn items(call: &Call) -> Result<Vec<Item>, GraphError> {
    let invalid = |reason: String| GraphError::new(100, None).say(format!("(#100) Invalid batch: {reason}"));
    let batch = call.json("batch")?.ok_or_else(|| invalid("it is missing".to_owned()))?;
    let items: Vec<Item> = serde_json::from_value(batch).map_err(|error| invalid(error.to_string()))?;
    if items.len() > MOST {
        let message = format!("Too many requests in batch message. Maximum batch size is {MOST}");
        return Err(GraphError::new(100, None).say(message));
    }
    Ok(items)
}

/// A part as a request of its own, with the batch's token and proof unless it has its own.
fn request(call: &Call, item: Item) -> Result<Request, GraphError> {
    let invalid = |_| GraphError::new(100, None).say("(#100) Invalid batch: relative_url cannot be read");
    let version = call.version.as_deref().unwrap_or_default();
    let relative = item.relative_url.trim_start_matches('/');
    let mut url = format!("{}/{version}/{relative}", call.origin);
    let mut request = Request::builder().method(item.method.to_ascii_uppercase().as_str());
    if !relative.contains("access_token=") && !item.body.contains("access_token=") {
        request =
            request.header(header::AUTHORIZATION, format!("Bearer {}", call.token.as_deref().unwrap_or_default()));
        if let Some(proof) = call.param("appsecret_proof").filter(|_| !relative.contains("appsecret_proof=")) {
            url = format!("{url}{}appsecret_proof={proof}", if relative.contains('?') { '&' } else { '?' });
        }
    }
    request
        .uri(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .extension(InBatch)
        .body(Body::from(item.body))
        .map_err(invalid)
}

/// The answer to a part: `null` when it was lost, and its body is a text.
async fn told(response: Response, with_headers: bool) -> Value {
    if response.extensions().get::<AnswerLost>().is_some() {
        return Value::Null;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else { return Value::Null };
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let mut told = json!({ "code": parts.status.as_u16(), "body": body });
    if with_headers {
        let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| json!({ "name": name.as_str(), "value": String::from_utf8_lossy(value.as_bytes()) });
        told["headers"] = parts.headers.iter().map(header).collect();
    }
    told
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::{Value, json};

    use super::super::testing::{Caller, code, lead};
    use super::super::{DEMO_FORM, DEMO_PAGE, Scope, bad_gateway, graph_error};
    use crate::Fault;

    /// Reads leads in one batch.
    async fn read(caller: &Caller, ids: &[&str]) -> (u16, Value) {
        let item = |id: &&str| json!({ "method": "GET", "relative_url": format!("{id}?fields=id,form_id") });
        let batch = Value::from_iter(ids.iter().map(item)).to_string();
        caller.post("/v26.0/", &[("batch", &batch), ("include_headers", "false")]).await
    }

    fn shown(id: &str) -> Value {
        json!({ "code": 200, "body": json!({ "form_id": DEMO_FORM, "id": id }).to_string() })
    }

    fn two_leads() -> (Caller, String, String) {
        let caller = Caller::demo();
        let [one, other] = [lead(), lead()].map(|lead| caller.meta.add_lead(DEMO_FORM, lead));
        (caller, one, other)
    }

    #[tokio::test]
    async fn answers_come_in_order_each_with_its_own_code() {
        let (caller, one, other) = two_leads();
        let (status, answers) = read(&caller, &[&other, "999", &one]).await;
        assert_eq!((status, &answers[0], &answers[2]), (200, &shown(&other), &shown(&one)));
        assert_eq!(answers[1]["code"], 400);
        let body: Value = serde_json::from_str(answers[1]["body"].as_str().unwrap()).unwrap();
        assert_eq!(code(&body), (100, 33));
        assert_eq!((caller.meta.count("POST", "/v26.0"), caller.meta.count("GET", "/v26.0")), (1, 0));
        assert_eq!((caller.meta.calls("POST", "/v26.0"), caller.meta.calls("GET", "/v26.0")), (0, 3));
    }

    #[tokio::test]
    async fn parts_fail_on_their_own() {
        let (caller, one, other) = two_leads();
        caller.meta.hide(&one, 1);
        caller.meta.inject_for(Scope::Object(other.clone()), Fault::once(bad_gateway()));
        let (_, answers) = read(&caller, &[&one, &other]).await;
        assert!(answers[0]["body"].as_str().unwrap().contains("GraphMethodException"), "{answers}");
        assert_eq!((&answers[1]["code"], &answers[1]["body"].as_str().unwrap()[..6]), (&json!(502), "<html>"));
        caller.meta.lose_batch_items(1);
        assert_eq!(read(&caller, &[&one, &other]).await.1, json!([null, shown(&other)]));
    }

    #[tokio::test]
    async fn a_batch_fails_as_a_whole() {
        let (caller, one, _) = two_leads();
        assert_eq!(code(&read(&caller, &[one.as_str(); 51]).await.1), (100, 0));
        assert_eq!(read(&caller, &[one.as_str(); 50]).await.1.as_array().unwrap().len(), 50);
        caller.meta.inject(Fault::once(graph_error(2, None)).on("POST", "/v26.0"));
        assert_eq!(code(&read(&caller, &[&one]).await.1), (2, 0));
        caller.meta.revoke_token(DEMO_PAGE, 460);
        let (status, refused) = read(&caller, &[&one]).await;
        assert_eq!((status, code(&refused)), (401, (190, 460)));
    }

    #[tokio::test]
    async fn a_part_may_have_its_own_token_and_show_headers() {
        let (caller, one, _) = two_leads();
        let other_page = caller.meta.add_page("110000000000002", "Сусід");
        let batch = json!([{ "method": "GET", "relative_url": format!("v26.0/me?access_token={other_page}") },
            { "method": "GET", "relative_url": format!("me?access_token={other_page}") },
            { "method": "DELETE", "relative_url": one }]);
        let (_, answers) = caller.post("/v26.0", &[("batch", &batch.to_string())]).await;
        let body = |index: usize| serde_json::from_str::<Value>(answers[index]["body"].as_str().unwrap()).unwrap();
        assert_eq!((&body(1)["id"], &body(2)["success"]), (&json!("110000000000002"), &json!(true)));
        let headers = answers[1]["headers"].as_array().unwrap();
        assert!(headers.contains(&json!({ "name": "facebook-api-version", "value": "v26.0" })), "{headers:?}");
        assert!(caller.meta.leads().iter().all(|lead| *lead != one));
    }
}
