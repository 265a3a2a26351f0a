//! The jobs of the scheduler: what Meta never told, what waited in the dead-letter queue, what is wrong in RemOnline.

use http::Request;
use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use sandbox::Queue;
use serde_json::{Value, json};
use simulators::remonline::DEMO_API_KEY;
use simulators::{Effect, Fault};
use transport::{Https, Transport};

use crate::bundle::{bundle, marker};
use crate::person::Person;
use crate::world::{FORM, PAGE, World, id_of, now};

impl World {
    /// One round of a job, out of turn.
    async fn run(&self, job: &str) {
        self.sandbox.invoke("scheduler", &json!({ "job": job })).await.unwrap();
    }

    /// Puts a message on the dead-letter queue, by the wire protocol of the SDKs.
    async fn bury(&self, body: &Value) {
        let environment = self.sandbox.environment("scheduler").unwrap();
        let queue = environment["LEAD_QUEUE_URL"].replace("LeadQueue", "DeadLetterQueue");
        let signature =
            "AWS4-HMAC-SHA256 Credential=a/20261123/us-east-1/b/aws4_request, SignedHeaders=host, Signature=c";
        let request = Request::post(&environment["AWS_ENDPOINT_URL"])
            .header("x-amz-target", "AmazonSQS.SendMessage")
            .header("x-amz-date", "20261123T000000Z")
            .header("authorization", signature)
            .header("content-type", "application/x-amz-json-1.0");
        let input = json!({ "QueueUrl": queue, "MessageBody": body.to_string() });
        let answer = Https::new(1.0).unwrap().send(request.body(input.to_string().into()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    fn told(&self, message: &str) -> Vec<Value> {
        let lines = self.sandbox.log_lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        lines.filter(|line| line["message"] == message).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedule_finds_a_lead_whose_webhook_never_came() {
    // Once in 15 minutes becomes once in three seconds.
    let world = World::empty(|options| options.schedule_scale = 300.0).await;
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    world.until("the lead is found", async |world| !world.transaction("repair", &lead).await.is_null()).await;
    assert_eq!(world.done("repair", &lead).await["source"], "reconcile");
    let told = world.told("metrics").iter().filter_map(|line| line["LeadsFoundByReconcile"].as_i64()).sum::<i64>();
    assert_eq!((told, world.orders_of("repair", &lead).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_told_once_of_a_key_that_is_refused() {
    let world = World::with_bundle().await;
    world.remonline.revoke_key(DEMO_API_KEY);
    world.run("check").await;
    world.run("wake").await;
    world.run("wake").await;
    let told = world.sandbox.published();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].topic.ends_with(":AlarmTopic"), "{told:?}");
    assert!(told[0].message.contains(&format!("{}/connections/shop", world.sandbox.url)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_breaks_off_is_read_again() {
    let world = World::with_bundle().await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    world.meta.update_settings(|settings| settings.empty_first_page = true);
    // The forms and the leads each begin with an empty page.
    let path = format!("/v26.0/{FORM}/leads");
    world.meta.inject(Fault::once(Effect::status(500)).on("GET", &path).after(1));
    world.run("reconcile").await;
    assert!(world.transaction("repair", &lead).await.is_null());
    world.run("reconcile").await;
    assert_eq!(world.done("repair", &lead).await["source"], "reconcile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_from_before_the_first_start_comes_by_backfill_only() {
    let world = World::start().await;
    let yesterday = now() - SignedDuration::from_hours(24);
    let lead = world.meta.add_lead(FORM, Person::invent().lead().created(yesterday));
    world.add_bundle(&bundle("repair", FORM)).await;
    world.run("reconcile").await;
    assert!(world.transaction("repair", &lead).await.is_null());

    let since = json!({ "since": (yesterday - SignedDuration::from_hours(1)).to_string() });
    let answer = world.door.post("/api/bundles/repair/backfill", &since).await.expect(202);
    assert_eq!(answer, json!({ "queued": 1 }));
    assert_eq!(world.done("repair", &lead).await["source"], "backfill");

    let too_far = json!({ "since": (now() - SignedDuration::from_hours(91 * 24)).to_string() });
    let refused = world.door.post("/api/bundles/repair/backfill", &too_far).await;
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert_eq!(refused.expect(422)["errors"][0]["pointer"], "/since");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_goes_back_and_becomes_an_order() {
    let world = World::with_bundle().await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    world.bury(&json!({ "kind": "lead", "leadgen_id": lead, "page_id": PAGE, "form_id": FORM })).await;
    assert_eq!(world.sandbox.count(Queue::DeadLetter).waiting, 1);
    world.run("redrive").await;
    assert_eq!(world.done("repair", &lead).await["source"], "webhook");
    assert_eq!(world.sandbox.count(Queue::DeadLetter).waiting, 0);
    world.run("redrive").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_finds_a_doubled_and_a_lost_order() {
    let world = World::with_bundle().await;
    let leads = [(); 2].map(|()| world.meta.add_lead(FORM, Person::invent().lead()));
    world.announce(&leads.each_ref().map(String::as_str)).await;
    for lead in &leads {
        world.done("repair", lead).await;
    }
    let [doubled, lost] = &leads;
    let first = world.orders_of("repair", doubled).remove(0);
    let second = world.remonline.insert_order(json!({
        "branch_id": 15001, "order_type_id": 21001, "client_id": first["client"]["id"],
        "manager_notes": marker("repair", doubled),
    }));
    let gone = id_of(&world.orders_of("repair", lost)[0]);
    world.remonline.delete_order(gone);

    world.run("audit").await;

    let told = |message| {
        let lines = world.told(message);
        assert_eq!(lines.len(), 1, "{message}: {lines:#?}");
        (lines[0]["level"].clone(), lines[0]["leadgen_id"].clone(), lines[0]["orders"].clone())
    };
    let ids = |ids: &[i64]| Value::from(format!("{ids:?}"));
    assert_eq!(
        told("a lead has more than one order"),
        ("ERROR".into(), doubled.as_str().into(), ids(&[id_of(&first), second]))
    );
    assert_eq!(told("the order of a lead is gone"), ("ERROR".into(), lost.as_str().into(), ids(&[gone])));
    let metrics = world.told("metrics");
    assert!(metrics.iter().any(|line| line["OrdersDoubled"] == 1 && line["OrdersLost"] == 1), "{metrics:#?}");
    assert_eq!(world.orders_of("repair", lost).len(), 0, "nothing is made again");
}
