use jiff::SignedDuration;
use pretty_assertions::assert_eq;
use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::{Hasher, Sealed, Sealer, SecretError, Store};
use winterbaume_core::MockAws;
use winterbaume_kms::KmsService;

use crate::{
    fixtures::{at, slug},
    twins::Twin,
};

/// A KMS of its own with one key.
async fn kms() -> (aws_sdk_kms::Client, String) {
    let config = MockAws::builder().with_service(KmsService::new()).build().sdk_config("eu-central-1").await;
    let client = aws_sdk_kms::Client::new(&config);
    let key = client.create_key().send().await.unwrap().key_metadata.unwrap();
    (client, key.key_id)
}

async fn sealer() -> Sealer {
    let (client, key_id) = kms().await;
    Sealer::new(client, key_id)
}

fn api_key() -> SecretString {
    SecretString::from("api-key-of-the-shop")
}

#[tokio::test]
async fn a_secret_opens_where_it_belongs() {
    let sealer = sealer().await;
    let sealed = sealer.seal(&slug("shop"), "api_key", &api_key()).await.unwrap();
    let stored = serde_json::to_string(&sealed).unwrap();
    assert!(!stored.contains("api-key"), "{stored}");

    let opened = sealer.open(&slug("shop"), "api_key", &sealed, at(0)).await.unwrap();
    assert_eq!(opened.expose_secret(), api_key().expose_secret());
}

#[rstest]
#[case::of_another_connection("other", "api_key")]
#[case::for_another_purpose("shop", "page_token")]
#[tokio::test]
async fn a_moved_secret_does_not_open(#[case] connection: &str, #[case] purpose: &str) {
    let sealer = sealer().await;
    let sealed = sealer.seal(&slug("shop"), "api_key", &api_key()).await.unwrap();
    sealer.open(&slug("shop"), "api_key", &sealed, at(0)).await.unwrap();

    let moved = sealer.open(&slug(connection), purpose, &sealed, at(0)).await;
    assert_eq!(moved.err(), Some(SecretError::Unopenable { connection: slug(connection) }));
}

#[tokio::test]
async fn a_damaged_secret_does_not_open() {
    let sealer = sealer().await;
    for damaged in ["", "%", "AAAA"] {
        let sealed: Sealed = serde_json::from_value(json!(damaged)).unwrap();
        let error = sealer.open(&slug("shop"), "api_key", &sealed, at(0)).await.err().unwrap();
        assert_eq!(error, SecretError::Unopenable { connection: slug("shop") }, "{damaged:?}");
    }
}

#[tokio::test]
async fn an_opened_secret_is_remembered_for_ten_minutes() {
    let (kms, key_id) = kms().await;
    let sealer = Sealer::new(kms.clone(), key_id.clone());
    let sealed = sealer.seal(&slug("shop"), "api_key", &api_key()).await.unwrap();
    let open = async |seconds| sealer.open(&slug("shop"), "api_key", &sealed, at(seconds)).await;
    open(0).await.unwrap();

    kms.disable_key().key_id(key_id).send().await.unwrap();
    assert!(open(599).await.is_ok());
    assert!(matches!(open(600).await, Err(SecretError::Unavailable(_))));
}

#[rstest]
#[tokio::test]
async fn an_installation_hashes_alike_for_ever(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let (store, sealer) = (twin.store().await, sealer().await);
    let makers = (0..4).map(|_| store.hasher(&sealer, at(0)));
    let hashers = futures::future::join_all(makers).await.into_iter().map(Result::unwrap).collect::<Vec<Hasher>>();
    let later = store.hasher(&sealer, at(0) + SignedDuration::from_hours(9)).await.unwrap();

    let hash = later.phone("+380501110001");
    assert!(hashers.iter().all(|hasher| hasher.phone("+380501110001") == hash));
    let elsewhere = Store::memory().hasher(&sealer, at(0)).await.unwrap();
    assert_ne!(elsewhere.phone("+380501110001"), hash);
}
