use domain::{ClientOutcome, Detail, MaskedContact, OrderOutcome, Stage, Step, StepKind, StepRequest};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Answers, PersonWrite};

use super::*;

const LEAD: &str = "900000000000001";
const PHONE: &str = "+380501112233";

/// A lead of Olena, done, with all that is known of her.
async fn done(world: &World) -> Transaction {
    let lead = world.lead(LEAD, 0, |_| ()).await;
    let (phone, email) = (world.hasher.phone(PHONE), world.hasher.email("olena@example.com"));
    let mut after = lead.clone();
    after.run(Stage::Fetched, now()).unwrap();
    after.contact = MaskedContact { name: "O. K.".to_owned(), ..MaskedContact::default() };
    (after.phone_hash, after.email_hash) = (Some(phone.clone()), Some(email.clone()));
    after.add_step(Step {
        at: now(),
        step: StepKind::UpdateClient,
        outcome: "updated".to_owned(),
        status: Some(200),
        code: None,
        detail: Some(Detail::Words("of Olena".to_owned())),
        request: Some(StepRequest { method: "PATCH".to_owned(), path: "/v2/contacts/people/5".to_owned(), body: None }),
        duration_ms: None,
    });
    after.set_client(5, ClientOutcome::Created, now()).unwrap();
    after.set_order(Some(7), OrderOutcome::Created, now()).unwrap();
    after.finish(now()).unwrap();
    let persons = [phone, email].map(|hash| PersonWrite::Settle { hash, client_id: 5 }).into();
    let saved = world.store.save(Change { persons, ..Change::new(&lead, &after) }).await.unwrap();
    let answers = Answers::of(answers(LEAD, &[("full_name", "Olena Koval"), ("phone_number", PHONE)]));
    world.store.save_answers(&saved.id, &answers).await.unwrap();
    saved
}

#[rstest]
#[case(json!({"phone": "050 111 22 33"}))]
#[case(json!({"email": "Olena@Example.com"}))]
#[case(json!({"leadgen_id": LEAD}))]
#[tokio::test]
async fn nothing_of_a_person_is_left(#[case] whom: Value) {
    let world = World::started().await;
    let lead = done(&world).await;
    let expected = json!({
        "erased": [{"bundle_id": "screens", "leadgen_id": LEAD}], "pending": [],
        "remonline": {"client_ids": [5], "order_ids": [7]},
    });
    assert_eq!(world.post("/api/erase", whom).await.expect(200), expected);

    let shown = world.get(&format!("/api/transactions/screens/{LEAD}?reveal=true")).await.expect(200);
    assert_eq!((&shown["state"], &shown["reason"], &shown["client_id"]), (&json!("erased"), &Value::Null, &json!(5)));
    assert_eq!(shown["contact"], json!({"name": "", "phone": "", "email": ""}));
    assert_eq!((&shown["steps"][0]["request"], &shown["steps"][0]["explanation"]), (&Value::Null, &Value::Null));
    assert_eq!(world.store.answers(&lead.id).await.unwrap(), None);
    for hash in [lead.phone_hash, lead.email_hash].into_iter().flatten() {
        assert_eq!(world.store.person(&lead.account_id, &hash).await.unwrap(), None);
    }
    for query in ["phone=0501112233", "email=olena@example.com"] {
        assert_eq!(world.get(&format!("/api/transactions?{query}")).await.expect(200)["items"], json!([]));
    }
    world.post(&format!("/api/transactions/screens/{LEAD}/retry"), Value::Null).await.expect(409);
}

#[tokio::test]
async fn a_running_lead_is_pending() {
    let world = World::started().await;
    world.lead(LEAD, 0, |lead| lead.run(Stage::Fetched, now()).unwrap()).await;
    let told = world.post("/api/erase", json!({"leadgen_id": LEAD})).await.expect(200);
    assert_eq!(told["pending"], json!([{"bundle_id": "screens", "leadgen_id": LEAD}]));
    assert_eq!(told["erased"], json!([]));
    assert_eq!(world.store.erasures().await.unwrap().len(), 1, "the wish is kept");
}

#[tokio::test]
async fn a_lead_that_no_bundle_takes_does_not_come_back() {
    let world = World::new().await;
    let event =
        LeadgenEvent { leadgen_id: meta_id(LEAD), page_id: meta_id(DEMO_PAGE), form_id: meta_id("700000000000009") };
    world.store.keep_unrouted(&event, now()).await.unwrap();
    world.post("/api/erase", json!({"leadgen_id": LEAD})).await.expect(200);
    world.store.keep_unrouted(&event, now()).await.unwrap();
    assert_eq!(world.get("/api/unrouted").await.expect(200)["items"], json!([]));
}

#[rstest]
#[case(json!({}), "")]
#[case(json!({"phone": "0501112233", "email": "olena@example.com"}), "")]
#[case(json!({"phone": "call me"}), "/phone")]
#[case(json!({"email": "olena"}), "/email")]
#[case(json!({"leadgen_id": "x1"}), "/leadgen_id")]
#[case(json!({"name": "Olena"}), "/name")]
#[tokio::test]
async fn exactly_one_person_is_named(#[case] whom: Value, #[case] pointer: &str) {
    assert_eq!(World::new().await.post("/api/erase", whom).await.blamed(422), [pointer]);
}
