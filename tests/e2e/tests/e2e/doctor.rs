//! Connections that are looked at: by a person, and every hour.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use simulators::remonline::DEMO_API_KEY;

use crate::bundle::bundle;
use crate::person::Person;
use crate::world::{FORM, World};

impl World {
    /// What the doctor complains about: the check and its detail.
    async fn complaints(&self, connection: &str) -> Vec<(String, String)> {
        let path = format!("/api/connections/{connection}/check");
        let checkup = self.door.post(&path, &Value::Null).await.expect(200);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let wrong = checkup["checks"].as_array().unwrap().iter().filter(|check| check["ok"] == false);
        wrong.map(|check| (text(&check["name"]), text(&check["detail"]))).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drifted_form_and_a_vanished_branch_are_told_with_bundle_and_field() {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["client"]["fields"]["notes"] = json!("{{ answers['model'] }}");
    world.add_bundle(&document).await;
    world.meta.set_form_status(FORM, "ARCHIVED");
    world.remonline.update_reference(|reference| reference.locations.retain(|row| row["id"] != 15001));

    let of_page = world.complaints("page").await;
    let of_bundle: Vec<_> = of_page.iter().filter(|(_, detail)| detail.contains("repair")).collect();
    let [(form, archived), (questions, unasked)] = &of_bundle[..] else { panic!("{of_page:?}") };
    assert_eq!((form.as_str(), questions.as_str()), ("form", "questions"));
    assert!(archived.contains("ARCHIVED"), "{archived}");
    assert!(unasked.contains("/client/fields/notes") && unasked.contains("model"), "{unasked}");

    let [(references, gone)] = &world.complaints("shop").await[..] else { panic!("one thing is gone") };
    assert_eq!(references, "references");
    assert!(gone.contains("repair") && gone.contains("/order/fields/branch_id") && gone.contains("15001"), "{gone}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hourly_look_closes_and_opens_connections() {
    // An hour lasts six seconds.
    let world = World::empty(|options| options.schedule_scale = 600.0).await;
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    world.remonline.revoke_key(DEMO_API_KEY);
    let in_state = async |state: &str| {
        world.until(state, async |world| world.connection("shop").await["state"] == state).await;
    };
    in_state("key_rejected").await;
    let lead = world.submit(FORM, Person::invent().lead()).await;
    world.settled("repair", &lead, "parked", "key_rejected").await;
    world.remonline.add_key(DEMO_API_KEY);
    in_state("active").await;
    world.until("the lead is done", async |world| world.transaction("repair", &lead).await["state"] == "done").await;
    let lines = world.sandbox.log_lines();
    let told = |line: &&String| line.contains("a check failed") && line.contains("api_key");
    assert!(lines.iter().any(|line| told(&line)), "the failed check is in the log");
}
