//! RemOnline takes three requests a second.

use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use simulators::remonline::LoggedRequest;

use crate::bundle::bundle;
use crate::person::Person;
use crate::world::{FORM, World};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

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
    // The sandbox itself has tried the address once, without a key.
    let requests: Vec<_> = world.remonline.requests().into_iter().filter(|seen| seen.status != Some(401)).collect();
    assert!(requests.iter().all(|request| request.status != Some(429)), "{requests:#?}");
    let too_fast = |four: &&[LoggedRequest]| four[3].arrived_at.duration_since(four[0].arrived_at) < SECOND;
    assert_eq!(requests.windows(4).find(too_fast), None, "four requests in a second");
    assert_eq!(world.remonline.orders().len(), leads.len());
}
