//! What leads cost of DynamoDB, as the sandbox counts it.

use sandbox::{Queue, Units};

use crate::person::Person;
use crate::world::{FORM, World};

impl World {
    /// What `ingest` and `processor` consume while `deed` is done and all that comes of it.
    async fn costs(&self, deed: impl AsyncFnOnce(&Self)) -> Units {
        let before = self.consumed();
        deed(self).await;
        self.until("the processor rests", async |world| {
            let queue = world.sandbox.count(Queue::Lead);
            queue.waiting + queue.in_flight == 0 && world.sandbox.pids_at_work("processor").unwrap().is_empty()
        })
        .await;
        self.consumed() - before
    }

    fn consumed(&self) -> Units {
        let consumed = self.sandbox.consumed();
        let mut leads = Units::default();
        for function in ["ingest", "processor"] {
            leads += consumed.get(function).copied().unwrap_or_default();
        }
        leads
    }

    /// A lead of this person, from its webhook to its order.
    async fn order(&self, person: &Person) -> String {
        let lead = self.submit(FORM, person.lead()).await;
        self.done("repair", &lead).await;
        lead
    }
}

/// What is seen, and a little more: send times may be reserved twice on a slow machine, and a `wake` may send a second
/// holder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_costs_no_more_of_dynamodb_than_is_said() {
    let world = World::with_bundle().await;
    let person = Person::invent();
    let lead = world.order(&Person::invent()).await;

    let new = world.costs(async |world| drop(world.order(&person).await)).await;
    let known = world.costs(async |world| drop(world.order(&person).await)).await;
    let repeated = world.costs(async |world| world.announce(&[&lead]).await).await;

    println!("new {new:?}, known {known:?}, repeated {repeated:?}");
    assert!(new.write <= 54.0 + 4.0, "{new:?}");
    assert!(known.write <= 39.0 + 4.0, "{known:?}");
    assert!(repeated.write <= 0.0, "{repeated:?}");
    assert!(new.read.max(known.read) <= 19.0 + 9.0, "{new:?} {known:?}");
}
