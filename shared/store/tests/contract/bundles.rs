use domain::{Bundle, BundleState};
use pretty_assertions::assert_eq;
use rstest::rstest;
use store::{ChangeError, CreateError};

use crate::{
    fixtures::{at, bundle, meta_id},
    twins::Twin,
};

fn titled(bundle: &Bundle, title: &str, version: u32) -> Bundle {
    let mut changed = Bundle { version, ..bundle.clone() };
    changed.document.title = title.to_owned();
    changed
}

#[rstest]
#[tokio::test]
async fn every_version_stays_as_it_was(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = store.create_bundle(&bundle("repair")).await.unwrap();
    assert_eq!(first, bundle("repair"));
    let second = titled(&first, "Second", 2);
    store.save_bundle(&second, 1).await.unwrap();
    let started = Bundle { state: BundleState::Active, first_started_at: Some(at(9)), ..second.clone() };
    store.save_bundle(&started, 2).await.unwrap();

    assert_eq!(store.bundle(&first.id).await, Ok(Some(started.clone())));
    assert_eq!(store.bundles().await, Ok(vec![started]));
    assert_eq!(store.bundle_version(&first.id, 1).await, Ok(Some(first.clone())));
    assert_eq!(store.bundle_version(&first.id, 2).await, Ok(Some(second.clone())));
    assert_eq!(store.bundle_version(&first.id, 3).await, Ok(None));
    assert_eq!(store.bundle_versions(&first.id).await, Ok(vec![second, first]));
}

#[rstest]
#[tokio::test]
async fn a_stale_save_is_refused(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = store.create_bundle(&bundle("repair")).await.unwrap();
    let second = titled(&first, "Second", 2);
    store.save_bundle(&second, 1).await.unwrap();

    assert_eq!(store.save_bundle(&titled(&first, "Late", 2), 1).await, Err(ChangeError::Stale));
    assert_eq!(store.save_bundle(&bundle("unknown"), 1).await, Err(ChangeError::Stale));
    assert_eq!(store.bundle(&first.id).await, Ok(Some(second.clone())));
    assert_eq!(store.bundles_of_page(&first.page_id).await, Ok(vec![second]));
}

#[rstest]
#[tokio::test]
async fn starting_and_stopping_again_and_again_takes_effect(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let stopped = store.create_bundle(&bundle("repair")).await.unwrap();
    let active = Bundle { state: BundleState::Active, ..stopped.clone() };
    for wanted in [&active, &stopped, &active, &stopped] {
        store.save_bundle(wanted, 1).await.unwrap();
        assert_eq!(store.bundle(&stopped.id).await, Ok(Some(wanted.clone())));
        assert_eq!(store.bundles_of_page(&stopped.page_id).await, Ok(vec![wanted.clone()]));
    }
}

#[rstest]
#[tokio::test]
async fn a_bundle_is_found_under_its_page_only(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let other = store.create_bundle(&bundle("other")).await.unwrap();
    let first = store.create_bundle(&bundle("repair")).await.unwrap();
    assert_eq!(store.bundles_of_page(&meta_id(100)).await, Ok(vec![other.clone(), first.clone()]));

    let moved = Bundle { version: 2, page_id: meta_id(200), ..first };
    store.save_bundle(&moved, 1).await.unwrap();
    assert_eq!(store.bundles_of_page(&meta_id(100)).await, Ok(vec![other]));
    assert_eq!(store.bundles_of_page(&meta_id(200)).await, Ok(vec![moved.clone()]));

    store.delete_bundle(&moved.id).await.unwrap();
    store.delete_bundle(&moved.id).await.unwrap();
    assert_eq!(store.bundles_of_page(&meta_id(200)).await, Ok(vec![]));
    assert_eq!(store.bundle(&moved.id).await, Ok(None));
    assert_eq!(store.bundle_version(&moved.id, 2).await, Ok(Some(moved)));
}

#[rstest]
#[tokio::test]
async fn an_id_is_given_once_and_its_versions_never_again(#[values(Twin::Memory, Twin::DynamoDb)] twin: Twin) {
    let store = twin.store().await;
    let first = store.create_bundle(&bundle("repair")).await.unwrap();
    assert_eq!(store.create_bundle(&titled(&first, "Other", 1)).await, Err(CreateError::Exists));
    assert_eq!(store.bundle(&first.id).await, Ok(Some(first.clone())));

    for version in 2..4 {
        store.delete_bundle(&first.id).await.unwrap();
        let again = store.create_bundle(&titled(&first, "Again", 1)).await.unwrap();
        assert_eq!(again, titled(&first, "Again", version));
        assert_eq!(store.bundle(&first.id).await, Ok(Some(again)));
    }
    assert_eq!(store.bundle_version(&first.id, 1).await, Ok(Some(first)));
}
