//! RemOnline that does not answer for minutes, hours and weeks.

use domain::{MetaId, Reason, State};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use rstest::rstest;
use simulators::{Effect, Fault};

use crate::world::{World, olena, person};

const ORDERS: &str = "/v2/orders";

fn outage() -> Fault {
    Fault::always(Effect::status(503))
}

/// Leads of different people, announced one by one.
async fn announced(world: &mut World, people: std::ops::Range<u32>) -> Vec<MetaId> {
    let mut leads = Vec::new();
    for number in people {
        let lead = world.lead(&person(number).answers());
        world.announce([&lead]).await;
        leads.push(lead);
    }
    leads
}

async fn assert_all_done(world: &World, leads: &[MetaId]) {
    for lead in leads {
        let transaction = world.transaction(lead).await;
        assert_eq!(transaction.state, State::Done, "{:?} {:#?}", transaction.reason, transaction.steps);
        assert_eq!(world.orders_of(lead).len(), 1);
    }
    assert_eq!(world.remonline.orders().len(), leads.len());
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_end_all_calls_but_probes() {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(outage());

    let leads = announced(&mut world, 0..8).await;

    assert_eq!(world.remonline.requests().len(), 5);
    let probe_at = world.store.standing(&world.account()).await.unwrap().breaker.holds_until(world.now()).unwrap();
    assert!(probe_at - world.now() > SignedDuration::from_secs(55), "{probe_at}");
    for lead in &leads[5..] {
        let transaction = world.transaction(lead).await;
        assert_eq!((transaction.state, transaction.reason), (State::Waiting, Some(Reason::RemonlineUnavailable)));
        assert!(transaction.due_at >= Some(probe_at), "{transaction:#?}");
        assert!(world.store.answers(&transaction.id).await.unwrap().is_some(), "the answers are fetched meanwhile");
    }
}

#[tokio::test(start_paused = true)]
async fn one_probe_at_a_time_is_sent_and_ever_fewer() {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(outage());
    announced(&mut world, 0..8).await;

    world.pass(60).await;

    let times = world.remonline.requests()[4..].iter().map(|request| request.arrived_at).collect::<Vec<_>>();
    let gaps = times.windows(2).map(|pair| (pair[1] - pair[0]).as_mins()).collect::<Vec<_>>();
    assert_eq!(gaps, [1, 2, 4, 8, 15, 15]);
}

#[tokio::test(start_paused = true)]
async fn half_of_the_calls_failing_opens_the_breaker_too() {
    let mut world = World::new(|_| {}).await;
    // Every second call: the search fails, and the next lead's is answered.
    for call in 0..10 {
        world.remonline.inject(Fault::once(Effect::status(500)).on("GET", "/v2/contacts/people").after(call));
    }
    announced(&mut world, 0..20).await;

    let breaker = world.store.standing(&world.account()).await.unwrap().breaker;
    let failed = world.remonline.requests().iter().filter(|request| request.status == Some(500)).count();
    assert_eq!((breaker.is_open(), failed), (true, 10), "{breaker:?}");
}

#[rstest]
#[case::refused(Effect::status(422))]
#[case::throttled(Effect::RetryAfter(1))]
#[tokio::test(start_paused = true)]
async fn an_answer_that_refuses_is_no_outage(#[case] effect: Effect) {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(Fault::times(6, effect).on("POST", "/v2/contacts/people"));

    announced(&mut world, 0..6).await;

    let breaker = world.store.standing(&world.account()).await.unwrap().breaker;
    assert_eq!(breaker, domain::Breaker::default());
}

/// Patience grows to two hours, and nobody waits so long for a RemOnline that works.
#[tokio::test(start_paused = true)]
async fn whoever_waits_is_brought_forward_when_remonline_works_again() {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(outage());
    let mut leads = announced(&mut world, 0..8).await;
    world.pass(30 * 60).await;
    let patience = world.transaction(&leads[0]).await.due_at.unwrap() - world.now();
    assert!(patience > SignedDuration::from_mins(40), "{patience}");

    world.remonline.clear_faults();
    leads.extend(announced(&mut world, 8..9).await);
    world.pass(20).await;

    assert_all_done(&world, &leads).await;
}

/// Goal 11: eight hours without RemOnline, and then everything is done within 40 minutes.
#[tokio::test(start_paused = true)]
async fn what_came_during_eight_hours_is_done_forty_minutes_later() {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(outage());
    let mut leads = Vec::new();
    for number in 0..PER_HOUR * 8 {
        leads.extend(announced(&mut world, number..number + 1).await);
        world.pass(60 / i64::from(PER_HOUR)).await;
    }
    let calls = world.remonline.requests().len();
    assert!(calls <= 5 + 5 + 8 * 4, "{calls} calls to a RemOnline that is down");

    world.remonline.clear_faults();
    world.pass(40).await;

    assert_all_done(&world, &leads).await;
    assert!(world.remonline.busiest_second() <= 3);
}

const PER_HOUR: u32 = 6;

#[tokio::test(start_paused = true)]
async fn after_fourteen_days_a_person_is_told() {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(outage());
    let leads = announced(&mut world, 0..6).await;
    let start = world.now();

    let mut longest = SignedDuration::ZERO;
    for lead in &leads {
        let expired = world.follow(lead).await;
        assert_eq!((expired.state, expired.reason), (State::Parked, Some(Reason::Expired)), "{expired:#?}");
        longest = longest.max(expired.updated_at.duration_since(start));
    }

    assert_eq!(longest.as_hours() / 24, 14, "{longest}");
    let probes_at_most = 14 * 24 * 4 + 10;
    assert!(world.remonline.requests().len() < probes_at_most, "{}", world.remonline.requests().len());
    assert!(world.remonline.people().len() == 3 && world.remonline.orders().is_empty());
}

/// A create whose answer was lost just before RemOnline went down: the look-ups wait for it and do not count.
#[rstest]
#[case::applied(Effect::ApplyThenDrop)]
#[case::not_applied(Effect::status(503))]
#[tokio::test(start_paused = true)]
async fn an_outage_burns_no_attempt(#[case] effect: Effect) {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(Fault::once(effect).exactly("POST", ORDERS));
    let doubtful = announced(&mut world, 0..1).await;
    world.remonline.inject(outage());
    let later = announced(&mut world, 1..7).await;

    world.pass(8 * 60).await;
    let waiting = world.transaction(&doubtful[0]).await;
    let domain::Stage::OrderIntent(attempt) = &waiting.stage else { panic!("{waiting:#?}") };
    assert_eq!((attempt.number, attempt.misses), (1, 0));
    assert_eq!((waiting.state, waiting.reason), (State::Waiting, Some(Reason::RemonlineUnavailable)));

    world.remonline.clear_faults();
    world.pass(40).await;
    assert_all_done(&world, &[doubtful, later].concat()).await;
}

/// While creates fail and nothing else does, nobody's attempts are burnt faster than the protocol allows, and the
/// breaker closes by itself.
#[tokio::test(start_paused = true)]
async fn a_probe_that_creates_is_settled_like_any_other() {
    let always = |bundle: &mut serde_json::Value| {
        bundle["client"]["duplicates"] = serde_json::json!({ "mode": "create_always" });
    };
    let mut world = World::new(always).await;
    world.remonline.inject(outage());
    let leads = announced(&mut world, 0..8).await;
    assert_eq!(world.remonline.requests().len(), 5, "creates are not sent while the breaker is open");
    world.pass(120).await;

    world.remonline.clear_faults();
    world.pass(60).await;

    assert_all_done(&world, &leads).await;
    for number in 0..8 {
        assert_eq!(world.people_with(&person(number).phone).len(), 1);
    }
}

/// The holder that noticed that RemOnline works again dies while it brings the others forward.
#[tokio::test(start_paused = true)]
async fn a_death_while_others_are_brought_forward_is_made_up_for() {
    let mut world = World::new(|_| {}).await;
    world.remonline.inject(outage());
    let leads = announced(&mut world, 0..8).await;
    world.pass(30).await;
    world.remonline.clear_faults();

    for millis in [1, 400, 800, 1_200] {
        let ended = tokio::time::timeout(std::time::Duration::from_millis(millis), world.wake()).await;
        drop(ended);
        tokio::time::sleep(std::time::Duration::from_secs(80)).await;
    }
    world.pass(30).await;

    assert_all_done(&world, &leads).await;
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_needs_no_remonline_is_settled_meanwhile() {
    let filtered =
        |bundle: &mut serde_json::Value| bundle["filter"] = serde_json::json!("contact.first_name != 'Олена'");
    let mut world = World::new(filtered).await;
    world.remonline.inject(outage());
    announced(&mut world, 0..6).await;

    let lead = world.lead(&olena());
    world.announce([&lead]).await;

    assert_eq!(world.transaction(&lead).await.state, State::Skipped);
}
