//! Forms and the lists of their leads.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_form_is_read_with_its_questions() {
    let form = json!({
        "id": FORM, "name": "Screens", "status": "ARCHIVED", "locale": "uk_UA",
        "questions": [
            {"id": "1", "key": "full_name", "label": "Full name", "type": "FULL_NAME"},
            {"id": "2", "key": "what_is_broken?", "label": "What is broken?", "type": "CUSTOM",
             "options": [{"key": "screen", "value": "The screen"}]},
            {"id": "3", "type": "CUSTOM"},
        ],
        "tracking_parameters": [{"key": "utm_source", "value": "leadform"}],
    });
    let meta = Meta::answering([form, json!({"id": FORM, "tracking_parameters": {"utm_source": "leadform"}})]).await;
    let read = meta.graph.form(&token(), &id(FORM)).await.unwrap();
    let question = |key: &str, label: &str, kind: &str, options| Question {
        key: key.into(),
        label: label.into(),
        kind: kind.into(),
        options,
    };
    let options = vec![QuestionOption { key: "screen".into(), label: "The screen".into() }];
    assert_eq!((read.name.as_str(), read.status.as_str()), ("Screens", "ARCHIVED"));
    assert_eq!(
        read.questions,
        [
            question("full_name", "Full name", "FULL_NAME", vec![]),
            question("what_is_broken?", "What is broken?", "CUSTOM", options),
        ]
    );
    assert_eq!(read.tracking_keys, ["utm_source"]);
    let bare = meta.graph.form(&token(), &id(FORM)).await.unwrap();
    assert_eq!((bare.questions.len(), bare.tracking_keys), (0, vec!["utm_source".to_owned()]));
}

#[tokio::test]
async fn forms_are_read_to_the_last_page_even_past_an_empty_one() {
    let paging =
        |after: &str| json!({"cursors": {"before": "b", "after": after}, "next": "https://graph.example/next"});
    let meta = Meta::answering([
        json!({"data": [{"id": "1", "name": "A"}], "paging": paging("c1")}),
        json!({"data": [], "paging": {"next": "https://graph.example/x?access_token=t&after=c2"}}),
        json!({"data": [{"id": "2", "name": "B"}], "paging": {"cursors": {"after": "c3"}}}),
    ])
    .await;
    let forms = meta.graph.forms(&token(), &id(PAGE)).await.unwrap();
    assert_eq!(forms.iter().map(|form| form.name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    let seen = meta.seen();
    assert_eq!(seen.iter().map(|it| it.parameter("after")).collect::<Vec<_>>(), [None, Some("c1"), Some("c2")]);
    assert_eq!(seen[0].path, format!("/v26.0/{PAGE}/leadgen_forms"));
}

#[tokio::test]
async fn forms_are_listed_with_their_numbers_of_leads() {
    let data = json!([{"id": "1", "status": "ARCHIVED", "leads_count": 7}, {"id": "2", "status": "ACTIVE"}]);
    let meta = Meta::answering([json!({ "data": data })]).await;
    let forms = meta.graph.listed_forms(&token(), &id(PAGE)).await.unwrap();
    let form = |form: &str, status: &str, leads_count| ListedForm { id: id(form), status: status.into(), leads_count };
    assert_eq!(forms, [form("1", "ARCHIVED", Some(7)), form("2", "ACTIVE", None)]);
    assert_eq!(meta.seen()[0].parameter("fields"), Some("id,status,leads_count"));
}

#[tokio::test]
async fn the_leads_of_a_form_come_page_by_page_from_a_time_on() {
    let meta = Meta::answering([json!({
        "data": [{"id": "900000000000001", "created_time": "2026-09-21T13:33:21+0000"}],
        "paging": {"cursors": {"after": "c1"}, "next": "https://graph.example/next"},
    })])
    .await;
    let since = "2026-09-20T00:00:00Z".parse().unwrap();
    let before = "2026-09-22T00:00:00Z".parse().unwrap();
    let created = Created { after: Some(since), before: Some(before) };
    let page = meta.graph.form_leads(&token(), &id(FORM), created, Some("c0")).await.unwrap();
    let listed = ListedLead { id: id("900000000000001"), created_at: "2026-09-21T13:33:21Z".parse().unwrap() };
    assert_eq!(page, LeadPage { leads: vec![listed], next: Some("c1".into()) });

    let [request] = meta.seen().try_into().unwrap();
    assert_eq!(request.path, format!("/v26.0/{FORM}/leads"));
    assert_eq!((request.parameter("fields"), request.parameter("after")), (Some("id,created_time"), Some("c0")));
    let filtering = serde_json::from_str::<Value>(request.parameter("filtering").unwrap()).unwrap();
    let bound = |operator: &str, at: jiff::Timestamp| json!({"field": "time_created", "operator": operator, "value": at.as_second()});
    let expected = json!([bound("GREATER_THAN", since), bound("LESS_THAN", before)]);
    assert_eq!(filtering, expected);
}

#[tokio::test]
async fn less_is_asked_for_while_meta_finds_it_too_much() {
    let too_much =
        || refusal(500, &json!({"code": 1, "message": "Please reduce the amount of data you're asking for"}));
    let meta = Meta::serve(Some(APP), [too_much(), too_much(), ok(&json!({"data": []}))]).await;
    let page = meta.graph.form_leads(&token(), &id(FORM), Created::default(), None).await.unwrap();
    assert_eq!(page, LeadPage { leads: vec![], next: None });
    let limits = meta.seen().iter().map(|it| it.parameter("limit").unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(limits, ["100", "50", "25"]);

    let error = error_of(too_much()).await;
    assert!(matches!(error, GraphError::ReduceData(_)), "{error:?}");
}

#[tokio::test]
async fn less_than_one_is_not_asked_for() {
    let too_much =
        || refusal(500, &json!({"code": 1, "message": "Please reduce the amount of data you're asking for"}));
    let meta = Meta::serve(Some(APP), std::iter::repeat_with(too_much).take(7)).await;
    let error = meta.graph.form_leads(&token(), &id(FORM), Created::default(), None).await.unwrap_err();
    assert!(matches!(error, GraphError::ReduceData(_)), "{error:?}");
    assert_eq!(meta.seen().len(), 7);
}
