use domain::{AccountId, State};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;

use crate::world::{World, olena};

/// Send times may be taken for longer than an invocation lasts, as after our clock was set back. Who cannot send in time
/// must not come again at once: each time it would take more of them, faster than they pass.
#[tokio::test(start_paused = true)]
async fn an_account_whose_send_times_are_taken_is_looked_at_when_one_is_free() {
    let mut world = World::new(|_| {}).await;
    let (account, interval) = (AccountId::new("account"), SignedDuration::from_millis(360));
    let now = world.processor.clock.now();
    world.store.reserve_slots(&account, 500, interval, now).await.unwrap();
    let lead = world.lead(&olena());

    let handled = world.announce([&lead]).await;

    assert!(handled.nudges[&account] >= now + interval * 500, "{:?}", handled.nudges);
    assert_eq!(world.settle(&lead, 5).await.state, State::Done);
}
