use serde::{Deserialize, Serialize};

use crate::{AccountId, MetaId};

/// Meta's notice that a lead exists: ids only. Its time is not kept because it decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeadgenEvent {
    /// The lead.
    pub leadgen_id: MetaId,
    /// The page whose form was filled in.
    pub page_id: MetaId,
    /// The form.
    pub form_id: MetaId,
}

/// What stands in the lead queue. A message is only a nudge; the transactions table is the truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QueueMessage {
    /// A lead was announced by Meta's webhook.
    Lead(LeadgenEvent),
    /// An account has work that is due.
    Wake {
        /// The account to look at.
        account_id: AccountId,
    },
}
