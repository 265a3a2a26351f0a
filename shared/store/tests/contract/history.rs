use domain::{Reason, State, Transaction};
use jiff::{SignedDuration, Timestamp};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Change, Filter, HistoryError, Page, Store};

use crate::{
    fixtures::{at, done, meta_id, received, slug},
    twins::Twin,
};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn leads(page: &Page<Transaction>) -> Vec<u64> {
    page.items.iter().map(|transaction| transaction.id.leadgen_id.as_str().parse().unwrap()).collect()
}

async fn found(store: &Store, filter: Filter) -> Vec<u64> {
    leads(&store.history(&filter, 50, None).await.unwrap())
}

/// All pages, one after the other.
async fn walked(store: &Store, filter: &Filter, limit: usize) -> Vec<Vec<u64>> {
    let mut pages = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = store.history(filter, limit, cursor.as_deref()).await.unwrap();
        pages.push(leads(&page));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return pages;
        }
    }
}

/// Leads 1.. received every three hours, so that 250 of them spread over two months.
async fn many(store: &Store, count: u64) {
    let begin = time("2026-10-20T00:00:00Z");
    for lead in 1..=count {
        let mut transaction = received(lead, 0);
        transaction.received_at = begin + SignedDuration::from_hours(3) * i32::try_from(lead).unwrap();
        transaction.id.bundle_id = slug(if lead % 3 == 0 { "third" } else { "repair" });
        transaction.phone_hash = (lead % 5 == 0).then(|| "phone-five".to_owned());
        store.record(&transaction).await.unwrap();
    }
}

#[rstest]
#[tokio::test]
async fn pages_are_full_and_bring_each_row_once(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    many(&store, 250).await;
    let newest_first: Vec<u64> = (1..=250).rev().collect();
    for limit in [7, 50, 100, 250] {
        let pages = walked(&store, &Filter::default(), limit).await;
        assert!(pages[..pages.len() - 1].iter().all(|page| page.len() == limit));
        assert_eq!(pages.concat(), newest_first, "pages of {limit}");
    }
    assert_eq!(walked(&store, &Filter::default(), 250).await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn filtered_pages_are_full_too(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    many(&store, 250).await;
    let thirds = Filter { bundle: Some(slug("third")), ..Filter::default() };
    let expected: Vec<u64> = (1..=250).rev().filter(|lead| lead % 3 == 0).collect();
    let pages = walked(&store, &thirds, 10).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 10, 10, 10, 10, 10, 10, 3]);
    assert_eq!(pages.concat(), expected);

    let both = Filter { phone_hash: Some("phone-five".to_owned()), ..thirds };
    let expected: Vec<u64> = (1..=250).rev().filter(|lead| lead % 15 == 0).collect();
    assert_eq!(walked(&store, &both, 4).await.concat(), expected);
}

#[rstest]
#[tokio::test]
async fn what_is_recorded_meanwhile_disturbs_no_walk(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    many(&store, 10).await;
    let first = store.history(&Filter::default(), 4, None).await.unwrap();
    let newer = Transaction { received_at: time("2026-12-01T00:00:00Z"), ..received(99, 0) };
    store.record(&newer).await.unwrap();
    let rest = store.history(&Filter::default(), 50, first.next_cursor.as_deref()).await.unwrap();
    assert_eq!((leads(&first), leads(&rest)), (vec![10, 9, 8, 7], vec![6, 5, 4, 3, 2, 1]));
}

#[rstest]
#[tokio::test]
async fn times_are_from_inclusive_to_exclusive(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let ends = ["2026-09-30T23:59:59.999Z", "2026-10-01T00:00:00Z", "2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z"];
    for (lead, received_at) in (1..).zip(ends) {
        store.record(&Transaction { received_at: time(received_at), ..received(lead, 0) }).await.unwrap();
    }
    let between = |from: Option<&str>, to: Option<&str>| {
        let (from, to) = (from.map(time), to.map(time));
        found(&store, Filter { from, to, ..Filter::default() })
    };
    assert_eq!(between(None, None).await, [4, 3, 2, 1]);
    assert_eq!(between(Some(ends[1]), Some(ends[3])).await, [3, 2]);
    assert_eq!(between(Some(ends[1]), None).await, [4, 3, 2]);
    assert_eq!(between(None, Some(ends[1])).await, [1]);
    assert_eq!(between(Some(ends[1]), Some(ends[1])).await, [0; 0]);
    assert_eq!(between(Some(ends[3]), Some(ends[0])).await, [0; 0]);
    let of_lead = Filter { leadgen_id: Some(meta_id(2)), to: Some(time(ends[1])), ..Filter::default() };
    assert_eq!(found(&store, of_lead).await, [0; 0]);
}

