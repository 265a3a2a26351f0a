use domain::{AccountId, State};
use jiff::SignedDuration;
use pretty_assertions::assert_eq;

use crate::world::{World, olena, person};

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

/// I4: whatever is sent can be heard of before the invocation ends, and so before its lease does, however much there is
/// to do: 17 s before the deadline nothing is sent any more.
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_that_could_not_be_heard_of_before_the_lease_ends() {
    let mut world = World::new(|_| {}).await;
    let leads: Vec<_> = (0..80).map(|number| world.lead(&person(number).answers())).collect();
    let deadline = world.now() + SignedDuration::from_secs(60);

    world.announce(&leads).await;

    let sent: Vec<_> = world.remonline.requests().iter().map(|request| request.arrived_at).collect();
    let last = sent.iter().max().unwrap();
    let time_left = deadline.duration_since(*last);
    assert!(time_left >= SignedDuration::from_secs(17), "{time_left:?} before the deadline");
    assert!(time_left <= SignedDuration::from_secs(19), "the time is used: {time_left:?} before the deadline");
}
