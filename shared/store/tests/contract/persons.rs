use domain::Transaction;
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{Change, KnownOrder, PersonEntry, PersonWrite, SaveError, Store};

use crate::{
    fixtures::{account, at, received},
    twins::Twin,
};

fn claim(hash: &str) -> PersonWrite {
    PersonWrite::Claim { hash: hash.to_owned() }
}

fn settle(hash: &str, client_id: i64) -> PersonWrite {
    PersonWrite::Settle { hash: hash.to_owned(), client_id }
}

fn release(hash: &str) -> PersonWrite {
    PersonWrite::Release { hash: hash.to_owned() }
}

fn claimed(by: &Transaction) -> Option<PersonEntry> {
    Some(PersonEntry { client_id: None, claimed_by: Some(by.id.clone()) })
}

fn known(client_id: i64) -> Option<PersonEntry> {
    Some(PersonEntry { client_id: Some(client_id), claimed_by: None })
}

async fn recorded(store: &Store, lead: u64) -> Transaction {
    let transaction = received(lead, 0);
    store.record(&transaction).await.unwrap();
    transaction
}

async fn save(
    store: &Store,
    before: &Transaction,
    persons: impl IntoIterator<Item = PersonWrite>,
) -> Result<Transaction, SaveError> {
    store.save(Change { persons: persons.into_iter().collect(), ..Change::new(before, before) }).await
}

async fn person(store: &Store, hash: &str) -> Option<PersonEntry> {
    store.person(&account(), hash).await.unwrap()
}

#[rstest]
#[tokio::test]
async fn a_person_is_claimed_by_one_and_then_known(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let (first, second) = (recorded(&store, 1).await, recorded(&store, 2).await);
    let first = save(&store, &first, [claim("phone"), claim("email")]).await.unwrap();
    assert_eq!(person(&store, "phone").await, claimed(&first));

    for refused in [claim("email"), settle("email", 9), release("email")] {
        assert_eq!(save(&store, &second, [claim("free"), refused]).await, Err(SaveError::PersonClaimed));
    }
    assert_eq!(person(&store, "free").await, None);
    assert_eq!(store.transaction(&second.id).await, Ok(Some(second.clone())));

    let first = save(&store, &first, [claim("phone")]).await.unwrap();
    save(&store, &first, [settle("phone", 5), settle("email", 5)]).await.unwrap();
    assert_eq!(person(&store, "phone").await, known(5));
    assert_eq!(save(&store, &second, [claim("phone")]).await, Err(SaveError::PersonClaimed));

    save(&store, &second, [settle("phone", 6)]).await.unwrap();
    let hashes = ["phone", "nobody", "email"].map(str::to_owned);
    assert_eq!(store.persons(&account(), &hashes).await.unwrap(), [known(6), None, known(5)]);
}

#[rstest]
#[tokio::test]
async fn a_released_claim_is_free_again(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let (first, second) = (recorded(&store, 1).await, recorded(&store, 2).await);
    let first = save(&store, &first, [claim("phone")]).await.unwrap();
    let first = save(&store, &first, [release("phone")]).await.unwrap();
    assert_eq!(person(&store, "phone").await, None);
    save(&store, &first, [release("phone")]).await.unwrap();

    let second = save(&store, &second, [claim("phone")]).await.unwrap();
    assert_eq!(person(&store, "phone").await, claimed(&second));
}

#[rstest]
#[tokio::test]
async fn a_client_that_is_gone_is_forgotten(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = recorded(&store, 1).await;
    let first = save(&store, &first, [settle("phone", 5)]).await.unwrap();
    let forget = |client_id| PersonWrite::Lose { hash: "phone".to_owned(), client_id };
    assert_eq!(save(&store, &first, [forget(6)]).await, Err(SaveError::PersonClaimed), "it leads to another one");
    let first = save(&store, &first, [forget(5)]).await.unwrap();
    assert_eq!(person(&store, "phone").await, None);
    let first = save(&store, &first, [forget(5)]).await.unwrap();
    let first = save(&store, &first, [claim("phone")]).await.unwrap();
    assert_eq!(save(&store, &first, [forget(5)]).await, Err(SaveError::PersonClaimed), "it is claimed");
}

#[rstest]
#[tokio::test]
async fn an_erased_person_is_forgotten(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = recorded(&store, 1).await;
    save(&store, &first, [settle("phone", 5)]).await.unwrap();
    store.forget(&account(), "phone").await.unwrap();
    assert_eq!(person(&store, "phone").await, None);
}

#[rstest]
#[tokio::test]
async fn the_latest_order_of_a_client_is_known(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = recorded(&store, 1).await;
    assert_eq!(store.latest_order(&account(), 5).await, Ok(None));
    let order = KnownOrder { client_id: 5, order_id: i64::MAX, created_at: at(3) };
    store.save(Change { order: Some(order.clone()), ..Change::new(&first, &first) }).await.unwrap();
    assert_eq!(store.latest_order(&account(), 5).await, Ok(Some(order)));
    assert_eq!(store.latest_order(&account(), 6).await, Ok(None));
}
