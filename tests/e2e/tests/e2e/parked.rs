//! Leads that stand in front of a person: keys, tokens and rules to be mended.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::remonline::{Area, DEMO_API_KEY};

use crate::bundle::bundle;
use crate::person::{Person, phones};
use crate::transaction::{assert_holds, step, steps};
use crate::world::{FORM, PAGE, World, id_of};

impl World {
    /// Leads left one after the other, each parked for this reason.
    async fn park(&self, count: usize, reason: &str) -> Vec<String> {
        let mut leads = Vec::new();
        for _ in 0..count {
            let lead = self.submit(FORM, Person::invent().lead()).await;
            self.settled("repair", &lead, "parked", reason).await;
            leads.push(lead);
        }
        leads
    }

    /// All leads are done, and their orders were made in the order in which the leads came.
    async fn assert_done_oldest_first(&self, leads: &[String]) {
        let mut orders = Vec::new();
        for lead in leads {
            let transaction = self.done("repair", lead).await;
            assert_eq!(self.orders_of("repair", lead).len(), 1);
            orders.push(transaction["order_id"].as_i64().unwrap());
        }
        assert!(orders.is_sorted(), "{orders:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_key_parks_its_leads_until_there_is_a_new_one() {
    let world = World::with_bundle().await;
    world.remonline.revoke_key(DEMO_API_KEY);
    let first = world.park(1, "key_rejected").await;
    assert_eq!(world.connection("shop").await["state"], "key_rejected");
    let asked = world.remonline.requests().len();
    let others = world.park(3, "key_rejected").await;
    assert_eq!(world.remonline.requests().len(), asked, "a key known to be bad is not tried by leads");

    let resume = world.door.post("/api/connections/shop/resume", &Value::Null).await;
    assert_holds(&resume.expect(422), &json!({ "status": 422 }));
    let change = |key: &str| json!({ "api_key": key });
    let refused = world.door.patch("/api/connections/shop", &change("no-such-key")).await.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/api_key");
    assert_eq!(world.connection("shop").await["state"], "key_rejected");

    world.remonline.add_key("new-key");
    let connection = world.door.patch("/api/connections/shop", &change("new-key")).await.expect(200);
    assert_holds(&connection, &json!({ "id": "shop", "state": "active" }));
    assert!(!connection.to_string().contains("new-key"), "a key never comes back");
    world.assert_done_oldest_first(&[first, others].concat()).await;
    assert_eq!(world.new_clients().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_right_parks_its_leads_until_it_is_granted() {
    let world = World::with_bundle().await;
    world.remonline.remove_permission(DEMO_API_KEY, Area::Orders);
    let leads = world.park(2, "forbidden").await;
    assert_eq!(world.connection("shop").await["state"], "forbidden");
    world.remonline.restore_permission(DEMO_API_KEY, Area::Orders);
    world.door.post("/api/connections/shop/resume", &Value::Null).await.expect(200);
    world.assert_done_oldest_first(&leads).await;
    assert_eq!(world.new_clients().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_connection_holds_its_leads() {
    let world = World::with_bundle().await;
    world.door.post("/api/connections/shop/pause", &Value::Null).await.expect(200);
    let leads = world.park(2, "paused").await;
    assert_eq!(world.new_clients().len(), 0);
    world.door.post("/api/connections/shop/resume", &Value::Null).await.expect(200);
    world.assert_done_oldest_first(&leads).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_page_token_parks_its_leads_until_there_is_a_new_one() {
    let world = World::with_bundle().await;
    world.meta.revoke_token(PAGE, 460);
    let leads = world.park(2, "graph_token").await;
    assert_eq!(world.connection("page").await["state"], "key_rejected");
    let transaction = world.transaction("repair", &leads[0]).await;
    assert_holds(step(&transaction, "fetch_lead"), &json!({ "status": 401, "code": 190 }));
    assert_eq!(world.new_clients().len(), 0);
    let token = world.meta.new_token(PAGE);
    world.door.patch("/api/connections/page", &json!({ "page_token": token })).await.expect(200);
    world.assert_done_oldest_first(&leads).await;
}

#[rstest]
#[case::required("/client/fields/first_name", json!("{{ answers.nickname }}"))]
#[case::failing("/client/fields/notes", json!("{{ answers.city | date('%d.%m', 'Europe/Kyiv') }}"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_that_does_not_fit_its_bundle_is_not_sent_until_it_is_mended(
    #[case] pointer: &str,
    #[case] template: Value,
) {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    let field = pointer.rsplit('/').next().unwrap();
    document["client"]["fields"][field] = template;
    world.add_bundle(&document).await;
    let asked = world.remonline.requests().len();
    let leads = world.park(1, "mapping").await;
    let lead = &leads[0];
    let transaction = world.transaction("repair", lead).await;
    let explanation = step(&transaction, "plan")["explanation"].as_str().unwrap();
    assert!(explanation.contains(pointer), "{explanation}");
    assert_eq!(world.remonline.requests().len(), asked, "nothing was sent");

    let put = |tag: &'static str| {
        let (world, mended) = (&world, bundle("repair", FORM));
        async move { world.door.send_json("PUT", "/api/bundles/repair", &[("if-match", tag)], &mended).await }
    };
    assert_eq!(put("\"7\"").await.status, 412);
    assert_eq!(world.door.send_json("PUT", "/api/bundles/repair", &[], &document).await.status, 428);
    assert_eq!(put("\"1\"").await.header("etag"), "\"2\"");
    let retry = |rules: &str| {
        let (world, rules) = (&world, json!({ "rules": rules }));
        let path = format!("/api/transactions/repair/{lead}/retry");
        async move { world.door.post(&path, &rules).await }
    };
    retry("original").await.expect(202);
    world
        .until("it is parked again", async |world| {
            let transaction = world.transaction("repair", lead).await;
            transaction["state"] == "parked"
                && steps(&transaction).iter().filter(|step| step.starts_with("plan")).count() == 2
        })
        .await;
    retry("current").await.expect(202);
    let transaction = world.done("repair", lead).await;
    assert_holds(&transaction, &json!({ "bundle_version": 2, "client_outcome": "created" }));
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 1));
    retry("current").await.expect(409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_match_are_retried_at_once() {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["client"]["fields"]["first_name"] = "{{ answers.nickname }}".into();
    world.add_bundle(&document).await;
    let leads = world.park(3, "mapping").await;
    let mended = bundle("repair", FORM);
    world.door.send_json("PUT", "/api/bundles/repair", &[("if-match", "\"1\"")], &mended).await.expect(200);
    let retried = world.door.post("/api/transactions/retry?state=parked&reason=mapping", &json!({})).await;
    assert_eq!(retried.expect(202), json!({ "queued": 3 }));
    world.assert_done_oldest_first(&leads).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_is_none_stops_no_lead() {
    let world = World::with_bundle().await;
    let person = Person { phone: "12 345 after six".to_owned(), ..Person::invent() };
    let lead = world.submit(FORM, person.lead()).await;
    assert_holds(
        &world.done("repair", &lead).await,
        &json!({ "client_outcome": "created", "order_outcome": "created", "contact": { "phone": "" } }),
    );
    let [client] = &world.new_clients()[..] else { panic!("one client") };
    assert_eq!(phones(client), Vec::<String>::new());
    assert_eq!(client["email"], person.email);
    assert!(client["notes"].as_str().unwrap().contains("12 345 after six"), "{client:#}");
    assert_eq!(world.orders_of("repair", &lead)[0]["client"]["id"], id_of(client));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_that_meta_does_not_show_yet_waits() {
    let world = World::with_bundle().await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    world.meta.hide(&lead, 1);
    world.announce(&[&lead]).await;
    let transaction = world.settled("repair", &lead, "waiting", "lead_not_ready").await;
    assert_holds(step(&transaction, "fetch_lead"), &json!({ "status": 400, "code": 100 }));
    assert_eq!(world.done("repair", &lead).await["order_outcome"], "created");
    assert_eq!(world.new_clients().len(), 1);
}
