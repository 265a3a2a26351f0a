use pretty_assertions::assert_eq;
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{Attempt, BundleState, StepKind, fixtures::document};

const REASONS: [Reason; 21] = [
    Reason::Throttled,
    Reason::RemonlineUnavailable,
    Reason::GraphUnavailable,
    Reason::LeadNotReady,
    Reason::OutcomeUnknown,
    Reason::BundleStopped,
    Reason::Mapping,
    Reason::Rejected,
    Reason::KeyRejected,
    Reason::Forbidden,
    Reason::GraphToken,
    Reason::LeadUnreadable,
    Reason::Expired,
    Reason::Panicked,
    Reason::Paused,
    Reason::SuspectedDouble,
    Reason::Filtered,
    Reason::TestLead,
    Reason::NoClient,
    Reason::Stale,
    Reason::Dismissed,
];

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn received() -> Transaction {
    let id = |text: &str| text.parse::<MetaId>().unwrap();
    let event = LeadgenEvent { leadgen_id: id("9"), page_id: id("1"), form_id: id("7") };
    let bundle = Bundle {
        id: "repair".parse().unwrap(),
        version: 3,
        state: BundleState::Active,
        page_id: id("1"),
        first_started_at: None,
        created_at: at(0),
        document: document(),
    };
    Transaction::received(&event, &bundle, AccountId::new("acme"), Source::Webhook, at(0))
}

fn attempt(number: u32) -> Attempt {
    Attempt { number, ..Attempt::first(at(0), at(75)) }
}

#[test]
fn a_lead_goes_from_received_to_done() {
    let mut it = received();
    assert_eq!(it.id.to_string(), "repair/9");
    assert_eq!((it.state, it.due_at, it.bundle_version), (State::Received, Some(at(0)), 3));
    it.run(Stage::Fetched, at(1)).unwrap();
    it.run(Stage::ClientIntent(attempt(1)), at(2)).unwrap();
    it.set_client(31, ClientOutcome::Created, at(3)).unwrap();
    it.run(Stage::OrderIntent(attempt(1)), at(4)).unwrap();
    assert!(it.finish(at(5)).is_err());
    it.set_order(Some(41), OrderOutcome::Created, at(5)).unwrap();
    it.finish(at(6)).unwrap();
    assert_eq!((it.state, it.reason, it.due_at), (State::Done, None, None));
    assert_eq!((it.client_id, it.order_id, it.updated_at), (Some(31), Some(41), at(6)));
}

#[rstest]
#[case(Source::Webhook, Some(at(-30)), 36)]
#[case(Source::Reconcile, Some(at(-30)), 36)]
#[case(Source::Webhook, None, 6)]
#[case(Source::Backfill, Some(at(-30)), 6)]
// Meta's clock is ahead.
#[case(Source::Webhook, Some(at(9)), 0)]
fn a_lead_took_as_long_as_its_person_waited(
    #[case] source: Source,
    #[case] created_at: Option<Timestamp>,
    #[case] seconds: i64,
) {
    let mut it = Transaction { source, created_at, ..received() };
    assert_eq!(it.took(), None);
    it.run(Stage::Fetched, at(1)).unwrap();
    it.set_client(31, ClientOutcome::Created, at(3)).unwrap();
    it.set_order(Some(41), OrderOutcome::Created, at(5)).unwrap();
    it.finish(at(6)).unwrap();
    assert_eq!(it.took(), Some(SignedDuration::from_secs(seconds)));
}

#[rstest]
#[case(State::Waiting, &[0, 1, 2, 3, 4, 5])]
#[case(State::Parked, &[6, 7, 8, 9, 10, 11, 12, 13, 14])]
#[case(State::Review, &[4, 15])]
#[case(State::Skipped, &[16, 17, 18, 19, 20])]
fn each_state_takes_its_own_reasons_only(#[case] state: State, #[case] fitting: &[usize]) {
    for (number, reason) in REASONS.iter().enumerate() {
        let mut it = received();
        let moved = match state {
            State::Waiting => it.wait(*reason, Some(at(9)), at(1)),
            State::Parked => it.park(*reason, None, at(1)),
            State::Review => it.review(*reason, at(1)),
            _ => it.skip(*reason, at(1)),
        };
        assert_eq!(moved.is_ok(), fitting.contains(&number), "{reason:?}");
        let expected = if moved.is_ok() { (state, Some(*reason)) } else { (State::Received, None) };
        assert_eq!((it.state, it.reason), expected);
    }
}

