use http::Method;
use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;

#[tokio::test]
async fn a_closed_console_answers_health_only() {
    let world = World::with_access(Access::NoSignIn).await;
    let health = world.get("/api/health").await.expect(200);
    assert_eq!(health, json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}));
    for path in [
        "/",
        "/history",
        "/static/console.css",
        "/api/connections",
        "/api/openapi.json",
        "/api/nowhere",
        "/sign-in",
        "/signed-out",
    ] {
        let problem = world.get(path).await.expect(503);
        assert!(problem["detail"].as_str().unwrap().contains("OIDC_ISSUER"), "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_foreign_name_is_not_answered() {
    let world = World::new().await;
    let request = |host| Request::get("/api/connections").header("host", host).body(Body::empty()).unwrap();
    assert_eq!(world.send(request("console.example.com")).await.status, 503);
    assert_eq!(world.send(request("localhost:8080")).await.status, 200);
}

#[tokio::test]
async fn a_foreign_page_is_not_answered() {
    let world = World::new().await;
    let origin = [("origin", "https://evil.example.com")];
    world.call("POST", "/api/connections/shop/pause", &origin, Value::Null).await.expect(403);
}

#[tokio::test]
async fn every_answer_is_kept_by_nobody() {
    let world = World::new().await;
    for path in ["/api/health", "/api/connections", "/api/nowhere"] {
        let headers = world.get(path).await.headers;
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"), "{path}");
    }
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let world = World::new().await;
    for path in
        ["/nowhere", "/api", "/api/nowhere", "/api/connections/", "/api/connections/Not%20an%20id", "/api/bundles/%FF"]
    {
        let reply = world.get(path).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.headers["content-type"]),
            (404, &"application/problem+json".parse().unwrap()),
            "{path}"
        );
    }
    let reply = world.call("PUT", "/api/connections", &[], Value::Null).await;
    let allow: BTreeSet<&str> = reply.headers["allow"].to_str().unwrap().split(',').map(str::trim).collect();
    assert_eq!(allow, BTreeSet::from(["GET", "HEAD", "POST"]));
    assert_eq!(reply.expect(405)["title"], "Method Not Allowed");
    assert_eq!(world.call("DELETE", "/api/health", &[], Value::Null).await.expect(405)["status"], 405);
}

#[rstest]
#[case("{\"title\": ")]
#[case("[]")]
#[case("\"text\"")]
#[case("\u{feff}{}")]
#[tokio::test]
async fn a_body_that_is_no_object_is_refused(#[case] body: &'static str) {
    let world = World::new().await;
    let request = Request::post("/api/bundles").header("host", "127.0.0.1").body(Body::from(body)).unwrap();
    world.send(request).await.expect(422);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = World::new().await;
    let body = Body::from(vec![b' '; 3 * 1024 * 1024]);
    let request = Request::builder().method(Method::POST).uri("/api/bundles").header("host", "127.0.0.1");
    world.send(request.body(body).unwrap()).await.expect(413);
}

#[tokio::test]
async fn the_descriptions_are_served() {
    let world = World::new().await;
    let document = world.get("/api/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let schema = world.get("/api/bundle.schema.json").await.expect(200);
    assert_eq!(schema["title"], "BundleDocument");
    assert_eq!(schema["additionalProperties"], false);
}

/// Source: API Gateway, "Working with AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
#[tokio::test]
async fn an_event_of_the_http_api_is_a_request() {
    let world = World::connected().await;
    let event = json!({
        "version": "2.0", "routeKey": "ANY /{proxy+}", "rawPath": "/api/connections", "rawQueryString": "limit=1",
        "headers": {"host": "127.0.0.1:8080", "accept-language": "uk"},
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "127.0.0.1", "requestId": "r", "routeKey": "ANY /{proxy+}",
            "stage": "$default", "time": "23/Nov/2026:09:00:00 +0000", "timeEpoch": 1_795_424_400_000_i64,
            "http": {"method": "GET", "path": "/api/connections", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
        },
        "isBase64Encoded": false,
    });
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["items"].as_array().unwrap().len(), 1);
    assert!(body["next_cursor"].is_string());
}
