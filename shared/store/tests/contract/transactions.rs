use domain::{Form, Lead, Stage, Step, StepKind, Transaction};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use store::{
    Answers, AnswersChange, Change, Database, Recorded, RequestBody, SaveError, Store,
    database::{Key, Table},
};

use crate::{
    fixtures::{at, done, meta_id, received, slug},
    twins::Twin,
};

fn step(at_seconds: i64) -> Step {
    Step {
        at: at(at_seconds),
        step: StepKind::CreateClient,
        outcome: "created".to_owned(),
        status: Some(200),
        code: None,
        detail: None,
        request: None,
        duration_ms: Some(120),
    }
}

fn answers() -> Answers {
    let form = Form {
        id: meta_id(700),
        name: "Repair".to_owned(),
        status: String::new(),
        questions: vec![],
        tracking_keys: vec![],
    };
    let lead = Lead {
        id: meta_id(1),
        created_at: at(0),
        page_id: meta_id(100),
        form,
        ad_id: None,
        ad_name: None,
        adset_name: None,
        campaign_name: None,
        platform: Some("fb".to_owned()),
        is_organic: true,
        answers: vec![domain::Answer {
            name: "phone".to_owned(),
            values: vec!["+380501110001".to_owned(), String::new()],
        }],
    };
    let body = json!({ "phones": ["+380501110001"], "supplier": false, "manager_id": 9001, "notes": null });
    Answers { bodies: vec![RequestBody { at: at(1), step: StepKind::CreateClient, body }], ..Answers::of(lead) }
}

async fn attribute(database: &dyn Database, kind: &str, name: &str) -> Option<Value> {
    let key = Key::new("LEAD#1", format!("{kind}#repair"));
    database.get(Table::Transactions, &key).await.unwrap().unwrap().get(name).cloned()
}

#[rstest]
#[tokio::test]
async fn a_lead_is_recorded_once(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = received(1, 0);
    assert_eq!(store.record(&first).await, Ok(Recorded::New));
    assert_eq!(store.record(&received(1, 5)).await, Ok(Recorded::Known(Box::new(first.clone()))));
    assert_eq!(store.transaction(&first.id).await, Ok(Some(first)));
    assert_eq!(store.transaction(&received(2, 0).id).await, Ok(None));
}

#[rstest]
#[tokio::test]
async fn of_many_recorders_one_is_first(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let recorders = (0..6).map(|seconds| {
        let (store, transaction) = (store.clone(), received(1, seconds));
        async move { store.record(&transaction).await.unwrap() }
    });
    let told = futures::future::join_all(recorders).await;
    assert_eq!(told.iter().filter(|recorded| **recorded == Recorded::New).count(), 1);
    assert_eq!(store.due(&received(1, 0).account_id, at(9), 10).await.unwrap().len(), 1);
}

#[rstest]
#[tokio::test]
async fn one_lead_has_a_transaction_for_each_bundle(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let mut all = Vec::new();
    for bundle in ["other", "repair"] {
        let mut transaction = received(1, 0);
        transaction.id.bundle_id = slug(bundle);
        store.record(&transaction).await.unwrap();
        store.save_answers(&transaction.id, &answers()).await.unwrap();
        all.push(transaction);
    }
    store.record(&received(12, 0)).await.unwrap();
    assert_eq!(store.transactions_of_lead(&meta_id(1)).await, Ok(all.clone()));
    let ids = [all[1].id.clone(), received(99, 0).id, all[0].id.clone()];
    assert_eq!(store.transactions(&ids).await, Ok(vec![all[1].clone(), all[0].clone()]));
}

#[rstest]
#[tokio::test]
async fn a_save_goes_on_from_what_was_read(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let read = received(1, 0);
    store.record(&read).await.unwrap();
    let mut after = read.clone();
    after.run(Stage::Fetched, at(1)).unwrap();
    after.add_step(step(1));
    let saved = store.save(Change::new(&read, &after)).await.unwrap();
    assert_eq!(saved, Transaction { revision: 1, ..after });
    assert_eq!(store.transaction(&read.id).await, Ok(Some(saved.clone())));

    let late = store.save(Change::new(&read, &done(&read, at(2)))).await;
    assert_eq!(late, Err(SaveError::Conflict));
    assert_eq!(store.transaction(&read.id).await, Ok(Some(saved.clone())));
    let next = store.save(Change::new(&saved, &done(&saved, at(2)))).await.unwrap();
    assert_eq!(next.revision, 2);
}

#[rstest]
#[tokio::test]
async fn answers_live_and_die_with_the_transaction(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let before = received(1, 0);
    store.record(&before).await.unwrap();
    assert_eq!(store.answers(&before.id).await, Ok(None));

    let saved = Change { answers: AnswersChange::Save(&answers()), ..Change::new(&before, &before) };
    let saved = store.save(saved).await.unwrap();
    let kept = store.answers(&before.id).await.unwrap().unwrap();
    assert_eq!(kept, answers());
    assert_eq!(kept.body_of(&step(1)), Some(&answers().bodies[0].body));
    assert_eq!(kept.body_of(&step(2)), None);

    let saved = store.save(Change::new(&saved, &saved)).await.unwrap();
    assert_eq!(store.answers(&before.id).await, Ok(Some(answers())));
    let after = done(&saved, at(1));
    store.save(Change { answers: AnswersChange::Delete, ..Change::new(&saved, &after) }).await.unwrap();
    assert_eq!(store.answers(&before.id).await, Ok(None));
}

#[rstest]
#[tokio::test]
async fn answers_are_changed_outside_a_step(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let id = received(1, 0).id;
    store.save_answers(&id, &answers()).await.unwrap();
    assert_eq!(store.answers(&id).await, Ok(Some(answers())));
    store.delete_answers(&id).await.unwrap();
    assert_eq!(store.answers(&id).await, Ok(None));
}

#[rstest]
#[tokio::test]
async fn only_what_is_over_expires(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let database = twin.database().await;
    let store = Store::new(database.clone());
    let before = received(1, 0);
    store.record(&before).await.unwrap();
    store.save_answers(&before.id, &answers()).await.unwrap();
    assert_eq!(attribute(&*database, "BUNDLE", "expires_at").await, None);
    assert_eq!(attribute(&*database, "ANSWERS", "expires_at").await, None);

    let until = at(7) + SignedDuration::from_hours(30 * 24);
    let kept = Answers { expires_at: Some(until), ..answers() };
    let after = done(&before, at(7));
    store.save(Change { answers: AnswersChange::Save(&kept), ..Change::new(&before, &after) }).await.unwrap();
    let row_until = json!((at(7) + SignedDuration::from_hours(400 * 24)).as_second());
    assert_eq!(attribute(&*database, "BUNDLE", "expires_at").await, Some(row_until));
    assert_eq!(attribute(&*database, "ANSWERS", "expires_at").await, Some(json!(until.as_second())));
    assert_eq!(store.answers(&before.id).await, Ok(Some(kept)));
}