#[test]
fn a_retry_keeps_the_stage_and_forgets_the_tries() {
    let mut it = received();
    it.run(Stage::OrderIntent(attempt(2)), at(1)).unwrap();
    assert!(it.retry(at(2)).is_err());
    it.tries = 7;
    it.park(Reason::KeyRejected, Some("shop".parse().unwrap()), at(2)).unwrap();
    it.retry(at(3)).unwrap();
    assert_eq!((it.state, it.reason, it.due_at, it.tries), (State::Received, None, Some(at(3)), 0));
    assert_eq!((it.stage, it.blocked_by), (Stage::OrderIntent(attempt(2)), None));
}

#[test]
fn what_is_worked_on_keeps_its_place_among_what_is_due() {
    let mut it = received();
    it.run(Stage::Fetched, at(5)).unwrap();
    assert_eq!(it.due_at, Some(at(0)));
    it.wait(Reason::RemonlineUnavailable, Some(at(90)), at(6)).unwrap();
    it.run(Stage::Fetched, at(95)).unwrap();
    assert_eq!(it.due_at, Some(at(90)));
    it.wait(Reason::RemonlineUnavailable, Some(at(200)), at(96)).unwrap();
    it.run(Stage::Fetched, at(100)).unwrap();
    assert_eq!(it.due_at, Some(at(100)), "ahead of its time it is due now");
}

#[rstest]
#[case(Stage::ClientSet, true)]
#[case(Stage::ClientIntent(attempt(1)), false)]
#[case(Stage::OrderIntent(attempt(1)), false)]
#[case(Stage::OrderSet, false)]
fn a_client_is_lost_only_while_no_order_is_intended(#[case] stage: Stage, #[case] allowed: bool) {
    let mut it = received();
    it.run(Stage::Fetched, at(1)).unwrap();
    it.set_client(31, ClientOutcome::Found, at(2)).unwrap();
    it.stage = stage;
    let before = it.clone();
    assert_eq!(it.lose_client(at(3)).is_ok(), allowed);
    let lost = (Stage::Fetched, None, Some(at(0)));
    if allowed { assert_eq!((it.stage, it.client_id, it.due_at), lost) } else { assert_eq!(it, before) }
}

#[test]
fn an_erased_lead_holds_nobody_and_never_comes_back() {
    let mut it = received();
    it.run(Stage::Fetched, at(1)).unwrap();
    assert!(it.erase(at(2)).is_err());
    it.park(Reason::Rejected, None, at(2)).unwrap();
    it.contact.name = "O. K.".to_owned();
    it.phone_hash = Some("hash".to_owned());
    it.person_hashes = BTreeSet::from(["hash".to_owned()]);
    it.erase(at(3)).unwrap();
    it.erase(at(4)).unwrap();
    assert_eq!((it.state, it.due_at, it.phone_hash.as_ref()), (State::Erased, None, None));
    assert_eq!((it.contact.clone(), it.person_hashes.len()), (MaskedContact::default(), 0));
    assert!(it.retry(at(5)).is_err());
}

fn in_review(stage: Stage) -> Transaction {
    let mut it = received();
    if stage.rank() > Stage::ClientSet.rank() {
        it.set_client(31, ClientOutcome::Created, at(1)).unwrap();
    }
    it.run(stage, at(2)).unwrap();
    it.tries = 7;
    it.review(Reason::OutcomeUnknown, at(3)).unwrap();
    it
}

