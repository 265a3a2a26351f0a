//! What was held goes on: leads that waited for their bundle or their connection, and leads a person retries.

use std::collections::BTreeSet;

use domain::{AccountId, Bundle, IllegalTransition, Reason, Slug, Stage, Transaction, TransactionId};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use store::{Change, SaveError, StoreError};
use utoipa::ToSchema;

use crate::{app::App, problem::Problem};

/// How many held transactions are read at once.
const BATCH: usize = 100;

/// How many are released side by side.
const PARALLEL: usize = 8;

/// By which rules a lead goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rules {
    /// The bundle as it is now.
    #[default]
    Current,
    /// The bundle as it was when the lead came.
    Original,
}

/// Why a transaction did not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// There is none.
    #[error("there is no such transaction")]
    Missing,
    /// It is done, skipped, erased or running.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// Its bundle is gone.
    #[error("its bundle was deleted")]
    NoBundle,
    /// A client was begun in another account than the bundle now leads to.
    #[error("its client was begun in another RemOnline account")]
    OtherAccount,
    /// Somebody else keeps changing it.
    #[error("it is being changed by somebody else")]
    Busy,
    /// The tables did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sets a transaction going and returns the account to wake.
///
/// # Errors
/// When its state, its bundle or the tables forbid it.
pub(crate) async fn transaction(
    app: &App,
    id: &TransactionId,
    rules: Rules,
    now: Timestamp,
) -> Result<AccountId, Refused> {
    for _ in 0..3 {
        let before = app.store.transaction(id).await?.ok_or(Refused::Missing)?;
        let mut after = before.clone();
        after.retry(now)?;
        let bundle = app.store.bundle(&id.bundle_id).await?.ok_or(Refused::NoBundle)?;
        if rules == Rules::Current {
            bind(app, &mut after, &bundle).await?;
        }
        match app.store.save(Change::new(&before, &after)).await {
            Ok(saved) => return Ok(saved.account_id),
            Err(SaveError::Store(error)) => return Err(error.into()),
            Err(SaveError::Conflict | SaveError::LeaseLost | SaveError::PersonClaimed) => {}
        }
    }
    Err(Refused::Busy)
}

/// Has the transaction follow the bundle as it is now. Where something was begun in RemOnline, the account stays.
async fn bind(app: &App, transaction: &mut Transaction, bundle: &Bundle) -> Result<(), Refused> {
    transaction.bundle_version = bundle.version;
    transaction.source_connection = bundle.document.source.connection.clone();
    let client = &bundle.document.client.connection;
    if transaction.client_connection == *client {
        return Ok(());
    }
    let connection = app.store.connection(client).await?.ok_or(Refused::NoBundle)?;
    let account = &connection.account().ok_or(Refused::NoBundle)?.id;
    let begun = !matches!(transaction.stage, Stage::Received | Stage::Fetched);
    if begun && transaction.account_id != *account {
        return Err(Refused::OtherAccount);
    }
    transaction.client_connection = client.clone();
    transaction.account_id = account.clone();
    Ok(())
}

/// Sets going what waited for a bundle, oldest first, by its rules as they are now.
///
/// # Errors
/// When the tables do not answer.
pub(crate) async fn held_by_bundle(app: &App, bundle: &Slug) -> Result<(), Problem> {
    let now = app.clock.now();
    loop {
        let held = app.store.held_by_bundle(bundle, BATCH).await?;
        if release(app, held, Rules::Current, now).await? == 0 {
            return Ok(());
        }
    }
}

/// Sets going what was parked because of a connection, oldest first.
///
/// # Errors
/// When the tables do not answer.
pub(crate) async fn held_by_connection(app: &App, connection: &Slug) -> Result<(), Problem> {
    let now = app.clock.now();
    loop {
        let held = app.store.held_by_connection(connection, BATCH).await?;
        if release(app, held, Rules::Original, now).await? == 0 {
            return Ok(());
        }
    }
}

/// Sets the given transactions going, wakes their accounts and says how many there were. All get one due time, so
/// that they run in the order in which they were received. What cannot go on stays as it is.
///
/// # Errors
/// When the tables do not answer.
pub(crate) async fn release(
    app: &App,
    ids: Vec<TransactionId>,
    rules: Rules,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let released: Vec<Option<AccountId>> = futures::stream::iter(ids)
        .map(|id| async move {
            match transaction(app, &id, rules, now).await {
                Ok(account) => Ok(Some(account)),
                Err(Refused::Store(error)) => Err(error),
                Err(refused) => {
                    tracing::info!(bundle_id = %id.bundle_id, leadgen_id = %id.leadgen_id, %refused, "not released");
                    Ok(None)
                }
            }
        })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    let accounts: BTreeSet<AccountId> = released.iter().flatten().cloned().collect();
    app.wake(accounts).await;
    Ok(released.iter().flatten().count())
}

/// Dismisses what waited for a bundle that is gone: nobody could set it going any more.
///
/// # Errors
/// When the tables do not answer.
pub(crate) async fn dismiss_held_by_bundle(app: &App, bundle: &Slug) -> Result<(), Problem> {
    let now = app.clock.now();
    loop {
        let held = app.store.held_by_bundle(bundle, BATCH).await?;
        let mut dismissed = 0;
        for before in app.store.transactions(&held).await? {
            let mut after = before.clone();
            if after.skip(Reason::Dismissed, now).is_ok() {
                dismissed += usize::from(save(app, &before, &after).await?);
            }
        }
        if dismissed == 0 {
            return Ok(());
        }
    }
}

/// False when somebody else was faster.
async fn save(app: &App, before: &Transaction, after: &Transaction) -> Result<bool, StoreError> {
    match app.store.save(Change::new(before, after)).await {
        Ok(_) => Ok(true),
        Err(SaveError::Store(error)) => Err(error),
        Err(SaveError::Conflict | SaveError::LeaseLost | SaveError::PersonClaimed) => Ok(false),
    }
}
