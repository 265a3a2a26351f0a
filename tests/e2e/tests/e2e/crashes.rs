//! Functions that are killed in the middle of their work.

use std::time::Duration;

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use simulators::{Effect, Fault};
use tokio::time::Instant;

use crate::person::Person;
use crate::transaction::assert_holds;
use crate::world::{FORM, SHORT_WAITS, World};

/// Shorter than the product's patience with RemOnline, long enough to be killed in.
const HELD_UP: Duration = Duration::from_millis(500);

/// After this a message that was received and not deleted comes back to the queue.
const VISIBILITY: Duration = Duration::from_secs(360);

impl World {
    pub(crate) async fn kill_processors(&self) -> usize {
        let pids = self.sandbox.pids("processor").unwrap();
        let killed = futures::future::join_all(pids.iter().map(|pid| self.sandbox.kill(*pid))).await;
        killed.into_iter().filter(|&killed| killed).count()
    }
}

#[rstest]
#[case::looking("GET", "/v2/contacts/people")]
#[case::creating_the_client("POST", "/v2/contacts/people")]
#[case::creating_the_order("POST", "/v2/orders")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schedule_takes_up_a_lead_whose_processor_was_killed(#[case] method: &str, #[case] path: &str) {
    let world = World::with_quick_schedules().await;
    let before = world.requests(method, path);
    world.remonline.inject(Fault::once(Effect::Delay(HELD_UP)).exactly(method, path));
    let started = Instant::now();
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.until("the request has arrived", async |world| world.requests(method, path) > before).await;
    assert!(world.kill_processors().await > 0);
    let transaction = world.done("repair", &lead).await;
    assert_holds(&transaction, &json!({ "client_outcome": "created", "order_outcome": "created" }));
    assert!(started.elapsed() < VISIBILITY.div_f64(SHORT_WAITS), "its message may have come back by itself");
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 1));
    assert_eq!((world.requests("POST", "/v2/contacts/people"), world.requests("POST", "/v2/orders")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leads_come_through_while_processors_are_killed() {
    let world = World::with_quick_schedules().await;
    let mut leads = Vec::new();
    for round in [0, 2, 3, 5] {
        let more = [(); 3].map(|()| world.meta.add_lead(FORM, Person::invent().lead()));
        world.announce(&more.each_ref().map(String::as_str)).await;
        leads.extend(more);
        let asked = world.remonline.requests().len();
        // Another place in the story each time.
        world.until("the processor goes on", async |world| world.remonline.requests().len() > asked + round).await;
        assert!(world.kill_processors().await > 0);
    }
    for lead in &leads {
        assert_holds(
            &world.done("repair", lead).await,
            &json!({ "client_outcome": "created", "order_outcome": "created" }),
        );
        assert_eq!(world.orders_of("repair", lead).len(), 1);
    }
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (leads.len(), leads.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_front_door_is_replaced() {
    let world = World::with_bundle().await;
    for function in ["ingest", "console"] {
        for pid in world.sandbox.pids(function).unwrap() {
            assert!(world.sandbox.kill(pid).await);
        }
    }
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.done("repair", &lead).await;
}
