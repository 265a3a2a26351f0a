//! What survives in a data directory.

use std::time::Duration;

use pretty_assertions::assert_eq;
use serde_json::Value;
use simulators::{Effect, Fault};

use crate::bundle::bundle;
use crate::person::Person;
use crate::world::{FORM, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_keys_bundles_history_and_leads_on_their_way() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::empty(|options| options.data_dir = Some(directory.path().to_owned())).await;
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    let done = world.submit(FORM, Person::invent().lead()).await;
    world.done("repair", &done).await;
    let seen = async |world: &World| -> [Value; 3] {
        let paths = ["/api/connections", "/api/bundles", &format!("/api/transactions/repair/{done}")];
        let mut answers = [Value::Null, Value::Null, Value::Null];
        for (answer, path) in answers.iter_mut().zip(paths) {
            *answer = world.door.get(path).await.expect(200);
        }
        answers
    };
    let before = seen(&world).await;
    // Neither is got through before the end: one is held up, the others wait for it.
    world.remonline.inject(Fault::once(Effect::Delay(Duration::from_millis(500))).on("GET", "/v2/contacts"));
    let leads = [(); 3].map(|()| world.meta.add_lead(FORM, Person::invent().lead()));
    world.announce(&leads.each_ref().map(String::as_str)).await;

    let world = world.restart().await;
    assert_eq!(seen(&world).await, before);
    for lead in &leads {
        assert_eq!(world.done("repair", lead).await["order_outcome"], "created");
    }
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (4, 4));
    let later = world.submit(FORM, Person::invent().lead()).await;
    world.done("repair", &later).await;
}