#[rstest]
#[tokio::test]
async fn each_filter_narrows(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    for lead in 1..=6 {
        let mut transaction = received(lead, i64::try_from(lead).unwrap());
        match lead {
            1 => transaction.id.bundle_id = slug("other"),
            2 => transaction.client_connection = slug("second-shop"),
            3 => transaction.park(Reason::Mapping, None, at(9)).unwrap(),
            4 => transaction.phone_hash = Some("phone-hash".to_owned()),
            5 => transaction.email_hash = Some("email-hash".to_owned()),
            _ => transaction = done(&transaction, at(9)),
        }
        store.record(&transaction).await.unwrap();
    }
    let all = Filter::default;
    assert_eq!(found(&store, Filter { bundle: Some(slug("other")), ..all() }).await, [1]);
    assert_eq!(found(&store, Filter { connection: Some(slug("second-shop")), ..all() }).await, [2]);
    assert_eq!(found(&store, Filter { connection: Some(slug("fb-main")), ..all() }).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(found(&store, Filter { state: Some(State::Parked), ..all() }).await, [3]);
    assert_eq!(found(&store, Filter { reason: Some(Reason::Mapping), ..all() }).await, [3]);
    assert_eq!(found(&store, Filter { reason: Some(Reason::Expired), ..all() }).await, [0; 0]);
    assert_eq!(found(&store, Filter { phone_hash: Some("phone-hash".to_owned()), ..all() }).await, [4]);
    assert_eq!(found(&store, Filter { email_hash: Some("email-hash".to_owned()), ..all() }).await, [5]);
    assert_eq!(found(&store, Filter { leadgen_id: Some(meta_id(6)), ..all() }).await, [6]);
    let contradiction = Filter { phone_hash: Some("phone-hash".to_owned()), state: Some(State::Done), ..all() };
    assert_eq!(found(&store, contradiction).await, [0; 0]);
}

#[rstest]
#[tokio::test]
async fn the_erased_are_found_by_no_phone(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let hash = Some("phone-hash".to_owned());
    let before = Transaction { phone_hash: hash.clone(), ..received(1, 0) };
    store.record(&before).await.unwrap();
    let by_phone = Filter { phone_hash: hash, ..Filter::default() };
    assert_eq!(found(&store, by_phone.clone()).await, [1]);

    let erased = Transaction { phone_hash: None, state: State::Erased, due_at: None, ..before.clone() };
    store.save(Change::new(&before, &erased)).await.unwrap();
    assert_eq!(found(&store, by_phone).await, [0; 0]);
    assert_eq!(found(&store, Filter::default()).await, [1]);
}

#[rstest]
#[case::not_base64("%%%")]
#[case::empty("")]
#[case::not_a_place("Zm9v")]
#[case::half_a_place("MjAyNi0xMS0yM1QxMDowMDowMC4wMDAwMDAwMDBaIzE")]
#[tokio::test]
async fn a_made_up_cursor_is_refused(#[case] cursor: &str) {
    let history = Store::memory().history(&Filter::default(), 10, Some(cursor)).await;
    assert_eq!(history, Err(HistoryError::Cursor));
}

#[tokio::test]
async fn a_cursor_says_nothing_of_people_and_fits_an_address() {
    let store = Store::memory();
    many(&store, 3).await;
    let cursor = store.history(&Filter::default(), 1, None).await.unwrap().next_cursor.unwrap();
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
}

#[rstest]
#[tokio::test]
async fn a_state_is_found_without_reading_the_others(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    many(&store, 30).await;
    for lead in [4, 17] {
        let id = received(lead, 0).id;
        let id = domain::TransactionId { bundle_id: slug("repair"), ..id };
        let before = store.transaction(&id).await.unwrap().unwrap();
        let mut after = before.clone();
        after.park(Reason::Mapping, None, at(0)).unwrap();
        store.save(Change::new(&before, &after)).await.unwrap();
    }
    let parked = Filter { state: Some(State::Parked), ..Filter::default() };
    assert_eq!(found(&store, parked.clone()).await, [17, 4]);
    assert_eq!(walked(&store, &parked, 1).await, [[17], [4]]);
    assert_eq!(found(&store, Filter { state: Some(State::Review), ..Filter::default() }).await, [0; 0]);
}

#[tokio::test]
async fn a_filter_that_fits_nothing_ends_its_page_in_time() {
    let store = Store::memory();
    many(&store, 5_200).await;
    let nothing = Filter { bundle: Some(slug("nothing")), ..Filter::default() };
    let page = store.history(&nothing, 50, None).await.unwrap();
    assert!(page.items.is_empty() && page.next_cursor.is_some());
    let rest = store.history(&nothing, 50, page.next_cursor.as_deref()).await.unwrap();
    assert_eq!(rest, Page { items: Vec::new(), next_cursor: None });
}

/// Finds what is rare in a long history, and prints how long that takes. `HISTORY` says how many leads it has:
/// `HISTORY=100000 cargo test -p store --test contract long_history -- --nocapture`.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_rare_is_found_in_a_long_history() {
    let count: u64 = std::env::var("HISTORY").map_or(1_000, |count| count.parse().unwrap());
    let store = Twin::DynamoDb.store().await;
    for leads in (1..=count).collect::<Vec<_>>().chunks(500) {
        let record = leads.iter().map(|lead| {
            let mut transaction = received(*lead, i64::try_from(*lead).unwrap());
            if lead % (count / 2) == 0 {
                transaction.park(Reason::Mapping, None, at(0)).unwrap();
            }
            let store = &store;
            async move { store.record(&transaction).await.unwrap() }
        });
        futures::future::join_all(record).await;
    }
    let parked = Filter { state: Some(State::Parked), ..Filter::default() };
    let other = Filter { bundle: Some(slug("nothing")), ..Filter::default() };
    for (what, filter, expected) in
        [("first page", Filter::default(), 50), ("parked", parked, 2), ("other bundle", other, 0)]
    {
        let begin = tokio::time::Instant::now();
        let found = store.history(&filter, 50, None).await.unwrap().items.len();
        println!("{count} leads, {what}: {:?}", begin.elapsed());
        assert_eq!(found, expected, "{what}");
    }
}
