//! People who want to be forgotten, and leads of theirs that come again.

use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use simulators::{Effect, Fault};

use crate::person::Person;
use crate::transaction::assert_holds;
use crate::world::{FORM, World};

/// Shorter than the product's patience with RemOnline, long enough to be asked in.
const HELD_UP: Duration = Duration::from_millis(500);

impl World {
    async fn erase(&self, whom: &Value) -> Value {
        self.door.post("/api/erase", whom).await.expect(200)
    }

    /// However the lead is announced, it stays erased and nothing is written.
    async fn assert_stays_erased(&self, lead: &str) {
        let (clients, orders) = (self.new_clients().len(), self.remonline.orders().len());
        self.announce(&[lead]).await;
        let other = self.submit(FORM, Person::invent().lead()).await;
        self.done("repair", &other).await;
        assert_eq!(self.transaction("repair", lead).await["state"], "erased");
        assert_eq!((self.new_clients().len(), self.remonline.orders().len()), (clients + 1, orders + 1));
        self.door.post(&format!("/api/transactions/repair/{lead}/retry"), &json!({})).await.expect(409);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_forgotten_and_a_replay_does_not_bring_the_lead_back() {
    let world = World::with_bundle().await;
    let person = Person::invent();
    let lead = world.submit(FORM, person.lead()).await;
    let done = world.done("repair", &lead).await;
    let expected = json!({
        "erased": [{ "bundle_id": "repair", "leadgen_id": lead }], "pending": [],
        "remonline": { "client_ids": [done["client_id"]], "order_ids": [done["order_id"]] },
    });
    assert_eq!(world.erase(&json!({ "phone": person.phone })).await, expected);
    let revealed = world.door.get(&format!("/api/transactions/repair/{lead}?reveal=true")).await.expect(200);
    assert_holds(&revealed, &json!({ "state": "erased", "contact": { "name": "", "phone": "", "email": "" } }));
    assert!(!revealed.to_string().contains(&person.email), "{revealed:#}");
    assert_eq!(world.transactions(&format!("&email={}", person.email)).await, Vec::<Value>::new());
    world.assert_stays_erased(&lead).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_lead_is_erased_when_its_step_ends() {
    let world = World::with_quick_schedules().await;
    world.remonline.inject(Fault::once(Effect::Delay(HELD_UP)).exactly("POST", "/v2/orders"));
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.until("its order is sent", async |world| world.requests("POST", "/v2/orders") > 0).await;
    // Nobody ends the step until the lease is over.
    assert!(world.kill_processors().await > 0);
    let told = world.erase(&json!({ "leadgen_id": lead })).await;
    assert_eq!(told["pending"], json!([{ "bundle_id": "repair", "leadgen_id": lead }]));
    world.until("it is erased", async |world| world.transaction("repair", &lead).await["state"] == "erased").await;
    assert_eq!((world.orders_of("repair", &lead).len(), world.requests("POST", "/v2/orders")), (1, 1));
    world.assert_stays_erased(&lead).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_erased_before_it_was_announced_is_never_recorded() {
    let world = World::with_bundle().await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    world.erase(&json!({ "leadgen_id": lead })).await;
    world.announce(&[&lead]).await;
    let other = world.submit(FORM, Person::invent().lead()).await;
    world.done("repair", &other).await;
    assert_eq!(world.transaction("repair", &lead).await, Value::Null);
    assert_eq!(world.new_clients().len(), 1);
}
