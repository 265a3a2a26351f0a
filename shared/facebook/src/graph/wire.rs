//! What Meta's answers have in common.

use domain::{IdError, MetaId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::Value;
use url::Url;

use super::{Cause, GraphError};

/// Reads a `T` out of the answer to `path`. The error does not say which value was unfit, since that may be an
/// answer of a person.
pub(super) fn read<T: DeserializeOwned>(answer: Value, path: &str) -> Result<T, GraphError> {
    let unfit = |_| GraphError::Bug(Cause::ours(format!("the answer to {path} is not as documented")));
    serde_json::from_value(answer).map_err(unfit)
}

/// An id: Meta sends strings, and numbers where it forgets to.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "IdText")]
pub(super) struct Id(pub(super) MetaId);

#[derive(Deserialize)]
#[serde(untagged)]
enum IdText {
    Text(String),
    Number(u64),
}

impl TryFrom<IdText> for Id {
    type Error = IdError;

    fn try_from(id: IdText) -> Result<Self, IdError> {
        match id {
            IdText::Text(text) => text.parse().map(Self),
            IdText::Number(number) => number.to_string().parse().map(Self),
        }
    }
}

/// `true`, or `"true"` as the documentation prints it.
#[derive(Deserialize)]
pub(super) struct Success {
    success: Value,
}

impl Success {
    pub(super) fn is_true(&self) -> bool {
        self.success == true || self.success == "true"
    }
}

/// A date and time with an offset without a colon: `2026-09-21T13:33:21+0000`.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| D::Error::custom("not a date and time"))
}

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    cursors: Option<Cursors>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Cursors {
    after: Option<String>,
}

impl<T> List<T> {
    /// The cursor of the next page. There is one as long as `next` is there, however few items this page has.
    pub(super) fn next_cursor(&self) -> Option<String> {
        let paging = self.paging.as_ref()?;
        let next = paging.next.as_ref()?;
        let named = || Url::parse(next).ok()?.query_pairs().find(|(key, _)| key == "after").map(|(_, it)| it.into());
        paging.cursors.as_ref().and_then(|cursors| cursors.after.clone()).or_else(named)
    }
}
