use domain::{MetaId, Pass, Slug};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    database::{Condition, Query, Table, Write},
    keys,
    row::{self, EXPIRES_AT},
};

const TABLE: Table = Table::Transactions;

const ASKED_AT: &str = "asked_at";

/// As long as Meta shows a lead: what is older cannot be brought any more.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Old leads of a form that a person wants for a bundle and that are not all brought yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// The bundle they are for.
    pub bundle_id: Slug,
    /// The form they are of.
    pub form_id: MetaId,
    /// Leads created from then on are wanted.
    pub since: Timestamp,
    /// When it was last asked for.
    pub asked_at: Timestamp,
    /// How far they are brought.
    pub pass: Pass,
}

impl Backfill {
    /// One that was asked for at `now`.
    pub fn new(bundle_id: Slug, form_id: MetaId, since: Timestamp, now: Timestamp) -> Self {
        Self { bundle_id, form_id, since, asked_at: now, pass: Pass::new(since, now) }
    }

    /// Holds of its row as long as nobody asked for it anew.
    fn as_asked(&self) -> Condition {
        Condition::equals(ASKED_AT, self.asked_at.to_string())
    }
}

impl Store {
    /// Every backfill that is not at its end, by bundle and form.
    pub async fn backfills(&self) -> Result<Vec<Backfill>, StoreError> {
        self.list(&Query::partition(TABLE, keys::BACKFILLS)).await
    }

    /// Notes a backfill, and how far it is. One that is under way for the same bundle and form and reaches further
    /// back begins anew and keeps its reach. Returns what is kept.
    pub async fn begin_backfill(&self, asked: Backfill) -> Result<Backfill, StoreError> {
        let key = keys::backfill(&asked.bundle_id, &asked.form_id);
        let known: Option<Backfill> = self.read(TABLE, &key).await?;
        let since = known.map_or(asked.since, |known| known.since.min(asked.since));
        let kept = Backfill::new(asked.bundle_id, asked.form_id, since, asked.asked_at);
        self.put_backfill(&kept, Condition::none()).await?;
        Ok(kept)
    }

    /// Keeps how far a backfill is, unless it was asked for anew meanwhile or is at its end.
    pub async fn save_backfill(&self, backfill: &Backfill) -> Result<(), StoreError> {
        self.put_backfill(backfill, backfill.as_asked()).await
    }

    /// Forgets a backfill that is at its end, or cannot come to one, unless it was asked for anew meanwhile.
    pub async fn forget_backfill(&self, backfill: &Backfill) -> Result<(), StoreError> {
        let key = keys::backfill(&backfill.bundle_id, &backfill.form_id);
        self.write_anyway(Write::Delete { table: TABLE, key, condition: backfill.as_asked() }).await
    }

    async fn put_backfill(&self, backfill: &Backfill, condition: Condition) -> Result<(), StoreError> {
        let mut item = row::row(&keys::backfill(&backfill.bundle_id, &backfill.form_id), backfill)?;
        item.insert(EXPIRES_AT.to_owned(), (backfill.asked_at + KEPT).as_second().into());
        self.write_anyway(Write::Put { table: TABLE, item, condition }).await
    }
    /// Forgets every backfill of a bundle that is gone.
    pub async fn forget_backfills(&self, bundle: &Slug) -> Result<(), StoreError> {
        for backfill in self.backfills().await?.into_iter().filter(|backfill| backfill.bundle_id == *bundle) {
            self.forget_backfill(&backfill).await?;
        }
        Ok(())
    }
}
