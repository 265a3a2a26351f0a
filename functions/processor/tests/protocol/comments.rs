//! Comments on orders that were found: at most one, whatever happens.

use std::time::Duration;

use domain::{MetaId, OrderOutcome, State, StepKind};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use simulators::{Effect, Fault};

use crate::world::{World, person};

/// A person with an order, and another lead of that person that will comment on it.
async fn with_an_order() -> (World, MetaId, i64) {
    let comment = |bundle: &mut serde_json::Value| {
        bundle["order"]["duplicates"] = json!({ "mode": "create_if_missing", "when_found": "comment" });
    };
    let mut world = World::new(comment).await;
    let first = world.lead(&person(0).answers());
    world.announce([&first]).await;
    let order_id = world.transaction(&first).await.order_id.unwrap();
    let lead = world.lead(&person(0).answers());
    (world, lead, order_id)
}

fn on_comments(effect: Effect, order_id: i64) -> Fault {
    Fault::once(effect).on("POST", &format!("/v2/orders/{order_id}/comments"))
}

async fn outcomes(world: &World, lead: &MetaId) -> Vec<String> {
    let steps = world.transaction(lead).await.steps;
    steps.into_iter().filter(|step| step.step == StepKind::Comment).map(|step| step.outcome).collect()
}

#[tokio::test(start_paused = true)]
async fn a_found_order_gets_one_comment() {
    let (mut world, lead, order_id) = with_an_order().await;
    world.announce([&lead]).await;

    let done = world.transaction(&lead).await;
    assert_eq!((done.state, done.order_outcome), (State::Done, Some(OrderOutcome::Commented)));
    assert_eq!(world.remonline.comments(order_id).len(), 1);
    assert_eq!(outcomes(&world, &lead).await, ["commented"]);
}

/// The process dies while the comment is on its way: whether it arrived or not, nothing is sent again.
#[rstest]
#[case::arrived(Effect::Delay(Duration::ZERO), 1)]
#[case::not_arrived(Effect::DropBefore, 0)]
#[tokio::test(start_paused = true)]
async fn a_comment_that_its_sender_died_of_is_not_sent_again(#[case] effect: Effect, #[case] arrived: usize) {
    let (mut world, lead, order_id) = with_an_order().await;
    world.remonline.inject(on_comments(effect, order_id));
    world.keep_answers_back("/comments");
    let killed = tokio::time::timeout(Duration::from_secs(60), world.announce([&lead])).await;
    assert!(killed.is_err());
    world.keep_answers_back(None);

    let done = world.settle(&lead, 5).await;

    assert_eq!((done.state, done.order_outcome), (State::Done, Some(OrderOutcome::Commented)), "{done:#?}");
    assert_eq!(done.order_id, Some(order_id));
    assert_eq!(world.remonline.comments(order_id).len(), arrived);
    assert_eq!(outcomes(&world, &lead).await, ["outcome_unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_comment_whose_answer_is_lost_is_not_sent_again() {
    let (mut world, lead, order_id) = with_an_order().await;
    world.remonline.inject(on_comments(Effect::ApplyThenDrop, order_id));
    world.announce([&lead]).await;

    assert_eq!(world.transaction(&lead).await.state, State::Done);
    assert_eq!(world.remonline.comments(order_id).len(), 1);
    assert_eq!(outcomes(&world, &lead).await, ["outcome_unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_was_surely_not_left_is_sent_again() {
    let (mut world, lead, order_id) = with_an_order().await;
    world.remonline.inject(on_comments(Effect::RetryAfter(7), order_id));
    world.announce([&lead]).await;
    assert_eq!(world.transaction(&lead).await.state, State::Waiting);

    assert_eq!(world.settle(&lead, 5).await.state, State::Done);
    assert_eq!(world.remonline.comments(order_id).len(), 1);
    assert_eq!(outcomes(&world, &lead).await, ["throttled", "commented"]);
}
