//! Keys and tokens that are refused, calls that are too many, and messages that nobody can read.

use domain::{ConnectionState, MetaId, Reason, State, Transaction};
use jiff::{SignedDuration, Timestamp};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use simulators::{
    Effect, Fault,
    meta::{DEMO_FORM, DEMO_PAGE, graph_error},
    remonline::DEMO_API_KEY,
};

use crate::world::{World, person, slug};

fn leads(world: &World, people: std::ops::Range<u32>) -> Vec<MetaId> {
    people.map(|number| world.lead(&person(number).answers())).collect()
}

async fn transactions(world: &World, leads: &[MetaId]) -> Vec<Transaction> {
    let mut transactions = Vec::new();
    for lead in leads {
        transactions.push(world.transaction(lead).await);
    }
    transactions
}

async fn assert_closed(world: &World, id: &str, reason: Reason, leads: &[MetaId]) {
    let connection = world.store.connection(&slug(id)).await.unwrap().unwrap();
    assert_eq!(connection.state, ConnectionState::KeyRejected);
    for parked in transactions(world, leads).await {
        assert_eq!((parked.state, parked.reason, parked.tries), (State::Parked, Some(reason), 0), "{parked:#?}");
        assert_eq!(parked.blocked_by, Some(slug(id)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_key_closes_its_connection_with_one_call() {
    let mut world = World::new(|_| {}).await;
    let leads = leads(&world, 0..120);
    world.remonline.revoke_key(DEMO_API_KEY);

    world.announce(&leads).await;

    assert_closed(&world, "shop", Reason::KeyRejected, &leads).await;
    assert_eq!(world.remonline.requests().len(), 1);
}

#[rstest]
#[case::for_leads(false)]
#[case::for_forms_only(true)]
#[tokio::test(start_paused = true)]
async fn a_rejected_token_closes_its_connection_within_three_calls(#[case] forms_only: bool) {
    let mut world = World::new(|_| {}).await;
    let leads = leads(&world, 0..120);
    if forms_only {
        world.meta.inject(Fault::always(graph_error(190, None)).on("GET", &format!("/v26.0/{DEMO_FORM}")));
    } else {
        world.meta.revoke_token(DEMO_PAGE, 460);
    }
    let calls = |world: &World| world.meta.count("GET", "/") + world.meta.count("POST", "/");
    let before = calls(&world);

    world.announce(&leads).await;

    assert_closed(&world, "fb", Reason::GraphToken, &leads).await;
    let calls = calls(&world) - before;
    assert!(calls <= 3, "{calls} calls with a dead token");
    assert!(world.remonline.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_form_is_asked_for_once() {
    let mut world = World::new(|_| {}).await;
    let leads = leads(&world, 0..40);
    let form = format!("/v26.0/{DEMO_FORM}");
    world.meta.inject(Fault::always(graph_error(80_005, None)).on("GET", &form));

    world.announce(&leads).await;

    assert_eq!(world.meta.count("GET", &form), 1, "each call prolongs the block");
    for waiting in transactions(&world, &leads).await {
        assert_eq!((waiting.state, waiting.reason), (State::Waiting, Some(Reason::Throttled)));
    }
}

/// The pause that RemOnline asks for holds for what was reserved before, and for other processes.
#[tokio::test(start_paused = true)]
async fn nobody_calls_before_retry_after_is_over() {
    let mut world = World::new(|_| {}).await;
    let leads = leads(&world, 0..4);
    world.remonline.inject(Fault::once(Effect::RetryAfter(20)).on("GET", "/v2/contacts/people"));

    world.announce(&leads).await;
    world.pass(5).await;

    let requests = world.remonline.requests();
    let pause = requests[1].arrived_at.duration_since(requests[0].arrived_at);
    assert!(pause >= SignedDuration::from_secs(20), "{pause}");
    assert!(transactions(&world, &leads).await.iter().all(|transaction| transaction.state == State::Done));
    let console = world.store.pace(&world.account()).await.unwrap();
    assert_eq!((console.throttled, world.remonline.count("POST", "/v2/orders")), (0, 4));
}

/// Refusals that name no time make everybody wait longer each time, until a call passes.
#[tokio::test(start_paused = true)]
async fn waits_grow_while_refusals_go_on() {
    let mut world = World::new(|_| {}).await;
    let leads = leads(&world, 0..1);
    world.remonline.inject(Fault::times(5, Effect::status(429)));

    world.announce(&leads).await;
    world.pass(60).await;

    let requests = world.remonline.requests();
    let gaps = requests.windows(2).map(|pair| pair[1].arrived_at.duration_since(pair[0].arrived_at));
    let gaps = gaps.take(5).collect::<Vec<_>>();
    let least = [2, 4, 8, 16, 32].map(SignedDuration::from_secs);
    assert!(gaps.iter().zip(least).all(|(gap, least)| *gap >= least), "{gaps:?}");
    assert_eq!(transactions(&world, &leads).await[0].state, State::Done);
    assert_eq!(world.store.pace(&world.account()).await.unwrap().throttled, 0, "the next refusal is the first again");
}

/// The answers of a lead as Meta would show it if it kept it for longer.
fn shown(id: &MetaId, created: Timestamp) -> Effect {
    let lead = json!({
        "id": id, "created_time": created.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(), "form_id": DEMO_FORM,
        "is_organic": true, "platform": "fb", "field_data": [
            { "name": "full_name", "values": ["Олена Коваль"] }, { "name": "phone_number", "values": ["+380502220000"] },
        ],
    });
    Effect::Status { code: 200, body: Some(lead.to_string()) }
}

#[rstest]
#[case::stale(91, State::Skipped, Some(Reason::Stale))]
#[case::old(89, State::Done, None)]
#[tokio::test(start_paused = true)]
async fn a_lead_older_than_meta_keeps_leads_is_left_out(
    #[case] days: i64,
    #[case] state: State,
    #[case] reason: Option<Reason>,
) {
    let mut world = World::new(|_| {}).await;
    let created = world.now() - SignedDuration::from_hours(24 * days);
    let lead = world.lead(&person(0).answers());
    world.meta.inject(Fault::once(shown(&lead, created)).on("GET", &format!("/v26.0/{lead}")));

    world.announce([&lead]).await;

    let transaction = world.transaction(&lead).await;
    assert_eq!((transaction.state, transaction.reason), (state, reason), "{transaction:#?}");
    assert_eq!(transaction.created_at, Some(created));
    assert_eq!(world.store.answers(&transaction.id).await.unwrap().is_some(), state == State::Done);
}

#[rstest]
#[case("")]
#[case("{")]
#[case(r#"{"kind":"nonsense"}"#)]
#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_can_read_goes_to_quarantine_and_holds_nobody_up(#[case] body: &str) {
    let mut world = World::new(|_| {}).await;
    let leads = leads(&world, 0..1);

    let handled = world.announce_beside(body, &leads).await;

    assert_eq!(handled.unreadable.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), [body]);
    assert!(handled.failed.is_empty());
    assert_eq!(transactions(&world, &leads).await[0].state, State::Done);
}
