//! How leads come in. What a stranger may try at the same door is the corpus.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use simulators::meta::{Delivery, Outcome};

use crate::person::Person;
use crate::transaction::assert_holds;
use crate::world::{FORM, PAGE, World};

impl World {
    /// The forms that sent leads no bundle takes.
    async fn unrouted(&self) -> Vec<Value> {
        let unrouted = self.door.get("/api/unrouted").await.expect(200);
        assert_eq!(unrouted["next_cursor"], Value::Null);
        unrouted["items"].as_array().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meta_itself_can_subscribe_and_deliver() {
    let world = World::with_bundle().await;
    let address = format!("{}/facebook/webhook", world.sandbox.url);
    world.meta.subscribe(&address, "sandbox-verify-token").await.unwrap();
    let person = Person::invent();
    let lead = world.meta.submit_lead(FORM, person.lead());
    assert_holds(&world.done("repair", &lead).await, &json!({ "source": "webhook", "order_outcome": "created" }));
    let [Delivery { outcome: Outcome::Answered(200), .. }] = &world.meta.deliveries()[..] else {
        panic!("one delivery: {:#?}", world.meta.deliveries())
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_no_bundle_takes_is_shown() {
    let world = World::with_bundle().await;
    let form = world.add_form("Trade-in");
    let leads = [(); 2].map(|()| world.meta.add_lead(&form, Person::invent().lead()));
    world.announce(&[&leads[0], &leads[1]]).await;
    let counted = async |world: &World| world.unrouted().await.first().is_some_and(|form| form["count"] == 2);
    world.until("both are counted", counted).await;
    let [unrouted] = &world.unrouted().await[..] else { panic!("one form") };
    assert_holds(unrouted, &json!({ "page_id": PAGE, "form_id": form, "count": 2 }));
    assert!(unrouted["first_at"].is_string() && unrouted["last_at"].is_string(), "{unrouted:#}");
    assert_eq!(world.transactions("").await.len(), 0);
    assert_eq!(world.new_clients().len(), 0);
}
