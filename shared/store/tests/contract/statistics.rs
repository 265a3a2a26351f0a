use domain::{Reason, State, Transaction};
use jiff::{SignedDuration, Timestamp};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Change, Day, Store};

use crate::{
    fixtures::{account, done, received},
    twins::Twin,
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Lead `lead`, received then, after `change`.
async fn lead(store: &Store, lead: u64, received_at: &str, change: impl FnOnce(&mut Transaction)) -> Transaction {
    let recorded = Transaction { received_at: time(received_at), ..received(lead, 0) };
    store.record(&recorded).await.unwrap();
    let mut changed = recorded.clone();
    change(&mut changed);
    store.save(Change::new(&recorded, &changed)).await.unwrap()
}

/// Done so many seconds after Meta's time of the lead.
fn done_after(seconds: i64) -> impl FnOnce(&mut Transaction) {
    move |transaction| {
        let created_at = transaction.received_at - SignedDuration::from_secs(1);
        *transaction = done(transaction, created_at + SignedDuration::from_secs(seconds));
        transaction.created_at = Some(created_at);
    }
}

#[rstest]
#[tokio::test]
async fn days_tell_what_became_of_their_leads(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let now = time("2026-12-01T08:00:00Z");
    lead(&store, 1, "2026-11-28T23:59:59Z", done_after(1)).await;
    lead(&store, 2, "2026-11-29T00:00:00Z", done_after(2)).await;
    lead(&store, 3, "2026-11-30T23:59:59.999Z", |it| it.park(Reason::Mapping, None, now).unwrap()).await;
    lead(&store, 4, "2026-11-30T12:00:00Z", |it| it.review(Reason::OutcomeUnknown, now).unwrap()).await;
    lead(&store, 5, "2026-12-01T00:00:00Z", |it| it.skip(Reason::Filtered, now).unwrap()).await;
    lead(&store, 6, "2026-12-01T07:00:00Z", done_after(4)).await;
    lead(&store, 7, "2026-12-01T07:00:00Z", |it| it.wait(Reason::Throttled, Some(now), now).unwrap()).await;

    let statistics = store.statistics(3, now).await.unwrap();
    let day = |date: &str, [received, done, parked, review, skipped]: [u64; 5]| {
        let date = date.parse().unwrap();
        Day { date, received, done, parked, review, skipped }
    };
    let expected =
        [day("2026-11-29", [1, 1, 0, 0, 0]), day("2026-11-30", [2, 0, 1, 1, 0]), day("2026-12-01", [3, 1, 0, 0, 1])];
    assert_eq!(statistics.days, expected);
    assert_eq!(statistics.took, [SignedDuration::from_secs(2), SignedDuration::from_secs(4)]);
    assert_eq!(statistics.percentile(0.5), Some(SignedDuration::from_secs(2)));
    assert_eq!(statistics.percentile(0.95), Some(SignedDuration::from_secs(4)));
}

#[rstest]
#[tokio::test]
async fn nothing_has_no_percentile(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let statistics = twin.store().await.statistics(30, time("2026-12-01T08:00:00Z")).await.unwrap();
    assert_eq!((statistics.days.len(), statistics.percentile(0.5)), (30, None));
}

#[rstest]
#[tokio::test]
async fn states_are_counted_as_they_are_now(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let now = time("2026-12-01T08:00:00Z");
    let parked = lead(&store, 1, "2026-11-01T00:00:00Z", |it| it.park(Reason::Mapping, None, now).unwrap()).await;
    lead(&store, 2, "2026-12-01T00:00:00Z", |it| it.park(Reason::Rejected, None, now).unwrap()).await;
    assert_eq!(store.count_in(State::Parked).await.unwrap(), 2);

    let mut retried = parked.clone();
    retried.retry(now).unwrap();
    store.save(Change::new(&parked, &retried)).await.unwrap();
    assert_eq!(store.count_in(State::Parked).await.unwrap(), 1);
    assert_eq!(store.count_in(State::Waiting).await.unwrap(), 0);
}

#[rstest]
#[tokio::test]
async fn calls_are_counted_by_day(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let (evening, morning) = (time("2026-11-30T23:59:00Z"), time("2026-12-01T08:00:00Z"));
    let interval = SignedDuration::from_millis(360);
    store.reserve_slots(&account(), 3, interval, evening).await.unwrap();
    store.throttled(&account(), evening, evening).await.unwrap();
    let calls = async |day: &str| store.calls_of_day(&account(), day.parse().unwrap()).await.unwrap();
    assert_eq!((calls("2026-11-30").await, calls("2026-12-01").await), ((3, 1), (0, 0)));

    store.reserve_slots(&account(), 2, interval, morning).await.unwrap();
    assert_eq!((calls("2026-11-30").await, calls("2026-12-01").await), ((0, 0), (2, 0)));
}
