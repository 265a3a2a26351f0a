use domain::{MetaId, Pass};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    database::{Query, Table, Write},
    keys,
    row::{self, EXPIRES_AT},
};

const TABLE: Table = Table::Transactions;

/// How long the row of a form stays that is not read any more: longer than Meta shows a lead.
const KEPT: SignedDuration = SignedDuration::from_hours(120 * 24);

/// How far the list of a form's leads is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// The page.
    pub page_id: MetaId,
    /// The form.
    pub form_id: MetaId,
    /// When the last pass began that came to its end: everything created before was listed then. A pass that is
    /// under way does not move it.
    pub read_at: Option<Timestamp>,
    /// The same of the last pass that went back over what Meta may list late.
    #[serde(default)]
    pub lately_read_at: Option<Timestamp>,
    /// The same of the last pass over all that Meta keeps.
    pub fully_read_at: Option<Timestamp>,
    /// How many leads Meta counted then.
    pub leads_count: Option<u64>,
    /// When the form was last read, to the end of a pass or not.
    pub tried_at: Option<Timestamp>,
    /// The pass that is under way.
    pub pass: Option<Pass>,
    /// How far back that one goes.
    #[serde(default)]
    pub reach: Reach,
}

/// How far back a pass goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// To what came since the last one.
    #[default]
    New,
    /// To what Meta may have listed late.
    Late,
    /// To all that Meta keeps.
    All,
}

impl Watermark {
    /// That of a form that was never read.
    pub fn new(page_id: MetaId, form_id: MetaId) -> Self {
        let (read_at, lately_read_at, fully_read_at) = (None, None, None);
        let (leads_count, tried_at, pass, reach) = (None, None, None, Reach::New);
        Self { page_id, form_id, read_at, lately_read_at, fully_read_at, leads_count, tried_at, pass, reach }
    }
}

impl Store {
    /// How far the forms of a page are read, by form.
    pub async fn watermarks(&self, page_id: &MetaId) -> Result<Vec<Watermark>, StoreError> {
        self.list(&Query::partition(TABLE, keys::watermarks(page_id))).await
    }

    /// Keeps how far a form is read now. Of two who read it at once the last one counts: at worst a stretch is read
    /// again.
    pub async fn save_watermark(&self, watermark: &Watermark, now: Timestamp) -> Result<(), StoreError> {
        let mut item = row::row(&keys::watermark(&watermark.page_id, &watermark.form_id), watermark)?;
        item.insert(EXPIRES_AT.to_owned(), (now + KEPT).as_second().into());
        self.write_anyway(Write::put(TABLE, item)).await
    }
}
