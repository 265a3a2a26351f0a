use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{MappingError, MatchDoubt};

/// One thing that was done for a transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When it ended.
    pub at: Timestamp,
    /// What it was.
    pub step: StepKind,
    /// How it went, in a word: `ok`, `created`, `not_found`, or a reason.
    pub outcome: String,
    /// The HTTP status the other side answered.
    pub status: Option<u16>,
    /// The error code in the other side's answer.
    pub code: Option<i64>,
    /// What more is known of how it went.
    pub detail: Option<Detail>,
    /// What was asked. The body is kept with the answers, not here.
    pub request: Option<StepRequest>,
    /// How long the exchange took, waiting for the rate limit not included.
    pub duration_ms: Option<u64>,
}

/// What is known of how a step went, without personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// What the other side said, or the machine in between.
    Words(String),
    /// What keeps the bundle from being applied.
    Faults(Vec<MappingError>),
    /// Why another client might have been meant.
    Doubt(MatchDoubt),
    /// The program ended while the request was sent. It is not sent again.
    Interrupted,
}

/// A request as the history shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRequest {
    /// The HTTP method.
    pub method: String,
    /// The path without its query, which may hold a phone number.
    pub path: String,
    /// The body, only where the reader may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
}

/// What a step was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The answers were fetched from Meta.
    FetchLead,
    /// The bundle was applied.
    Plan,
    /// The client was looked for.
    FindClient,
    /// A client was created.
    CreateClient,
    /// A client was updated.
    UpdateClient,
    /// An order was looked for.
    FindOrder,
    /// An order was created.
    CreateOrder,
    /// The order's status was set.
    SetStatus,
    /// A comment was left on an order.
    Comment,
}

impl StepKind {
    /// As it is written everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::FetchLead => "fetch_lead",
            Self::Plan => "plan",
            Self::FindClient => "find_client",
            Self::CreateClient => "create_client",
            Self::UpdateClient => "update_client",
            Self::FindOrder => "find_order",
            Self::CreateOrder => "create_order",
            Self::SetStatus => "set_status",
            Self::Comment => "comment",
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    #[rstest]
    fn a_step_is_logged_as_it_is_kept(
        #[values(
            "fetch_lead",
            "plan",
            "find_client",
            "create_client",
            "update_client",
            "find_order",
            "create_order",
            "set_status",
            "comment"
        )]
        name: &str,
    ) {
        let kind: StepKind = serde_json::from_value(name.into()).unwrap();
        assert_eq!(kind.name(), name);
    }
}
