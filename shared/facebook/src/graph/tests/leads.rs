//! Reading leads, one and many.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_lead_is_read_with_its_answers() {
    let meta = Meta::answering([lead("900000000000001")]).await;
    let fetched = meta.graph.lead(&token(), &id("900000000000001")).await.unwrap();
    let form = Form {
        id: id(FORM),
        name: "Screens".into(),
        status: "ACTIVE".into(),
        questions: vec![],
        tracking_keys: vec![],
    };
    assert_eq!(fetched.form_id, form.id);
    let lead = fetched.with_form(form, id(PAGE));
    assert_eq!(lead.created_at, "2026-09-21T13:33:21Z".parse().unwrap());
    assert_eq!(lead.values("email"), ["ana@example.com"]);
    assert_eq!(lead.answers[1].values, [] as [&str; 0]);
    assert_eq!(
        (lead.ad_id, lead.is_organic, lead.platform),
        (Some(id("120250000000000001")), false, Some("ig".into()))
    );

    let [request] = meta.seen().try_into().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/v26.0/900000000000001"));
    assert_eq!(request.authorization, "Bearer EXAMPLE_TOKEN");
    assert_eq!(request.parameter("appsecret_proof"), Some(PROOF));
    assert_eq!(request.parameter("access_token"), None);
}

#[tokio::test]
async fn without_an_app_id_no_proof_is_sent() {
    let meta = Meta::serve(None, [ok(&lead("1"))]).await;
    meta.graph.lead(&token(), &id("1")).await.unwrap();
    assert_eq!(meta.seen()[0].parameter("appsecret_proof"), None);
    assert_eq!(meta.graph.debug_token(&token()).await, Ok(None));
    assert_eq!(meta.graph.app_subscriptions().await, Ok(None));
}

#[tokio::test]
async fn an_organic_lead_has_no_ad() {
    let organic = json!({"id": 9, "created_time": "2026-09-21T13:33:21+0000", "form_id": 7, "ad_id": 0});
    let meta = Meta::answering([organic]).await;
    let lead = meta.graph.lead(&token(), &id("9")).await.unwrap();
    assert_eq!((lead.ad_id, lead.is_organic, lead.form_id, lead.answers.len()), (None, true, id("7"), 0));
}

#[rstest]
#[case(json!({"id": "1", "form_id": FORM}))]
#[case(json!({"id": "1", "form_id": FORM, "created_time": "yesterday"}))]
#[case(json!({"id": "1", "created_time": "2026-09-21T13:33:21+0000"}))]
#[case(json!({"id": "2", "form_id": FORM, "created_time": "2026-09-21T13:33:21+0000"}))]
#[case(json!([]))]
#[tokio::test]
async fn half_a_lead_is_an_error_that_shows_no_answers(#[case] mut answer: Value) {
    if answer.is_object() {
        answer["field_data"] = json!([{"name": "email", "values": ["ana@example.com"]}]);
    }
    let meta = Meta::answering([answer]).await;
    let error = meta.graph.lead(&token(), &id("1")).await.unwrap_err();
    assert!(matches!(error, GraphError::Bug(_)), "{error:?}");
    assert!(!format!("{error:?}").contains("ana@"), "{error:?}");
}

#[tokio::test]
async fn many_leads_are_read_in_one_batch_and_each_has_its_own_outcome() {
    let gone = json!({"error": {"message": "Unsupported get request", "code": 100, "error_subcode": 33}});
    let meta = Meta::answering([json!([
        {"code": 200, "body": lead("1").to_string()}, {"code": 400, "body": gone.to_string()}, null,
        {"code": 200, "body": lead("1").to_string()},
    ])])
    .await;
    let ids = ["1", "2", "3", "4", "5"].map(id);
    let leads = meta.graph.leads(&token(), &ids).await;
    assert_eq!(leads.iter().map(|(id, _)| id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    assert_eq!(leads[0].1.as_ref().unwrap().id, ids[0]);
    assert!(matches!(leads[1].1, Err(GraphError::NotFound(_))), "absent: {:?}", leads[1]);
    assert!(matches!(leads[2].1, Err(GraphError::Unavailable(_))), "timed out: {:?}", leads[2]);
    assert!(matches!(leads[3].1, Err(GraphError::Bug(_))), "another lead: {:?}", leads[3]);
    assert!(matches!(leads[4].1, Err(GraphError::Unavailable(_))), "not answered: {:?}", leads[4]);

    let [request] = meta.seen().try_into().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v26.0/"));
    assert_eq!(request.parameter("appsecret_proof"), Some(PROOF));
    let calls = serde_json::from_str::<Value>(request.parameter("batch").unwrap()).unwrap();
    assert_eq!(calls.as_array().unwrap().len(), 5);
    assert!(calls[4]["relative_url"].as_str().unwrap().starts_with("5?fields=id,created_time,form_id,"));
}

#[tokio::test]
async fn a_batch_holds_fifty_and_a_refused_one_is_the_last() {
    let ids = (1..=120).map(|n| id(&n.to_string())).collect::<Vec<_>>();
    let first = Value::from_iter((1..=50).map(|n| json!({"code": 200, "body": lead(&n.to_string()).to_string()})));
    let meta = Meta::serve(Some(APP), [ok(&first), refusal(400, &json!({"message": "dead", "code": 190}))]).await;
    let leads = meta.graph.leads(&token(), &ids).await;
    assert_eq!(leads.len(), 120);
    assert!(leads[..50].iter().all(|(_, lead)| lead.is_ok()));
    assert!(leads[50..].iter().all(|(_, lead)| matches!(lead, Err(GraphError::TokenRejected(_)))));
    assert_eq!(meta.seen().len(), 2);
}

#[tokio::test]
async fn usage_is_remembered_until_meta_tells_again() {
    let busy = vec![("x-app-usage", r#"{"call_count":91}"#), ("x-page-usage", r#"{"call_count":7}"#)];
    let meta = Meta::serve(None, [Reply { headers: busy, ..ok(&lead("1")) }, ok(&lead("1"))]).await;
    assert!(meta.graph.usage(&token()).allows_polling());
    for _ in 0..2 {
        meta.graph.lead(&token(), &id("1")).await.unwrap();
        assert_eq!(meta.graph.usage(&token()), Usage { percent: 91, regain_minutes: 0 });
    }
    assert!(!meta.graph.usage(&token()).allows_polling());
}
