//! What was held goes on: leads that waited for their bundle or their connection, and leads that are retried.

use domain::{AccountId, Bundle, IllegalTransition, Reason, Slug, Stage, Transaction, TransactionId};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use crate::{Change, SaveError, Store, StoreError};

/// How many held transactions are read at once.
const BATCH: usize = 100;

/// How many are released side by side.
const PARALLEL: usize = 8;

/// By which rules a lead goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// The bundle as it is now.
    Current,
    /// The bundle as it was when the lead came.
    Original,
}

/// Why a transaction did not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetryError {
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

impl Store {
    /// Sets a transaction going and returns the account to wake.
    pub async fn retry(&self, id: &TransactionId, rules: Rules, now: Timestamp) -> Result<AccountId, RetryError> {
        for _ in 0..3 {
            let before = self.transaction(id).await?.ok_or(RetryError::Missing)?;
            let mut after = before.clone();
            after.retry(now)?;
            let bundle = self.bundle(&id.bundle_id).await?.ok_or(RetryError::NoBundle)?;
            if rules == Rules::Current {
                self.bind(&mut after, &bundle).await?;
            }
            match self.save(Change::new(&before, &after)).await {
                Ok(saved) => return Ok(saved.account_id),
                Err(SaveError::Store(error)) => return Err(error.into()),
                Err(SaveError::Conflict | SaveError::LeaseLost | SaveError::PersonClaimed) => {}
            }
        }
        Err(RetryError::Busy)
    }

    /// Has the transaction follow the bundle as it is now. Where something was begun in RemOnline, the account stays.
    async fn bind(&self, transaction: &mut Transaction, bundle: &Bundle) -> Result<(), RetryError> {
        transaction.bundle_version = bundle.version;
        transaction.source_connection = bundle.document.source.connection.clone();
        let client = &bundle.document.client.connection;
        if transaction.client_connection == *client {
            return Ok(());
        }
        let connection = self.connection(client).await?.ok_or(RetryError::NoBundle)?;
        let account = &connection.account().ok_or(RetryError::NoBundle)?.id;
        let begun = !matches!(transaction.stage, Stage::Received | Stage::Fetched);
        if begun && transaction.account_id != *account {
            return Err(RetryError::OtherAccount);
        }
        transaction.client_connection = client.clone();
        transaction.account_id = account.clone();
        Ok(())
    }

    /// Sets what waited for a bundle going, by its rules as they are now. Returns the accounts to wake.
    pub async fn release_held_by_bundle(&self, bundle: &Slug, now: Timestamp) -> Result<Vec<AccountId>, StoreError> {
        let mut accounts = Vec::new();
        loop {
            let held = self.held_by_bundle(bundle, BATCH).await?;
            let released = self.retry_all(held, Rules::Current, now).await?;
            if released.is_empty() {
                return Ok(accounts);
            }
            accounts.extend(released);
        }
    }

    /// Sets what was parked because of a connection going. Returns the accounts to wake.
    pub async fn release_held_by_connection(
        &self,
        connection: &Slug,
        now: Timestamp,
    ) -> Result<Vec<AccountId>, StoreError> {
        let mut accounts = Vec::new();
        loop {
            let held = self.held_by_connection(connection, BATCH).await?;
            let released = self.retry_all(held, Rules::Original, now).await?;
            if released.is_empty() {
                return Ok(accounts);
            }
            accounts.extend(released);
        }
    }

    /// Sets the given transactions going and returns the account of each that goes on now. All get one due time, so
    /// that they run in the order in which they were received. What cannot go on stays as it is.
    pub async fn retry_all(
        &self,
        ids: Vec<TransactionId>,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Vec<AccountId>, StoreError> {
        let released = futures::stream::iter(ids).map(|id| async move {
            match self.retry(&id, rules, now).await {
                Ok(account) => Ok(Some(account)),
                Err(RetryError::Store(error)) => Err(error),
                Err(refused) => {
                    tracing::info!(bundle_id = %id.bundle_id, leadgen_id = %id.leadgen_id, %refused, "not released");
                    Ok(None)
                }
            }
        });
        released.buffer_unordered(PARALLEL).try_filter_map(|account| async move { Ok(account) }).try_collect().await
    }

    /// Dismisses what waited for a bundle that is gone: nobody could set it going any more.
    pub async fn dismiss_held_by_bundle(&self, bundle: &Slug, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let held = self.held_by_bundle(bundle, BATCH).await?;
            let mut dismissed = 0;
            for before in self.transactions(&held).await? {
                let mut after = before.clone();
                if after.skip(Reason::Dismissed, now).is_ok() {
                    dismissed += usize::from(self.save_if_unchanged(&before, &after).await?);
                }
            }
            if dismissed == 0 {
                return Ok(());
            }
        }
    }

    /// False when somebody else was faster.
    async fn save_if_unchanged(&self, before: &Transaction, after: &Transaction) -> Result<bool, StoreError> {
        match self.save(Change::new(before, after)).await {
            Ok(_) => Ok(true),
            Err(SaveError::Store(error)) => Err(error),
            Err(SaveError::Conflict | SaveError::LeaseLost | SaveError::PersonClaimed) => Ok(false),
        }
    }
}
