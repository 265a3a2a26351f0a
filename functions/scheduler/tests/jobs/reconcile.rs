use std::time::Duration;

use domain::{ConnectionState, LeadSource, Reason, State};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use rstest::rstest;
use scheduler::Job;
use simulators::{
    Effect, Fault,
    meta::{DEMO_PAGE, Form, Question, Scope, graph_error},
};

use crate::world::{FORM, World, counted, days, minutes};

const FOUND: &str = "LeadsFoundByReconcile";

/// Meta answers at once.
const AT_ONCE: Duration = Duration::ZERO;

fn form(name: &str) -> Form {
    Form::new(name, [Question::new("FULL_NAME", "full_name", "Name")])
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_was_never_announced_is_found() {
    let world = World::new(AT_ONCE).await;
    world.bundle("repair", FORM, Some(days(1))).await;
    let lead = world.lead(FORM);

    let outcome = world.run(Job::Reconcile).await;

    let found = world.transaction("repair", &lead).await.unwrap();
    assert_eq!((found.state, found.source), (State::Received, LeadSource::Reconcile));
    assert_eq!(outcome.accounts.iter().map(domain::AccountId::as_str).collect::<Vec<_>>(), ["account"]);
    assert_eq!(counted(&outcome, FOUND), 1);
    let again = world.run(Job::Reconcile).await;
    assert_eq!((again.accounts.len(), counted(&again, FOUND)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn every_taker_gets_the_leads_since_its_own_first_start() {
    let world = World::new(AT_ONCE).await;
    let other = world.meta.add_form(DEMO_PAGE, form("Other"));
    world.bundle("old", FORM, Some(days(10))).await;
    world.bundle("new", FORM, Some(days(1))).await;
    world.bundle("any", "*", Some(days(10))).await;
    world.bundle("never", FORM, None).await;
    let lead = world.lead_created(FORM, world.now() - days(5));
    let of_other = world.lead_created(&other, world.now() - days(5));
    world.meta.set_form_status(&other, "ARCHIVED");

    world.run(Job::Reconcile).await;

    for (bundle, taken, other_taken) in
        [("old", true, false), ("new", false, false), ("any", false, true), ("never", false, false)]
    {
        assert_eq!((world.knows(bundle, &lead).await, world.knows(bundle, &of_other).await), (taken, other_taken));
    }
}

#[tokio::test(start_paused = true)]
async fn leads_of_a_bundle_that_was_stopped_wait() {
    let world = World::new(AT_ONCE).await;
    let bundle = world.bundle("repair", FORM, Some(days(1))).await;
    let stopped = domain::Bundle { state: domain::BundleState::Stopped, ..bundle };
    world.store.save_bundle(&stopped, 1).await.unwrap();
    let lead = world.lead(FORM);

    let outcome = world.run(Job::Reconcile).await;

    let found = world.transaction("repair", &lead).await.unwrap();
    assert_eq!((found.state, found.reason), (State::Waiting, Some(Reason::BundleStopped)));
    assert!(outcome.accounts.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_form_whose_count_stays_is_read_every_six_hours() {
    let world = World::new(AT_ONCE).await;
    world.bundle("repair", FORM, Some(days(1))).await;
    world.lead(FORM);
    world.run(Job::Reconcile).await;
    assert_eq!(world.lists_read(FORM), 1);

    for (wait, lists) in [(minutes(15), 1), (minutes(15), 1), (minutes(6 * 60), 2)] {
        world.pass(wait).await;
        world.run(Job::Reconcile).await;
        assert_eq!(world.lists_read(FORM), lists);
    }
    world.pass(minutes(15)).await;
    let lead = world.lead(FORM);
    world.run(Job::Reconcile).await;
    assert!(world.knows("repair", &lead).await);
}

/// Meta shows it late, with the time at which it was sent.
#[rstest]
#[case::a_little(minutes(60), true, true)]
#[case::by_two_days(days(2), false, true)]
#[case::by_longer(days(3), false, false)]
#[tokio::test(start_paused = true)]
async fn what_meta_lists_late_comes_at_once_or_soon_or_with_the_weekly_pass(
    #[case] late: SignedDuration,
    #[case] at_once: bool,
    #[case] soon: bool,
) {
    let world = World::new(AT_ONCE).await;
    world.bundle("repair", FORM, Some(days(30))).await;
    world.run(Job::Reconcile).await;
    let lead = world.lead_created(FORM, world.now() - late);
    world.pass(minutes(15)).await;

    world.run(Job::Reconcile).await;
    assert_eq!(world.knows("repair", &lead).await, at_once);

    world.pass(minutes(6 * 60)).await;
    world.run(Job::Reconcile).await;
    assert_eq!(world.knows("repair", &lead).await, soon);

    world.pass(days(7)).await;
    world.run(Job::Reconcile).await;
    assert!(world.knows("repair", &lead).await);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_fails_half_way_moves_no_watermark() {
    let world = World::new(AT_ONCE).await;
    world.bundle("repair", FORM, Some(days(30))).await;
    let leads = (0..250).map(|n| world.lead_created(FORM, world.now() - minutes(n))).collect::<Vec<_>>();
    let second_page = Fault::once(Effect::status(500)).on("GET", &format!("/v26.0/{FORM}/leads")).after(1);
    world.meta.inject(second_page);

    let first = world.run(Job::Reconcile).await;
    let watermark = world.store.watermarks(&DEMO_PAGE.parse().unwrap()).await.unwrap().remove(0);
    assert_eq!((watermark.read_at, counted(&first, FOUND)), (None, 100), "what was read is kept");

    world.pass(minutes(15)).await;
    let second = world.run(Job::Reconcile).await;
    assert_eq!(counted(&second, FOUND), 150);
    for lead in &leads {
        assert!(world.knows("repair", lead).await);
    }
    let watermark = world.store.watermarks(&DEMO_PAGE.parse().unwrap()).await.unwrap().remove(0);
    assert!(watermark.read_at.is_some() && watermark.pass.is_none(), "{watermark:?}");
}

/// Twelve pages of two seconds each, and a round that has sixteen seconds.
#[tokio::test(start_paused = true)]
async fn a_large_form_is_read_in_several_rounds_and_holds_up_no_other() {
    let world = World::new(Duration::from_secs(1)).await;
    let small = world.meta.add_form(DEMO_PAGE, form("Small"));
    world.bundle("repair", FORM, Some(days(89))).await;
    world.bundle("other", &small, Some(days(89))).await;
    let leads = (0..1200).map(|n| world.lead_created(FORM, world.now() - minutes(100 * n))).collect::<Vec<_>>();
    let of_small = world.lead(&small);

    let (mut rounds, mut found) = (0, 0);
    while found < 1201 {
        let round = world.run_within(Job::Reconcile, Duration::from_secs(33)).await;
        found += counted(&round, FOUND);
        assert_eq!(counted(&round, "ReconcileRounds"), 1, "it gets on");
        rounds += 1;
        assert!(rounds < 20, "only {found} were found");
        assert!(rounds < 2 || world.knows("other", &of_small).await, "the large form gives way in the second round");
        world.pass(minutes(15)).await;
    }

    assert!(rounds > 2, "it did not fit into two rounds");
    for lead in &leads {
        assert!(world.knows("repair", lead).await);
    }
    while world.store.watermarks(&DEMO_PAGE.parse().unwrap()).await.unwrap().iter().any(|form| form.pass.is_some()) {
        rounds += 1;
        assert!(rounds < 20, "the pass does not end");
        world.run_within(Job::Reconcile, Duration::from_secs(33)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_does_not_stop_the_others() {
    let world = World::new(AT_ONCE).await;
    let token = world.meta.add_page("110000000000002", "Second");
    let second_form = world.meta.add_form("110000000000002", form("Second"));
    world.connect_page("fb-2", "110000000000002", &token).await;
    world.bundle("repair", FORM, Some(days(1))).await;
    world.bundle_of("fb-2", "110000000000002", "second", &second_form, Some(days(1))).await;
    let (lead, second) = (world.lead(FORM), world.lead(&second_form));
    world.meta.inject_for(Scope::Page(DEMO_PAGE.to_owned()), Fault::once(Effect::status(502)));

    let round = world.run(Job::Reconcile).await;
    assert_eq!((world.knows("repair", &lead).await, world.knows("second", &second).await), (false, true));
    assert_eq!(world.connection_state("fb").await, ConnectionState::Active);
    assert_eq!(counted(&round, "ReconcileRounds"), 0, "a page that stays silent must not go unnoticed");

    let round = world.run(Job::Reconcile).await;
    assert!(world.knows("repair", &lead).await);
    assert_eq!(counted(&round, "ReconcileRounds"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_closes_the_connection_and_is_not_used_again() {
    let world = World::new(AT_ONCE).await;
    let other = world.meta.add_form(DEMO_PAGE, form("Other"));
    world.bundle("repair", FORM, Some(days(1))).await;
    world.bundle("other", &other, Some(days(1))).await;
    world.lead(FORM);
    world.lead(&other);
    let rejected = Fault::always(graph_error(190, Some(460))).on("GET", &format!("/v26.0/{FORM}/leads"));
    let rejected_too = Fault::always(graph_error(190, Some(460))).on("GET", &format!("/v26.0/{other}/leads"));
    world.meta.inject(rejected);
    world.meta.inject(rejected_too);

    let round = world.run(Job::Reconcile).await;
    assert_eq!(world.connection_state("fb").await, ConnectionState::KeyRejected);
    assert_eq!(counted(&round, "ReconcileRounds"), 1, "what is closed is told for itself");
    let calls = world.meta.requests().len();
    assert_eq!(calls, 2, "the forms, and the first of them");

    world.pass(minutes(15)).await;
    world.run(Job::Reconcile).await;
    assert_eq!(world.meta.requests().len(), calls);
}

#[tokio::test(start_paused = true)]
async fn unrouted_leads_are_picked_up_by_the_bundle_that_takes_their_form_now() {
    let world = World::new(AT_ONCE).await;
    let bundle = world.bundle("repair", "700000000009999", Some(minutes(30))).await;
    let (before, after) = (world.lead(FORM), world.lead(FORM));
    world.store.keep_unrouted(&world.event(&before, FORM), world.now() - minutes(40)).await.unwrap();
    world.store.keep_unrouted(&world.event(&after, FORM), world.now() - minutes(20)).await.unwrap();
    let mut moved = bundle.clone();
    moved.version = 2;
    moved.document.source.form_id = FORM.to_owned();
    world.store.save_bundle(&moved, 1).await.unwrap();
    // What Meta lists does not matter here.
    world.meta.inject(Fault::always(Effect::status(503)));

    let outcome = world.run(Job::Reconcile).await;

    let taken = world.transaction("repair", &after).await.unwrap();
    assert_eq!((taken.source, counted(&outcome, FOUND), outcome.accounts.len()), (LeadSource::Reconcile, 0, 1));
    assert!(!world.knows("repair", &before).await);
    let left = world.store.unrouted_of_page(&DEMO_PAGE.parse().unwrap()).await.unwrap();
    assert_eq!(left.into_iter().map(|unrouted| unrouted.event.leadgen_id).collect::<Vec<_>>(), [before]);
}

#[tokio::test(start_paused = true)]
async fn a_lead_whose_data_was_erased_does_not_come_back() {
    let world = World::new(AT_ONCE).await;
    world.bundle("repair", FORM, Some(days(1))).await;
    let lead = world.lead(FORM);
    world.run(Job::Reconcile).await;
    let before = world.transaction("repair", &lead).await.unwrap();
    let mut erased = before.clone();
    erased.erase(world.now()).unwrap();
    world.store.save(store::Change::new(&before, &erased)).await.unwrap();
    world.pass(days(8)).await;

    world.run(Job::Reconcile).await;

    assert_eq!(world.transaction("repair", &lead).await.unwrap().state, State::Erased);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_polled_when_the_allowance_is_nearly_used() {
    let world = World::new(AT_ONCE).await;
    world.bundle("repair", FORM, Some(days(1))).await;
    world.lead(FORM);
    world.meta.update_settings(|settings| {
        settings.usage_headers = true;
        settings.calls_per_lead = 1;
    });

    world.run(Job::Reconcile).await;

    assert_eq!(world.lists_read(FORM), 0, "the list of forms was the last call that could wait");
    let watermark = world.store.watermarks(&DEMO_PAGE.parse().unwrap()).await.unwrap().remove(0);
    assert!(watermark.pass.is_some() && watermark.read_at.is_none(), "{watermark:?}");
}
