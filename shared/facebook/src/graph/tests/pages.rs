//! Pages, tokens and subscriptions.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_page_tells_whether_its_leads_can_be_read() {
    let access = json!({
        "can_access_lead": false, "failure_reason": "CRM not granted", "failure_resolution": "Grant the CRM access",
        "is_page_admin": true, "page_id": PAGE,
    });
    let meta = Meta::answering([
        json!({"id": PAGE, "name": "Shop", "has_lead_access": access, "leadgen_tos_accepted": true}),
        json!({"id": PAGE, "name": "Shop"}),
    ])
    .await;
    let page = meta.graph.page(&token(), &id(PAGE)).await.unwrap();
    let access = page.lead_access.unwrap();
    assert_eq!((page.name.as_str(), page.terms_accepted, access.can_access_lead), ("Shop", Some(true), false));
    assert_eq!(access.failure_resolution.as_deref(), Some("Grant the CRM access"));
    let silent = meta.graph.page(&token(), &id(PAGE)).await.unwrap();
    assert_eq!((silent.lead_access, silent.terms_accepted), (None, None));
}

#[tokio::test]
async fn a_token_tells_whose_it_is() {
    let no_one = refusal(400, &json!({"code": 2500, "message": "An active access token must be used"}));
    let meta = Meta::serve(Some(APP), [ok(&json!({"id": PAGE, "name": "Shop"})), no_one]).await;
    let owner = meta.graph.token_owner(&token()).await.unwrap();
    assert_eq!(owner, TokenOwner { id: id(PAGE), name: "Shop".into() });
    let error = meta.graph.token_owner(&token()).await.unwrap_err();
    assert!(matches!(error, GraphError::TokenRejected(_)), "{error:?}");
    assert_eq!(meta.seen()[0].path, "/v26.0/me");
}

#[tokio::test]
async fn a_token_is_inspected_in_the_name_of_the_app() {
    let valid = json!({"data": {
        "app_id": APP, "type": "PAGE", "is_valid": true, "expires_at": 0, "data_access_expires_at": 1_797_776_000,
        "scopes": ["leads_retrieval"],
    }});
    let invalid = json!({"data": {"is_valid": false, "error": {"code": 190, "message": "EXAMPLE_TOKEN has expired"}}});
    let echo = refusal(400, &json!({"code": 100, "message": "input_token EXAMPLE_TOKEN is odd"}));
    let meta = Meta::serve(Some(APP), [ok(&valid), ok(&invalid), echo]).await;
    let details = meta.graph.debug_token(&token()).await.unwrap().unwrap();
    assert_eq!(
        (details.is_valid, details.expires_at, details.scopes),
        (true, None, vec!["leads_retrieval".to_owned()])
    );
    assert_eq!(details.data_access_expires_at, Some("2026-12-20T14:13:20Z".parse().unwrap()));
    let details = meta.graph.debug_token(&token()).await.unwrap().unwrap();
    assert_eq!((details.is_valid, details.problem.as_deref()), (false, Some("[...] has expired")));
    let error = meta.graph.debug_token(&token()).await.unwrap_err();
    assert_eq!(error.cause().message, "input_token [...] is odd");
    let seen = meta.seen();
    assert_eq!(seen[0].authorization, "Bearer 500000000000001|example-app-secret");
    assert_eq!(seen[0].parameter("input_token"), Some(TOKEN));
}

#[rstest]
#[case(Some(APP), json!([]), "leadgen")]
#[case(Some(APP), json!([{"id": "5", "subscribed_fields": ["messages"]}, {"id": APP, "subscribed_fields": ["feed"]}]), "feed,leadgen")]
#[case(Some(APP), json!([{"id": APP, "subscribed_fields": ["leadgen", "feed"]}]), "leadgen,feed")]
#[case(None, json!([{"id": "5", "subscribed_fields": ["feed"]}]), "feed,leadgen")]
#[case(None, json!([{"id": "5", "subscribed_fields": ["feed"]}, {"id": "6"}]), "leadgen")]
#[tokio::test]
async fn subscribing_keeps_what_the_app_is_told_already(
    #[case] app_id: Option<&str>,
    #[case] apps: Value,
    #[case] fields: &str,
    #[values(json!(true), json!("true"))] success: Value,
) {
    let meta = Meta::serve(app_id, [ok(&json!({"data": apps})), ok(&json!({"success": success}))]).await;
    meta.graph.subscribe(&token(), &id(PAGE)).await.unwrap();
    let [read, written] = meta.seen().try_into().unwrap();
    assert_eq!((&read.method, &written.method), (&Method::GET, &Method::POST));
    assert_eq!(written.path, format!("/v26.0/{PAGE}/subscribed_apps"));
    assert_eq!(written.parameter("subscribed_fields"), Some(fields));
}

#[tokio::test]
async fn a_subscription_that_did_not_succeed_is_an_error() {
    let meta = Meta::answering([json!({"data": []}), json!({"success": false})]).await;
    assert!(meta.graph.subscribe(&token(), &id(PAGE)).await.is_err());
}

#[tokio::test]
async fn the_subscriptions_of_the_app_are_listed() {
    let meta = Meta::answering([json!({"data": [{
        "object": "page", "callback_url": "https://crm.example/hook", "active": true,
        "fields": [{"name": "leadgen", "version": "v26.0"}],
    }]})])
    .await;
    let subscriptions = meta.graph.app_subscriptions().await.unwrap().unwrap();
    let expected = AppSubscription {
        object: "page".into(),
        callback_url: "https://crm.example/hook".into(),
        active: true,
        fields: vec!["leadgen".into()],
    };
    assert_eq!(subscriptions, [expected]);
    assert_eq!(meta.seen()[0].path, format!("/v26.0/{APP}/subscriptions"));
}

#[tokio::test]
async fn a_code_becomes_a_long_lived_token_and_no_address_has_the_secret() {
    let (short, long) = (json!({"access_token": "EXAMPLE_SHORT"}), json!({"access_token": "EXAMPLE_LONG"}));
    let meta = Meta::serve(Some(APP), [ok(&short), ok(&long)]).await;
    let back = "https://console.example.com/back".parse().unwrap();
    let person = meta.graph.log_in(&"EXAMPLE_CODE".to_owned().into(), &back).await.unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&person), "EXAMPLE_LONG");
    for seen in meta.seen() {
        assert_eq!(seen.path, "/v26.0/oauth/access_token");
        assert_eq!(seen.parameter("client_secret"), Some("example-app-secret"));
    }
}

#[tokio::test]
async fn people_log_in_on_the_site_next_to_the_api() {
    let meta = Meta::serve(Some(APP), []).await;
    let address = meta.graph.login_address(&"https://console.example.com/back".parse().unwrap(), "s&t").unwrap();
    assert!(address.path().ends_with("/v26.0/dialog/oauth"), "{address}");
    assert!(address.query().unwrap().contains("state=s%26t&scope=leads_retrieval%2C"), "{address}");
    let nobody = Meta::serve(None, []).await;
    assert_eq!(nobody.graph.login_address(&"https://console.example.com/back".parse().unwrap(), ""), None);
}
