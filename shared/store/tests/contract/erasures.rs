use std::collections::BTreeSet;

use domain::{LeadSource, Reason, Stage, State, Transaction};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use store::{Change, Erased, PersonEntry, PersonWrite, Recorded, Store, Subject};

use crate::{
    fixtures::{account, at, bundle, event, meta_id, received, remonline},
    twins::Twin,
};

/// A lead of a person with this phone number, of whom the dedup index knows client 5.
async fn known(store: &Store, lead: u64, seconds: i64, phone: &str) -> Transaction {
    let transaction = received(lead, seconds);
    store.record(&transaction).await.unwrap();
    let mut after = transaction.clone();
    after.run(Stage::ClientSet, at(seconds)).unwrap();
    (after.phone_hash, after.client_id) = (Some(phone.to_owned()), Some(5));
    after.park(Reason::Rejected, None, at(seconds)).unwrap();
    let persons = [phone, "email"].map(|hash| PersonWrite::Settle { hash: hash.to_owned(), client_id: 5 }).into();
    store.save(Change { persons, ..Change::new(&transaction, &after) }).await.unwrap()
}

async fn state(store: &Store, transaction: &Transaction) -> State {
    store.transaction(&transaction.id).await.unwrap().unwrap().state
}

async fn person(store: &Store, hash: &str) -> Option<PersonEntry> {
    store.person(&account(), hash).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn an_erased_lead_is_recorded_by_nobody(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let lead = known(&store, 7, 0, "phone").await;
    assert_eq!(lead.person_hashes, BTreeSet::from(["email", "phone"].map(str::to_owned)));
    let erased = store.erase(Subject::Lead(meta_id(7)), at(10)).await.unwrap();
    let expected = Erased { erased: vec![lead.id.clone()], client_ids: BTreeSet::from([5]), ..Erased::default() };
    assert_eq!(erased, expected);
    assert_eq!(state(&store, &lead).await, State::Erased);
    assert_eq!((person(&store, "phone").await, person(&store, "email").await), (None, None));
    assert_eq!(store.erasures().await, Ok(vec![]));

    let other = Transaction::received(&event(7), &bundle("other"), account(), LeadSource::Reconcile, at(20));
    assert_eq!(store.record(&other).await, Ok(Recorded::Erased));
    assert!(matches!(store.record(&received(7, 20)).await, Ok(Recorded::Known(known)) if known.state == State::Erased));
    assert_eq!(store.due(&account(), at(99), 9).await, Ok(vec![]));
    assert_eq!(store.erase(Subject::Lead(meta_id(7)), at(30)).await, Ok(expected), "once more changes nothing");
}

#[rstest]
#[tokio::test]
async fn a_lead_that_was_never_recorded_stays_away(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    store.keep_unrouted(&event(7), at(0)).await.unwrap();
    store.keep_unrouted(&event(8), at(0)).await.unwrap();
    assert_eq!(store.erase(Subject::Lead(meta_id(7)), at(10)).await, Ok(Erased::default()));
    store.keep_unrouted(&event(7), at(20)).await.unwrap();
    let unrouted = store.unrouted_events(&meta_id(100), &meta_id(700)).await.unwrap();
    assert_eq!(unrouted.iter().map(|unrouted| &unrouted.event).collect::<Vec<_>>(), [&event(8)]);
    assert_eq!(store.record(&received(7, 20)).await, Ok(Recorded::Erased));
    assert_eq!(store.record(&received(8, 20)).await, Ok(Recorded::New));
}

#[rstest]
#[tokio::test]
async fn a_wish_waits_for_the_end_of_a_step(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let lead = received(7, 0);
    store.record(&lead).await.unwrap();
    let mut running = lead.clone();
    running.run(Stage::Fetched, at(1)).unwrap();
    let persons = vec![PersonWrite::Claim { hash: "phone".to_owned() }];
    let running = store.save(Change { persons, ..Change::new(&lead, &running) }).await.unwrap();
    let asked = store.erase(Subject::Lead(meta_id(7)), at(2)).await.unwrap();
    assert_eq!((asked.erased, asked.pending), (vec![], vec![lead.id.clone()]));

    let [erasure] = &store.erasures().await.unwrap()[..] else { panic!("the wish is kept") };
    assert_eq!(store.carry_out(erasure, at(3)).await.unwrap().pending.len(), 1);
    let mut waits = running.clone();
    waits.wait(Reason::Throttled, Some(at(60)), at(4)).unwrap();
    store.save(Change::new(&running, &waits)).await.unwrap();
    assert_eq!(store.carry_out(erasure, at(5)).await.unwrap().erased, std::slice::from_ref(&lead.id));
    assert_eq!((state(&store, &lead).await, person(&store, "phone").await), (State::Erased, None));
    assert_eq!(store.erasures().await, Ok(vec![]));
    assert_eq!(store.due(&account(), at(99), 9).await, Ok(vec![]));
}

#[rstest]
#[tokio::test]
async fn a_phone_number_is_looked_for_until_the_indexes_have_caught_up(
    #[values(Twin::Memory, Twin::DynamoDb)] twin: Twin,
) {
    let store = twin.store().await;
    let secret = serde_json::from_value(json!("sealed")).unwrap();
    store.create_connection(&remonline("shop", account().as_str()), &secret).await.unwrap();
    let first = known(&store, 1, 0, "phone").await;
    let other = known(&store, 2, 0, "other").await;
    let erased = store.erase(Subject::Phone("phone".to_owned()), at(10)).await.unwrap();
    assert_eq!(erased.erased, [first.id]);

    let late = known(&store, 3, 9, "phone").await;
    let later = known(&store, 4, 11, "phone").await;
    let [erasure] = &store.erasures().await.unwrap()[..] else { panic!("the wish is kept") };
    assert_eq!(store.carry_out(erasure, at(60)).await.unwrap().erased, [late.id]);
    assert_eq!(person(&store, "phone").await, None);
    assert_eq!((state(&store, &other).await, state(&store, &later).await), (State::Parked, State::Parked));
    store.carry_out(erasure, at(10 + 300)).await.unwrap();
    assert_eq!(store.erasures().await, Ok(vec![]));
}

#[rstest]
#[tokio::test]
async fn what_another_lead_is_about_to_create_stays_its_own(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let lead = known(&store, 1, 0, "phone").await;
    store.forget(&account(), "phone").await.unwrap();
    let other = received(2, 0);
    store.record(&other).await.unwrap();
    let persons = vec![PersonWrite::Claim { hash: "phone".to_owned() }];
    store.save(Change { persons, ..Change::new(&other, &other) }).await.unwrap();
    store.erase(Subject::Lead(meta_id(1)), at(10)).await.unwrap();
    assert_eq!(state(&store, &lead).await, State::Erased);
    assert_eq!(person(&store, "phone").await, Some(PersonEntry { client_id: None, claimed_by: Some(other.id) }));
    assert_eq!(person(&store, "email").await, None);
}
