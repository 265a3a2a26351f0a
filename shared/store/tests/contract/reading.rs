//! How far lists of leads are read.

use domain::{BundleState, LeadSource, Pass, TransactionId};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Backfill, CreateError, IntakeError, Sealed, Store, Watermark};

use crate::{
    fixtures::{at, bundle, event, meta_id, received, remonline, slug},
    twins::Twin,
};

#[rstest]
#[tokio::test]
async fn watermarks_are_kept_for_each_form_of_a_page(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let pass = Some(Pass::new(at(0), at(500)));
    let under_way = Watermark { pass, tried_at: Some(at(500)), ..Watermark::new(meta_id(100), meta_id(701)) };
    let read = Watermark {
        read_at: Some(at(3)),
        fully_read_at: Some(at(2)),
        leads_count: Some(7),
        ..Watermark::new(meta_id(100), meta_id(702))
    };
    for watermark in [&Watermark::new(meta_id(100), meta_id(701)), &read, &under_way] {
        store.save_watermark(watermark, at(500)).await.unwrap();
    }
    store.save_watermark(&Watermark::new(meta_id(10), meta_id(701)), at(500)).await.unwrap();
    assert_eq!(store.watermarks(&meta_id(100)).await.unwrap(), [under_way, read]);
    assert_eq!(store.watermarks(&meta_id(1)).await.unwrap(), []);
}

#[rstest]
#[tokio::test]
async fn a_backfill_keeps_its_longest_reach_until_it_is_forgotten(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let asked = |since: i64, now: i64| Backfill::new(slug("repair"), meta_id(700), at(since), at(now));
    assert_eq!(store.begin_backfill(asked(100, 500)).await.unwrap(), asked(100, 500));
    let mut going_on = asked(100, 500);
    going_on.pass.break_off();
    store.save_backfill(&going_on).await.unwrap();
    assert_eq!(store.backfills().await.unwrap(), [going_on.clone()]);

    assert_eq!(store.begin_backfill(asked(200, 600)).await.unwrap(), asked(100, 600));
    for outdated in [asked(100, 500), going_on] {
        store.save_backfill(&outdated).await.unwrap();
        store.forget_backfill(&outdated).await.unwrap();
    }
    assert_eq!(store.backfills().await.unwrap(), [asked(100, 600)], "whoever was at the former one changes nothing");
    store.forget_backfill(&asked(100, 600)).await.unwrap();
    assert_eq!(store.backfills().await.unwrap(), []);
    store.save_backfill(&asked(100, 600)).await.unwrap();
    assert_eq!(store.backfills().await.unwrap(), [], "and what is forgotten does not come back");
}

#[rstest]
#[tokio::test]
async fn unknown_transactions_are_told(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    store.record(&received(2, 0)).await.unwrap();
    let id = |lead| TransactionId { leadgen_id: meta_id(lead), bundle_id: slug("repair") };
    let unknown = store.unknown((1..=250).map(id).collect()).await.unwrap();
    assert_eq!(unknown, (1..=250).filter(|lead| *lead != 2).map(id).collect::<Vec<_>>());
}

#[rstest]
#[tokio::test]
async fn unrouted_leads_are_taken_in_by_those_who_want_them(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    connect(&store).await.unwrap();
    for (lead, seconds) in [(1, 10), (2, 20), (3, 30)] {
        store.keep_unrouted(&event(lead), at(seconds)).await.unwrap();
    }
    let mut active = bundle("repair");
    active.state = BundleState::Active;
    let bundles = [active, bundle("stopped")];
    let page = meta_id(100);
    let wanted = |bundle: &domain::Bundle, received| received >= at(20) && bundle.id == slug("repair");
    let taken = store.take_in_unrouted(&page, &bundles, LeadSource::Reconcile, at(99), wanted).await.unwrap();
    assert_eq!((taken.new, taken.accounts.len()), (2, 1));
    let left = store.unrouted_of_page(&page).await.unwrap();
    assert_eq!(left.iter().map(|unrouted| &unrouted.event).collect::<Vec<_>>(), [&event(1)]);
    let recorded = store.transactions_of_lead(&meta_id(3)).await.unwrap();
    assert_eq!(
        recorded.iter().map(|found| (&found.id.bundle_id, found.source)).collect::<Vec<_>>(),
        [(&slug("repair"), LeadSource::Reconcile)]
    );

    let nowhere = [bundle_to("nowhere")];
    let taken = store.take_in_unrouted(&page, &nowhere, LeadSource::Reconcile, at(99), |_, _| true).await;
    assert_eq!(taken, Err(IntakeError::NoAccount(slug("repair"))));
    assert_eq!(store.unrouted_of_page(&page).await.unwrap().len(), 1);
}

async fn connect(store: &Store) -> Result<(), CreateError> {
    let sealed: Sealed = serde_json::from_str("\"c2VhbGVk\"").unwrap();
    store.create_connection(&remonline("shop", "company-1"), &sealed).await
}

fn bundle_to(connection: &str) -> domain::Bundle {
    let mut bundle = bundle("repair");
    bundle.document.client.connection = slug(connection);
    bundle
}
