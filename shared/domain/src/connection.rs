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

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn stored(system: &serde_json::Value) -> Connection {
        let mut row = json!({
            "id": "main", "title": "Main", "state": "active",
            "created_at": "2026-11-01T09:00:00Z", "checked_at": "2026-11-01T09:00:00Z"
        });
        row.as_object_mut().unwrap().extend(system.as_object().unwrap().clone());
        serde_json::from_value(row).unwrap()
    }

    #[rstest]
    #[case(json!({"kind": "remonline", "account": {"id": "acme", "name": "Acme"}}), Some("acme"), None, "api_key")]
    #[case(json!({"kind": "facebook", "page_id": "110", "page_name": "Acme"}), None, Some("110"), "page_token")]
    fn a_connection_leads_to_one_system(
        #[case] system: serde_json::Value,
        #[case] account: Option<&str>,
        #[case] page: Option<&str>,
        #[case] purpose: &str,
    ) {
        let it = stored(&system);
        assert_eq!(it.account().map(|account| account.id.as_str()), account);
        assert_eq!(it.account().map(|account| account.id.to_string()), account.map(str::to_owned));
        assert_eq!(it.page_id().map(MetaId::as_str), page);
        assert_eq!(it.kind_name(), system["kind"], "as it is stored");
        // Of what was sealed before under another purpose nothing would open again.
        assert_eq!(it.secret_purpose(), purpose);
    }

    /// Rows that are older than a search was tried say nothing of it.
    #[test]
    fn what_was_not_tried_is_asked_in_the_way_that_is_right_everywhere() {
        let it = stored(&json!({"kind": "remonline", "account": {"id": "acme", "name": "Acme"}}));
        let account = it.account().unwrap();
        assert_eq!((account.phone_search, account.email_search), (PhoneSearch::OneByOne, EmailSearch::Asked));
    }
}
