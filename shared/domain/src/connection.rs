use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MetaId, Slug};

/// The RemOnline company behind an API key. Two connections whose keys belong to one company share it, and it
/// stays when a key is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

impl AccountId {
    /// Wraps an id read from a table.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Credentials of one system, without the secret itself: that is sealed and kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Chosen by the user or made from the title.
    pub id: Slug,
    /// Shown to the user.
    pub title: String,
    /// Which system.
    #[serde(flatten)]
    pub kind: ConnectionKind,
    /// Whether it may be used.
    pub state: ConnectionState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the key or token was last tried.
    pub checked_at: Timestamp,
}

/// Which system a connection leads to, with what only that system has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectionKind {
    /// A RemOnline API key.
    Remonline {
        /// The company behind the key.
        account: Account,
    },
    /// A Facebook page and its token.
    Facebook {
        /// The page.
        page_id: MetaId,
        /// The page's name at Meta.
        page_name: String,
    },
}

/// What is known of the RemOnline company behind a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Our id for it.
    pub id: AccountId,
    /// The company's name in RemOnline.
    pub name: String,
    /// How people can be searched there.
    #[serde(default)]
    pub phone_search: PhoneSearch,
    /// Whether people can be searched by e-mail address there.
    #[serde(default)]
    pub email_search: EmailSearch,
}

/// Whether RemOnline finds people by several phone spellings in one request. The answer is not documented, so it
/// is tried when a key is connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneSearch {
    /// One request for each spelling: right everywhere.
    #[default]
    OneByOne,
    /// All spellings in one request: seen to work for this account.
    Together,
}

/// Whether RemOnline finds people by their e-mail address. v2 documents no such filter, so it is tried when a key is
/// connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailSearch {
    /// It may: asking is right everywhere.
    #[default]
    Asked,
    /// The filter was seen to be ignored for this account: a request would show no more than the first page of everybody.
    Ignored,
}

/// Whether a connection may be used, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// In use.
    Active,
    /// The other side refused the key (RemOnline 401; Graph 190).
    KeyRejected,
    /// The key is right and not allowed to do what is needed (RemOnline 403, 405; Graph 10, 200-299).
    Forbidden,
    /// Stopped by a person.
    Paused,
}

impl Connection {
    /// The account of a RemOnline connection.
    pub fn account(&self) -> Option<&Account> {
        match &self.kind {
            ConnectionKind::Remonline { account } => Some(account),
            ConnectionKind::Facebook { .. } => None,
        }
    }

    /// The page of a Facebook connection.
    pub fn page_id(&self) -> Option<&MetaId> {
        match &self.kind {
            ConnectionKind::Facebook { page_id, .. } => Some(page_id),
            ConnectionKind::Remonline { .. } => None,
        }
    }

    /// What the secret of this connection is sealed for: it opens for nothing else.
    pub fn secret_purpose(&self) -> &'static str {
        match self.kind {
            ConnectionKind::Remonline { .. } => "api_key",
            ConnectionKind::Facebook { .. } => "page_token",
        }
    }

    /// `remonline` or `facebook`.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            ConnectionKind::Remonline { .. } => "remonline",
            ConnectionKind::Facebook { .. } => "facebook",
        }
    }
}
