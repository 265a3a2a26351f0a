use domain::{AccountId, Connection, ConnectionState};
use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::json;
use store::{ChangeError, CreateError, Sealed, Store};

use crate::{
    fixtures::{at, facebook, meta_id, remonline, slug},
    twins::Twin,
};

fn sealed(text: &str) -> Sealed {
    serde_json::from_value(json!(text)).unwrap()
}

async fn secret_of(store: &Store, connection: &Connection) -> Option<Sealed> {
    store.sealed_connection(&connection.id).await.unwrap().map(|sealed| sealed.secret)
}

#[rstest]
#[tokio::test]
async fn an_id_is_given_once(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = remonline("shop", "company-1");
    store.create_connection(&first, &sealed("one")).await.unwrap();

    let second = Connection { title: "Other".to_owned(), ..first.clone() };
    assert_eq!(store.create_connection(&second, &sealed("two")).await, Err(CreateError::Exists));

    assert_eq!(store.connection(&first.id).await, Ok(Some(first.clone())));
    assert_eq!(secret_of(&store, &first).await, Some(sealed("one")));
}

#[rstest]
#[tokio::test]
async fn connections_are_listed(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let all = [facebook("a", 100), remonline("b", "x"), remonline("c", "y"), remonline("d", "x"), facebook("e", 200)];
    for connection in &all {
        store.create_connection(connection, &sealed("secret")).await.unwrap();
    }

    assert_eq!(store.connections().await.unwrap(), all);
    assert_eq!(store.connections_of_page(&meta_id(200)).await.unwrap(), all[4..]);
    assert_eq!(store.accounts().await.unwrap(), ["x", "y"].map(AccountId::new));

    store.delete_connection(&slug("c")).await.unwrap();
    assert_eq!(store.connection(&slug("c")).await, Ok(None));
    assert_eq!(store.sealed_connection(&slug("c")).await, Ok(None));
    assert_eq!(store.accounts().await.unwrap(), [AccountId::new("x")]);
}

#[rstest]
#[tokio::test]
async fn a_change_keeps_the_secret(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let before = remonline("shop", "company-1");
    store.create_connection(&before, &sealed("one")).await.unwrap();

    let paused = Connection { state: ConnectionState::Paused, ..before.clone() };
    store.save_connection(&before, &paused).await.unwrap();

    assert_eq!(store.connection(&before.id).await, Ok(Some(paused)));
    assert_eq!(secret_of(&store, &before).await, Some(sealed("one")));
}

#[rstest]
#[tokio::test]
async fn a_job_does_not_undo_what_a_person_did(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let before = remonline("shop", "company-1");
    store.create_connection(&before, &sealed("one")).await.unwrap();

    let with_new_key = Connection { checked_at: at(5), ..before.clone() };
    store.replace_secret(&before, &with_new_key, &sealed("two")).await.unwrap();
    let refused = Connection { state: ConnectionState::KeyRejected, ..before.clone() };
    assert_eq!(store.save_connection(&before, &refused).await, Err(ChangeError::Stale));

    assert_eq!(store.connection(&before.id).await, Ok(Some(with_new_key.clone())));
    assert_eq!(secret_of(&store, &before).await, Some(sealed("two")));

    store.delete_connection(&before.id).await.unwrap();
    assert_eq!(store.save_connection(&with_new_key, &refused).await, Err(ChangeError::Stale));
    assert_eq!(store.connection(&before.id).await, Ok(None));
}
