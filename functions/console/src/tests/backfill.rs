//! Old leads, asked for.

use domain::LeadSource;
use pretty_assertions::assert_eq;
use rstest::rstest;
use simulators::{
    Effect, Fault,
    meta::{Form, NewLead, Question, Webhook, graph_error},
};
use store::Backfill;

use super::*;

const PATH: &str = "/api/bundles/screens/backfill";

fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

impl World {
    fn listed(&self, form_id: &str, days: i64) -> MetaId {
        let lead = NewLead::new([("full_name", "Олена Коваль")]).created(days_ago(days)).webhook(Webhook::Off);
        meta_id(&self.meta.add_lead(form_id, lead))
    }

    async fn source_of(&self, lead: &MetaId) -> Option<LeadSource> {
        let id = TransactionId { leadgen_id: lead.clone(), bundle_id: slug("screens") };
        self.store.transaction(&id).await.unwrap().map(|transaction| transaction.source)
    }

    async fn backfill(&self, days: i64) -> Reply {
        self.post(PATH, json!({ "since": days_ago(days).to_string() })).await
    }
}

#[tokio::test]
async fn old_leads_come_when_they_are_asked_for() {
    let world = World::started().await;
    let (older, wanted, known) =
        (world.listed(DEMO_FORM, 40), world.listed(DEMO_FORM, 20), world.listed(DEMO_FORM, 10));
    world.lead(known.as_str(), 0, |_| ()).await;

    assert_eq!(world.backfill(30).await.expect(202), json!({ "queued": 1 }));

    let sources = [world.source_of(&older).await, world.source_of(&wanted).await, world.source_of(&known).await];
    assert_eq!(sources, [None, Some(LeadSource::Backfill), Some(LeadSource::Webhook)]);
    assert_eq!(world.woken().await, BTreeSet::from([world.account().await]));
    assert_eq!(world.store.backfills().await.unwrap(), []);
    assert_eq!(world.backfill(30).await.expect(202), json!({ "queued": 0 }));
}

#[tokio::test]
async fn leads_that_no_bundle_took_come_too() {
    let world = World::started().await;
    let event =
        |id: &str| LeadgenEvent { leadgen_id: meta_id(id), page_id: meta_id(DEMO_PAGE), form_id: meta_id(DEMO_FORM) };
    world.store.keep_unrouted(&event("900000000000701"), days_ago(5)).await.unwrap();
    world.store.keep_unrouted(&event("900000000000702"), days_ago(50)).await.unwrap();

    assert_eq!(world.backfill(30).await.expect(202), json!({ "queued": 1 }));

    assert_eq!(world.source_of(&meta_id("900000000000701")).await, Some(LeadSource::Backfill));
    assert_eq!(world.store.unrouted_of_page(&meta_id(DEMO_PAGE)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_bundle_for_any_form_gets_those_that_no_other_names() {
    let world = World::connected().await;
    let other = world.meta.add_form(DEMO_PAGE, Form::new("Other", [Question::new("FULL_NAME", "full_name", "Name")]));
    let mut any = screens();
    any["source"]["form_id"] = "*".into();
    world.post("/api/bundles", any).await.expect(201);
    let mut named = screens();
    named["id"] = "named".into();
    world.post("/api/bundles", named).await.expect(201);
    world.post("/api/bundles/named/start", Value::Null).await.expect(200);
    let (of_named, of_other) = (world.listed(DEMO_FORM, 5), world.listed(&other, 5));

    assert_eq!(world.backfill(30).await.expect(202), json!({ "queued": 1 }));

    assert_eq!(
        (world.source_of(&of_named).await, world.state_of(of_other.as_str()).await),
        (None, (State::Waiting, Some(Reason::BundleStopped)))
    );
}

#[rstest]
#[case(json!({ "since": (now() + SignedDuration::from_mins(1)).to_string() }))]
#[case(json!({ "since": days_ago(91).to_string() }))]
#[case(json!({ "since": "last week" }))]
#[case(json!({ "since": 7 }))]
#[case(json!({}))]
#[tokio::test]
async fn a_time_that_is_none_of_the_last_ninety_days_is_refused(#[case] body: Value) {
    let world = World::started().await;
    assert_eq!(world.post(PATH, body).await.blamed(422), ["/since"]);
    assert_eq!(world.store.backfills().await.unwrap(), []);
}

#[tokio::test]
async fn ninety_days_are_allowed() {
    World::started().await.backfill(90).await.expect(202);
}

#[tokio::test]
async fn what_meta_does_not_show_now_is_left_to_the_schedule() {
    let world = World::started().await;
    world.meta.inject(Fault::once(Effect::status(503)).on("GET", &format!("/v26.0/{DEMO_FORM}/leads")));

    assert_eq!(world.backfill(30).await.expect(202), json!({ "queued": 0 }));

    let left = Backfill::new(slug("screens"), meta_id(DEMO_FORM), days_ago(30), now());
    assert_eq!(world.store.backfills().await.unwrap(), [left]);
    world.call("DELETE", "/api/bundles/screens", &[], Value::Null).await.expect(204);
    assert_eq!(world.store.backfills().await.unwrap(), []);
}

#[tokio::test]
async fn what_meta_refuses_is_told_and_forgotten() {
    let world = World::started().await;
    world.meta.inject(Fault::once(graph_error(190, Some(460))).on("GET", &format!("/v26.0/{DEMO_FORM}/leads")));
    world.backfill(30).await.expect(502);
    assert_eq!(world.store.backfills().await.unwrap(), []);

    world.post("/api/connections/page/pause", Value::Null).await.expect(200);
    world.backfill(30).await.expect(409);
    world.post("/api/bundles/nobody/backfill", json!({ "since": days_ago(1).to_string() })).await.expect(404);
}
