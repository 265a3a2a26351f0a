//! What each kind of refusal is taken for.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

#[rstest]
#[case(400, json!({"code": 190, "error_subcode": 463}))]
#[case(400, json!({"code": 190}))]
#[case(401, json!({"code": 102}))]
#[tokio::test]
async fn a_dead_token_is_rejected(#[case] status: u16, #[case] error: Value) {
    let error = error_of(refusal(status, &error)).await;
    assert!(matches!(error, GraphError::TokenRejected(_)), "{error:?}");
}

#[rstest]
#[case(json!({"code": 10, "message": "Application does not have permission"}), Lacking::Permission)]
#[case(json!({"code": 200, "message": "(#200) Requires leads_retrieval permission"}), Lacking::Permission)]
#[case(json!({"code": 299}), Lacking::Permission)]
#[case(json!({"code": 100, "message": "missing permission or reviewable feature"}), Lacking::Permission)]
#[case(json!({"code": 3}), Lacking::Capability)]
#[case(json!({"code": 103}), Lacking::LeadAccess)]
#[case(json!({"code": 200, "message": "CRM access has been revoked from Lead Access Manager"}), Lacking::LeadAccess)]
#[case(json!({"code": 1, "message": "Invalid appsecret_proof provided in the API argument"}), Lacking::AppSecret)]
#[tokio::test]
async fn what_is_not_granted_is_forbidden(#[case] error: Value, #[case] expected: Lacking) {
    let error = error_of(refusal(403, &error)).await;
    assert!(matches!(error, GraphError::Forbidden { lacking, .. } if lacking == expected), "{error:?}");
}

#[rstest]
#[case(4)]
#[case(17)]
#[case(32)]
#[case(341)]
#[case(613)]
#[case(80_000)]
#[case(80_001)]
#[case(80_004)]
#[case(80_005)]
#[tokio::test]
async fn too_many_calls_are_throttled_for_the_minutes_of_the_header(#[case] code: u32) {
    let usage = r#"{"1":[{"type":"leadgen","call_count":100,"estimated_time_to_regain_access":42}]}"#;
    for (headers, minutes) in [(vec![], 15), (vec![("x-business-use-case-usage", usage)], 42)] {
        let error = error_of(Reply { headers, ..refusal(400, &json!({"code": code})) }).await;
        let GraphError::Throttled { wait, .. } = error else { panic!("{error:?}") };
        assert_eq!(wait, Duration::from_secs(minutes * 60));
    }
}

#[tokio::test]
async fn a_block_for_policy_lasts_hours() {
    let error = error_of(refusal(400, &json!({"code": 368}))).await;
    assert!(matches!(error, GraphError::Throttled { wait, .. } if wait >= Duration::from_secs(7200)), "{error:?}");
}

#[rstest]
#[case(Reply { status: 502, headers: vec![], body: "<html>Bad Gateway</html>".into() })]
#[case(Reply { status: 200, headers: vec![], body: String::new() })]
#[case(Reply { status: 500, headers: vec![], body: "{}".into() })]
#[case(Reply { status: 302, headers: vec![("location", "http://127.0.0.1:1/")], body: "{}".into() })]
#[case(refusal(500, &json!({"code": 1, "message": "An unknown error occurred"})))]
#[case(refusal(503, &json!({"code": 2})))]
#[case(refusal(400, &json!({"code": 7777, "is_transient": true})))]
#[case(refusal(500, &json!({"code": 7777})))]
#[tokio::test]
async fn what_may_work_later_is_unavailable(#[case] reply: Reply) {
    let error = error_of(reply).await;
    assert!(matches!(error, GraphError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn no_answer_is_unavailable() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let secrets = AppSecrets::parse(&"example-app-secret".into()).unwrap();
    let base = format!("http://{port}/v26.0").parse().unwrap();
    let graph = Graph::new(Arc::new(Https::new(1.0).unwrap()), base, None, secrets);
    let error = graph.lead(&token(), &id("1")).await.unwrap_err();
    assert!(matches!(error, GraphError::Unavailable(Cause { status: None, .. })), "{error:?}");
}

#[rstest]
#[case(json!({"code": 100, "error_subcode": 33, "message": "does not exist, cannot be loaded due to missing permissions"}))]
#[case(json!({"code": 803}))]
#[tokio::test]
async fn what_meta_does_not_show_is_not_found(#[case] error: Value) {
    let error = error_of(refusal(404, &error)).await;
    assert!(matches!(error, GraphError::NotFound(_)), "{error:?}");
}

#[rstest]
#[case(json!({"code": 100, "message": "Tried accessing nonexisting field (leeds)"}))]
#[case(json!({"code": 104}))]
#[case(json!({"code": 2500}))]
#[case(json!({"code": 2635}))]
#[case(json!({"code": 2, "error_subcode": 1_892_058}))]
#[case(json!({"code": 7777}))]
#[case(json!("what"))]
#[tokio::test]
async fn what_repeating_does_not_change_is_a_bug(#[case] error: Value) {
    let error = error_of(refusal(400, &error)).await;
    assert!(matches!(error, GraphError::Bug(_)), "{error:?}");
}

#[tokio::test]
async fn an_error_tells_the_figures_and_no_secret() {
    let error = json!({
        "message": "Malformed access token EXAMPLE_TOKEN of ana@example.com", "code": 190, "error_subcode": 460,
        "error_user_title": "Log in", "error_user_msg": "Log in again, +380501110001",
    });
    let error = error_of(refusal(400, &error)).await;
    assert_eq!((error.cause().status, error.cause().code, error.cause().subcode), (Some(400), Some(190), Some(460)));
    assert_eq!(
        error.to_string(),
        "Meta refuses the token: Malformed access token [...] of [...] (HTTP 400, code 190, subcode 460)"
    );
    assert_eq!(error.cause().advice.as_deref(), Some("Log in again, [...]"));
}

#[tokio::test]
async fn a_token_that_fits_no_header_is_rejected_unsent() {
    let meta = Meta::answering([]).await;
    let error = meta.graph.lead(&"two\nlines".into(), &id("1")).await.unwrap_err();
    assert!(matches!(error, GraphError::TokenRejected(_)), "{error:?}");
    assert_eq!(meta.seen().len(), 0);
}
