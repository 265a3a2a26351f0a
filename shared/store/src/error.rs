use crate::database::Unavailable;

/// Why the store gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Try again later. Whether a write was made is not known.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A row is not what this version of the product writes. The text names the row, not what is in it.
    #[error("the row {row} cannot be read")]
    Unreadable {
        /// Its table and key.
        row: String,
    },
}

impl StoreError {
    /// Others kept getting ahead of a change.
    pub(crate) fn busy() -> Self {
        Self::Unavailable(Unavailable("others keep changing the same row".to_owned()))
    }
}

/// Why something was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The id is taken.
    #[error("the id is taken: choose another one")]
    Exists,
    /// No answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why something was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// It was changed or deleted meanwhile: read it again.
    #[error("it was changed meanwhile: read it again and repeat the change")]
    Stale,
    /// No answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}
