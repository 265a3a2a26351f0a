use domain::{ClientOutcome, Detail, MaskedContact, OrderOutcome, Stage, Step, StepKind, StepRequest};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Answers, RequestBody};

use super::*;

const LEAD: &str = "900000000000001";

/// A lead of Olena that RemOnline refused, with its answers.
async fn refused(world: &World) -> Transaction {
    let phone_hash = world.hasher.phone("+380501112233");
    let email_hash = world.hasher.email("olena@example.com");
    let at = now();
    let refused = world
        .lead(LEAD, 0, |lead| {
            lead.contact = MaskedContact {
                name: "O. K.".to_owned(),
                phone: "+380*******33".to_owned(),
                email: "o***@example.com".to_owned(),
            };
            (lead.phone_hash, lead.email_hash) = (Some(phone_hash), Some(email_hash));
            lead.created_at = Some(at);
            lead.add_step(Step {
                at,
                step: StepKind::CreateClient,
                outcome: "rejected".to_owned(),
                status: Some(400),
                code: None,
                detail: Some(Detail::Words("email: Not an address".to_owned())),
                request: Some(StepRequest {
                    method: "POST".to_owned(),
                    path: "/v2/contacts/people".to_owned(),
                    body: None,
                }),
                duration_ms: Some(120),
            });
            lead.park(Reason::Rejected, None, at).unwrap();
        })
        .await;
    let lead = answers(
        LEAD,
        &[("full_name", "Olena Koval"), ("phone_number", "050 111 22 33"), ("email", "Olena@example.com")],
    );
    let body = json!({"first_name": "Olena", "ad_campaign_id": 777});
    let bodies = vec![RequestBody { at, step: StepKind::CreateClient, body }];
    world.store.save_answers(&refused.id, &Answers { bodies, ..Answers::of(lead) }).await.unwrap();
    refused
}

fn finish(lead: &mut Transaction) {
    lead.run(Stage::Fetched, now()).unwrap();
    lead.set_client(31_000_001, ClientOutcome::Created, now()).unwrap();
    lead.set_order(Some(41_000_001), OrderOutcome::Created, now()).unwrap();
    lead.finish(now()).unwrap();
}

