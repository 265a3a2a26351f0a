//! RemOnline takes three requests a second.

use pretty_assertions::assert_eq;

use crate::bundle::bundle;
use crate::person::Person;
use crate::world::{FORM, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_worked_off_within_the_rate() {
    let world = World::empty(|options| {
        options.function_environment.remove("REMONLINE_MIN_INTERVAL_MS");
        options.time_scale = 2.0;
    })
    .await;
    world.remonline.update_settings(|settings| settings.rate_limited = true);
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    let leads: Vec<_> = (0..10).map(|_| world.meta.add_lead(FORM, Person::invent().lead())).collect();
    world.announce(&leads.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for lead in &leads {
        world.done("repair", lead).await;
        // The console calls the same account meanwhile.
        world.door.get("/api/connections/shop/choices/branches").await.expect(200);
    }
    let refused = world.remonline.requests().iter().filter(|request| request.status == Some(429)).count();
    assert_eq!(refused, 0);
    assert!(world.remonline.busiest_second() <= 3, "{}", world.remonline.busiest_second());
    assert_eq!(world.remonline.orders().len(), leads.len());
}
