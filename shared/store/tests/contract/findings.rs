use domain::TransactionId;
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{
    Finding, FindingKind, Store,
    database::{Query, Table},
};

use crate::{
    fixtures::{account, at, meta_id, slug},
    twins::Twin,
};

fn finding(kind: FindingKind, ids: &[i64], found: i64) -> Finding {
    let transaction = TransactionId { leadgen_id: meta_id(1), bundle_id: slug("repair") };
    Finding { kind, account_id: account(), transaction, ids: ids.to_vec(), found_at: at(found) }
}

#[rstest]
#[tokio::test]
async fn a_finding_is_new_once(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    store.probe().await.unwrap();
    let doubled = finding(FindingKind::OrderDoubled, &[41, 42], 10);
    assert!(store.note_finding(&doubled).await.unwrap());
    assert!(!store.note_finding(&finding(FindingKind::OrderDoubled, &[41, 42], 99)).await.unwrap());
    let tripled = finding(FindingKind::OrderDoubled, &[41, 42, 43], 20);
    assert!(store.note_finding(&tripled).await.unwrap());
    let lost = finding(FindingKind::OrderLost, &[41], 30);
    assert!(store.note_finding(&lost).await.unwrap());
    assert_eq!(store.findings().await.unwrap(), [doubled, tripled, lost]);
}

#[rstest]
#[tokio::test]
async fn it_is_kept_for_ninety_days(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let database = twin.database().await;
    Store::new(database.clone()).note_finding(&finding(FindingKind::OrderLost, &[41], 0)).await.unwrap();
    let rows = database.query(&Query::partition(Table::Transactions, "FINDING")).await.unwrap();
    assert_eq!(rows[0]["expires_at"], at(90 * 86_400).as_second());
}