#[tokio::test]
async fn a_transaction_is_shown_masked() {
    let world = World::started().await;
    refused(&world).await;
    let headers = [("accept-language", "uk")];
    let path = format!("/api/transactions/screens/{LEAD}");
    let shown = world.call("GET", &path, &headers, Value::Null).await.expect(200);
    let expected = json!({
        "bundle_id": "screens", "bundle_version": 1, "leadgen_id": LEAD, "page_id": DEMO_PAGE, "form_id": DEMO_FORM,
        "state": "parked", "reason": "rejected", "source": "webhook", "created_at": "2026-11-23T09:00:00Z",
        "received_at": "2026-11-23T09:00:00Z", "updated_at": "2026-11-23T09:00:00Z", "next_at": null,
        "client_id": null, "client_outcome": null, "order_id": null, "order_outcome": null,
        "contact": {"name": "O. K.", "phone": "+380*******33", "email": "o***@example.com"},
        "steps": [{
            "at": "2026-11-23T09:00:00Z", "step": "create_client", "outcome": "rejected", "status": 400, "code": null,
            "explanation": "RemOnline відхилив дані як неправильні або неповні. Відповідь RemOnline: email: Not an address",
            "fix": "Виправте названі тут поля звʼязки й повторіть лід. Перевірте також, які поля у ваших формах RemOnline обовʼязкові.",
            "request": {"method": "POST", "path": "/v2/contacts/people", "body": {"first_name": "***", "ad_campaign_id": 777}},
            "duration_ms": 120,
        }],
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn personal_data_is_shown_when_asked_for() {
    let world = World::started().await;
    let refused = refused(&world).await;
    let path = format!("/api/transactions/screens/{LEAD}?reveal=true");
    let shown = world.get(&path).await.expect(200);
    let contact = json!({"name": "Olena Koval", "phone": "+380501112233", "email": "olena@example.com"});
    assert_eq!(shown["contact"], contact);
    assert_eq!(shown["steps"][0]["request"]["body"]["first_name"], "Olena");

    world.store.delete_answers(&refused.id).await.unwrap();
    let shown = world.get(&path).await.expect(200);
    assert_eq!(shown["contact"]["phone"], "+380*******33");
    assert_eq!(shown["steps"][0]["request"]["body"], Value::Null);
}

#[rstest]
#[case("")]
#[case("?bundle=screens&state=parked&reason=rejected")]
#[case("?connection=shop")]
#[case("?connection=page")]
#[case("?leadgen_id=900000000000001")]
#[case("?phone=050%20111%2022%2033")]
#[case("?phone=%2B380501112233&email=OLENA@example.com")]
#[case("?from=2026-11-23T09:00:00Z&to=2026-11-23T09:00:01Z")]
#[tokio::test]
async fn a_transaction_is_found_by_every_filter(#[case] query: &str) {
    let world = World::started().await;
    refused(&world).await;
    let found = world.get(&format!("/api/transactions{query}")).await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert!(found["items"][0].get("steps").is_none());
}

#[rstest]
#[case("?bundle=other")]
#[case("?connection=other")]
#[case("?state=done")]
#[case("?reason=mapping")]
#[case("?leadgen_id=1")]
#[case("?phone=0501112244")]
#[case("?email=other@example.com")]
#[case("?from=2026-11-23T09:00:01Z")]
#[case("?to=2026-11-23T09:00:00Z")]
#[tokio::test]
async fn a_transaction_is_left_out_by_every_filter(#[case] query: &str) {
    let world = World::started().await;
    refused(&world).await;
    assert_eq!(world.get(&format!("/api/transactions{query}")).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn pages_bring_every_lead_once_newest_first() {
    let world = World::started().await;
    for lead in 0..5 {
        world.lead(&format!("90000000000000{lead}"), lead, |_| ()).await;
    }
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = world.get(&format!("/api/transactions?{query}")).await.expect(200);
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["leadgen_id"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [4, 3, 2, 1, 0].map(|lead| format!("90000000000000{lead}")));
    world.get("/api/transactions?cursor=bm9uZQ").await.expect(400);
}

#[tokio::test]
async fn a_retry_makes_a_lead_due_by_the_current_rules() {
    let world = World::started().await;
    refused(&world).await;
    let mut current = world.get("/api/bundles/screens").await.expect(200);
    current["title"] = json!("Mended");
    world.call("PUT", "/api/bundles/screens", &[("if-match", "\"1\"")], current).await.expect(200);
    world.woken().await;

    let path = format!("/api/transactions/screens/{LEAD}/retry");
    world.post(&path, json!({"rules": "original"})).await.expect(202);
    let version = |shown: Value| shown["bundle_version"].clone();
    let shown = world.get(&format!("/api/transactions/screens/{LEAD}")).await.expect(200);
    assert_eq!((&shown["state"], &shown["reason"]), (&json!("received"), &Value::Null));
    assert_eq!(version(shown), 1);
    assert_eq!(world.woken().await, BTreeSet::from([world.account().await]));
    assert_eq!(world.store.due(&world.account().await, now(), 9).await.unwrap().len(), 1);

    world.post(&path, Value::Null).await.expect(202);
    assert_eq!(version(world.get(&format!("/api/transactions/screens/{LEAD}")).await.expect(200)), 2);
    assert_eq!(world.post(&path, json!({"rules": "none"})).await.blamed(422), ["/rules"]);
    world.post("/api/transactions/screens/1/retry", Value::Null).await.expect(404);
}

#[tokio::test]
async fn what_is_over_or_running_is_not_retried() {
    let world = World::started().await;
    world.lead("900000000000001", 0, finish).await;
    world.lead("900000000000002", 0, |lead| lead.skip(Reason::Filtered, now()).unwrap()).await;
    world.lead("900000000000003", 0, |lead| lead.run(Stage::Fetched, now()).unwrap()).await;
    for lead in 1..=3 {
        world.post(&format!("/api/transactions/screens/90000000000000{lead}/retry"), Value::Null).await.expect(409);
    }
    assert_eq!(world.post("/api/transactions/retry", Value::Null).await.expect(202), json!({"queued": 0}));
}

#[tokio::test]
async fn many_are_retried_by_filter() {
    let world = World::started().await;
    for (lead, reason) in [(1, Reason::Mapping), (2, Reason::Mapping), (3, Reason::Rejected)] {
        world.lead(&format!("90000000000000{lead}"), lead, |lead| lead.park(reason, None, now()).unwrap()).await;
    }
    world.lead("900000000000004", 4, finish).await;
    let queued = world.post("/api/transactions/retry?reason=mapping", json!({})).await.expect(202);
    assert_eq!(queued, json!({"queued": 2}));
    assert_eq!(world.state_of("900000000000001").await, (State::Received, None));
    assert_eq!(world.state_of("900000000000003").await, (State::Parked, Some(Reason::Rejected)));
    world.post("/api/transactions/retry?reasn=mapping", json!({})).await.expect(400);
    world.post("/api/transactions/retry?limit=1", json!({})).await.expect(400);
}

#[tokio::test]
async fn a_lead_of_a_deleted_bundle_is_not_retried() {
    let world = World::started().await;
    refused(&world).await;
    world.call("DELETE", "/api/bundles/screens", &[], Value::Null).await.expect(204);
    world.post(&format!("/api/transactions/screens/{LEAD}/retry"), Value::Null).await.expect(409);
}

#[tokio::test]
async fn forms_that_nobody_takes_are_listed() {
    let world = World::new().await;
    let event = |lead: &str| LeadgenEvent {
        leadgen_id: meta_id(lead),
        page_id: meta_id(DEMO_PAGE),
        form_id: meta_id("700000000000009"),
    };
    world.store.keep_unrouted(&event("1"), now()).await.unwrap();
    world.store.keep_unrouted(&event("2"), now() + SignedDuration::from_mins(5)).await.unwrap();
    let expected = json!({"items": [{
        "page_id": DEMO_PAGE, "form_id": "700000000000009", "count": 2,
        "first_at": "2026-11-23T09:00:00Z", "last_at": "2026-11-23T09:05:00Z",
    }], "next_cursor": null});
    assert_eq!(world.get("/api/unrouted").await.expect(200), expected);
}
