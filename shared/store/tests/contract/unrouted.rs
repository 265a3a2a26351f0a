use domain::LeadgenEvent;
use jiff::Timestamp;
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{
    Store, Unrouted, UnroutedForm,
    database::{Query, Table},
};

use crate::{
    fixtures::{at, event, meta_id},
    twins::Twin,
};

fn of_form(lead: u64, form: u64) -> LeadgenEvent {
    LeadgenEvent { form_id: meta_id(form), ..event(lead) }
}

fn form(form: u64, count: u64, first_at: Timestamp, last_at: Timestamp) -> UnroutedForm {
    UnroutedForm { page_id: meta_id(100), form_id: meta_id(form), count, first_at, last_at }
}

#[rstest]
#[tokio::test]
async fn forms_without_a_bundle_are_counted(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    for (lead, of, seconds) in [(3, 70, 30), (1, 7, 10), (2, 7, 20), (1, 7, 99)] {
        store.keep_unrouted(&of_form(lead, of), at(seconds)).await.unwrap();
    }
    assert_eq!(store.unrouted_forms().await.unwrap(), [form(7, 2, at(10), at(20)), form(70, 1, at(30), at(30))]);
    let of_seven =
        [(1, 10), (2, 20)].map(|(lead, seconds)| Unrouted { event: of_form(lead, 7), received_at: at(seconds) });
    assert_eq!(store.unrouted_events(&meta_id(100), &meta_id(7)).await.unwrap(), of_seven);

    store.forget_unrouted(&of_form(1, 7)).await.unwrap();
    assert_eq!(store.unrouted_forms().await.unwrap()[0], form(7, 1, at(20), at(20)));
}

#[rstest]
#[tokio::test]
async fn they_are_kept_for_ninety_days(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let database = twin.database().await;
    Store::new(database.clone()).keep_unrouted(&event(1), at(0)).await.unwrap();
    let rows = database.query(&Query::partition(Table::Transactions, "UNROUTED")).await.unwrap();
    assert_eq!(rows[0]["expires_at"], at(90 * 86_400).as_second());
}
