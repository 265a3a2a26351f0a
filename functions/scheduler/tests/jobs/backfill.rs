use std::time::Duration;

use domain::LeadSource;
use pretty_assertions::assert_eq;
use scheduler::Job;
use simulators::meta::DEMO_PAGE;
use store::Backfill;

use crate::world::{FORM, World, counted, days, minutes, slug};

/// What the console could not finish within its call.
#[tokio::test(start_paused = true)]
async fn a_backfill_is_finished_by_the_next_rounds() {
    let world = World::new(Duration::from_secs(1)).await;
    world.bundle("repair", FORM, None).await;
    let leads = (0..3000).map(|n| world.lead_created(FORM, world.now() - minutes(20 * n))).collect::<Vec<_>>();
    let since = world.now() - days(20);
    let asked = Backfill::new(slug("repair"), FORM.parse().unwrap(), since, world.now());
    world.store.begin_backfill(asked).await.unwrap();

    let mut rounds = 0;
    while !world.store.backfills().await.unwrap().is_empty() {
        rounds += 1;
        assert!(rounds < 20, "it never ends");
        let outcome = world.run_within(Job::Reconcile, Duration::from_secs(40)).await;
        assert_eq!(counted(&outcome, "LeadsFoundByReconcile"), 0);
    }

    assert!(rounds > 1, "it did not fit into one round");
    let wanted = 20 * 24 * 3 + 1;
    let brought = world.transaction("repair", &leads[wanted - 1]).await.unwrap();
    assert_eq!(brought.source, LeadSource::Backfill);
    assert!(!world.knows("repair", &leads[wanted]).await);
    assert_eq!(world.store.watermarks(&DEMO_PAGE.parse().unwrap()).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_backfill_of_a_deleted_bundle_is_forgotten() {
    let world = World::new(Duration::ZERO).await;
    let asked = Backfill::new(slug("gone"), FORM.parse().unwrap(), world.now() - days(1), world.now());
    world.store.begin_backfill(asked).await.unwrap();

    world.run(Job::Reconcile).await;

    assert_eq!(world.store.backfills().await.unwrap(), []);
}