#[test]
fn a_linked_client_is_settled_and_the_order_comes_next() {
    let mut it = in_review(Stage::ClientIntent(attempt(3)));
    it.link_client(32, at(4)).unwrap();
    assert_eq!((it.state, it.reason, it.due_at, it.tries), (State::Received, None, Some(at(4)), 0));
    assert_eq!((it.stage.clone(), it.client_id), (Stage::ClientSet, Some(32)));
    assert_eq!(it.client_outcome, Some(ClientOutcome::Found));
    assert!(in_review(Stage::OrderIntent(attempt(3))).link_client(31, at(4)).is_err(), "its order is not settled");
}

#[test]
fn a_linked_order_ends_the_lead() {
    let mut it = in_review(Stage::ClientIntent(attempt(3)));
    it.link_order(32, 41, at(4)).unwrap();
    assert_eq!((it.state, it.client_id, it.order_id), (State::Done, Some(32), Some(41)));
    assert_eq!((it.client_outcome, it.order_outcome), (Some(ClientOutcome::Found), Some(OrderOutcome::Found)));

    let mut it = in_review(Stage::OrderIntent(attempt(3)));
    assert!(it.clone().link_order(32, 41, at(4)).is_err(), "I7: the client is recorded");
    it.link_order(31, 41, at(4)).unwrap();
    assert_eq!((it.client_outcome, it.stage), (Some(ClientOutcome::Created), Stage::OrderSet));
}

#[test]
fn a_new_series_begins_at_a_persons_word() {
    for intent in [Stage::ClientIntent, Stage::OrderIntent] {
        let mut it = in_review(intent(attempt(3)));
        it.create_again(at(90)).unwrap();
        assert_eq!((it.state, it.due_at), (State::Received, Some(at(90))));
        assert_eq!(it.stage, intent(attempt(3).cleared(at(90))));
        it.run(intent(attempt(1)), at(91)).unwrap();
    }
}

#[test]
fn only_a_lead_in_review_is_decided_on() {
    let mut parked = received();
    parked.park(Reason::Rejected, None, at(1)).unwrap();
    let mut dismissed = in_review(Stage::ClientIntent(attempt(3)));
    dismissed.dismiss(at(4)).unwrap();
    assert_eq!((dismissed.state, dismissed.reason), (State::Skipped, Some(Reason::Dismissed)));
    for mut it in [received(), parked, dismissed] {
        let before = it.clone();
        assert!(it.link_client(31, at(5)).is_err() && it.link_order(31, 41, at(5)).is_err());
        assert!(it.create_again(at(5)).is_err() && it.dismiss(at(5)).is_err());
        assert_eq!(it, before);
    }
}

#[test]
fn old_steps_make_room() {
    let mut it = received();
    for status in 0..100 {
        let step = Step {
            at: at(i64::from(status)),
            step: StepKind::FindOrder,
            outcome: "not_found".to_owned(),
            status: Some(status),
            code: None,
            detail: None,
            request: None,
            duration_ms: None,
        };
        it.add_step(step);
    }
    assert_eq!(it.steps.len(), Transaction::MAX_STEPS);
    assert_eq!((it.steps[0].status, it.steps[59].status), (Some(40), Some(99)));
}

/// Something that may be asked of a transaction.
#[derive(Debug, Clone)]
enum Event {
    Run(Stage),
    Wait(Reason),
    Park(Reason),
    Review(Reason),
    Skip(Reason),
    SetClient,
    SetOrder,
    LoseClient,
    Finish,
    Retry,
    Erase,
    LinkClient(i64),
    LinkOrder(i64, i64),
    CreateAgain,
    Dismiss,
}

