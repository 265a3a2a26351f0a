use std::collections::BTreeSet;

use domain::{Slug, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ChangeError, PutError, Store, StoreError,
    database::{Condition, Index, Query, Table},
    history::place,
    keys,
    row::{Counted, REVISION},
};

const TABLE: Table = Table::Connections;

/// What people were told of what needs them, so that they are told it once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// When the last alert went out.
    pub at: Option<Timestamp>,
    /// The connections that were said to be closed.
    pub closed: BTreeSet<Slug>,
    /// How many leads were said to be parked.
    pub parked: usize,
    /// How many leads were said to be in review.
    pub review: usize,
    /// The latest finding of an audit that was told of.
    pub found_at: Option<Timestamp>,
    /// Leads that were found by asking Meta, of which nobody was told yet.
    pub missed: usize,
}

impl Store {
    /// What people were told.
    pub async fn told(&self) -> Result<Told, StoreError> {
        Ok(self.counted_told().await?.map(|kept| kept.row).unwrap_or_default())
    }

    /// Keeps what people are told now, unless it is not `before` any more: then somebody else told them.
    pub async fn save_told(&self, before: &Told, after: &Told) -> Result<(), ChangeError> {
        let kept = self.counted_told().await?;
        let (revision, condition) = match &kept {
            Some(kept) => (kept.revision + 1, Condition::equals(REVISION, kept.revision)),
            None => (0, Condition::absent()),
        };
        if kept.map(|kept| kept.row).unwrap_or_default() != *before {
            return Err(ChangeError::Stale);
        }
        let row = Counted { row: after.clone(), revision };
        match self.put_own(TABLE, &keys::told(), &row, condition).await {
            Ok(()) => Ok(()),
            Err(PutError::Conflict) => Err(ChangeError::Stale),
            Err(PutError::Store(error)) => Err(error.into()),
        }
    }

    async fn counted_told(&self) -> Result<Option<Counted<Told>>, StoreError> {
        self.read(TABLE, &keys::told()).await
    }

    /// How many leads are in a state off the straight way, counted up to `most`.
    pub async fn count_up_to(&self, most: usize, state: State) -> Result<usize, StoreError> {
        let Some(listed) = keys::listed_state(state) else { return Ok(0) };
        let listed = Query::partition(Table::Transactions, listed);
        let query = Query { index: Some(Index::State), limit: most, ..listed };
        Ok(self.database.query(&query).await?.len())
    }

    /// When the lead was received that waits longest, those of the bundles left out that `is_stopped`.
    pub async fn waiting_since(&self, is_stopped: impl Fn(&Slug) -> bool) -> Result<Option<Timestamp>, StoreError> {
        let Some(waiting) = keys::listed_state(State::Waiting) else { return Ok(None) };
        let mut from = None;
        loop {
            let waiting = Query::partition(Table::Transactions, waiting);
            let entries =
                self.database.query(&Query { index: Some(Index::State), from, limit: PAGE, ..waiting }).await?;
            let places = || entries.iter().filter_map(place);
            let goes_on = |place: &&str| keys::transaction_id(place).is_some_and(|id| !is_stopped(&id.bundle_id));
            if let Some(oldest) = places().find(goes_on) {
                return Ok(keys::received_at(oldest));
            }
            if entries.len() < PAGE {
                return Ok(None);
            }
            from = places().next_back().map(keys::after_prefix);
        }
    }
}

/// Entries read at once.
const PAGE: usize = 200;
