use domain::{BundleState, ClientOutcome};
use pretty_assertions::assert_eq;
use serde_json::json;

use crate::world::{World, document};

/// One client has the phone of another one, and a search does not show it yet. The dedup index leads to it by its e-mail
/// address, and its card has the phone.
#[tokio::test(start_paused = true)]
async fn a_client_that_has_all_keys_is_found_by_the_one_that_leads_to_it() {
    let always = |bundle: &mut serde_json::Value| bundle["client"]["duplicates"] = json!({ "mode": "create_always" });
    let mut world = World::new(always).await;
    let mut by_all = document();
    by_all["client"]["duplicates"] = json!({ "match_on": ["phone", "email"], "match": "all" });
    let lead = |world: &World, email: &str| {
        world.lead(&[("full_name", "Олена Коваль"), ("phone_number", "+380501119901"), ("email", email)])
    };
    let first = lead(&world, "first@example.com");
    world.announce([&first]).await;
    world.remonline.update_settings(|settings| settings.people_search_delay_ms = 20_000);
    let second = lead(&world, "second@example.com");
    world.announce([&second]).await;
    let made = world.transaction(&second).await.client_id;

    world.bundle("all", &by_all, BundleState::Active).await;
    let third = lead(&world, "second@example.com");
    world.announce([&third]).await;

    let found = world.transaction_of("all", &third).await;
    assert_ne!(found.client_outcome, Some(ClientOutcome::Created), "{:#?}", found.steps);
    assert_eq!(found.client_id, made);
}