fn any_event() -> impl Strategy<Value = Event> {
    let number = 1..5_u32;
    let stage = prop_oneof![
        Just(Stage::Received),
        Just(Stage::Fetched),
        number.clone().prop_map(|number| Stage::ClientIntent(attempt(number))),
        Just(Stage::ClientSet),
        number.prop_map(|number| Stage::OrderIntent(attempt(number))),
        Just(Stage::OrderSet),
    ];
    let reason = || proptest::sample::select(REASONS.to_vec());
    prop_oneof![
        4 => stage.prop_map(Event::Run),
        2 => reason().prop_map(Event::Wait),
        2 => reason().prop_map(Event::Park),
        1 => reason().prop_map(Event::Review),
        1 => reason().prop_map(Event::Skip),
        1 => Just(Event::SetClient),
        1 => Just(Event::SetOrder),
        1 => Just(Event::LoseClient),
        1 => Just(Event::Finish),
        2 => Just(Event::Retry),
        1 => Just(Event::Erase),
        1 => (30..33_i64).prop_map(Event::LinkClient),
        1 => (30..33_i64, 40..43_i64).prop_map(|(client, order)| Event::LinkOrder(client, order)),
        1 => Just(Event::CreateAgain),
        1 => Just(Event::Dismiss),
    ]
}

fn apply(it: &mut Transaction, event: &Event, now: Timestamp) -> Result<(), IllegalTransition> {
    match event {
        Event::Run(stage) => it.run(stage.clone(), now),
        Event::Wait(reason) => it.wait(*reason, Some(now), now),
        Event::Park(reason) => it.park(*reason, None, now),
        Event::Review(reason) => it.review(*reason, now),
        Event::Skip(reason) => it.skip(*reason, now),
        Event::SetClient => it.set_client(31, ClientOutcome::Found, now),
        Event::SetOrder => it.set_order(Some(41), OrderOutcome::Found, now),
        Event::LoseClient => it.lose_client(now),
        Event::Finish => it.finish(now),
        Event::Retry => it.retry(now),
        Event::Erase => it.erase(now),
        Event::LinkClient(client) => it.link_client(*client, now),
        Event::LinkOrder(client, order) => it.link_order(*client, *order, now),
        Event::CreateAgain => it.create_again(now),
        Event::Dismiss => it.dismiss(now),
    }
}

fn attempt_of(stage: &Stage) -> Option<u32> {
    match stage {
        Stage::ClientIntent(attempt) | Stage::OrderIntent(attempt) => Some(attempt.number),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(10_000)))]

    #[test]
    fn no_events_break_the_rules(events in proptest::collection::vec(any_event(), 0..40)) {
        let mut it = received();
        for (second, event) in (1..).zip(&events) {
            let before = it.clone();
            if apply(&mut it, event, at(second)).is_err() {
                prop_assert_eq!(&it, &before);
                continue;
            }
            prop_assert!(!before.is_final() || it.state == State::Erased);
            prop_assert_eq!(it.reason.is_some(), it.reason.is_some_and(|reason| reason.fits(it.state)));
            let needs_reason = !matches!(it.state, State::Received | State::Running | State::Done | State::Erased);
            prop_assert_eq!(it.reason.is_some(), needs_reason);
            prop_assert!(it.due_at.is_some() || it.is_final() || it.reason.is_some());
            let (was, is) = (before.stage.rank(), it.stage.rank());
            let lost_client = matches!(event, Event::LoseClient) && before.stage == Stage::ClientSet;
            let failed_attempt = attempt_of(&before.stage).is_some() && is == was - 1;
            prop_assert!(is >= was || failed_attempt || (lost_client && it.stage == Stage::Fetched));
            prop_assert!(it.client_id.is_none() || it.stage.rank() >= Stage::ClientSet.rank());
            if was == is && !matches!(event, Event::CreateAgain) {
                prop_assert!(attempt_of(&it.stage) >= attempt_of(&before.stage));
            }
            prop_assert!(it.state != State::Done || it.stage == Stage::OrderSet);
            let decided = matches!(
                event,
                Event::LinkClient(_) | Event::LinkOrder(..) | Event::CreateAgain | Event::Dismiss
            );
            let kept = |was: Option<i64>, is: Option<i64>| was.is_none() || was == is;
            let ids_stay = kept(before.client_id, it.client_id) && kept(before.order_id, it.order_id);
            prop_assert!(!decided || (before.state == State::Review && ids_stay));
        }
    }
}
