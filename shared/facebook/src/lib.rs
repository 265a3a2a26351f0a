//! Meta's side: webhook signature and payload, Graph API client.
//!
//! Meta's wire types are private. Out come the words of `domain`: a webhook body becomes [`LeadgenEvent`]s, an
//! answer of the Graph API a [`Lead`] or a [`Form`]. The Graph client, `graph`, is behind the feature of that name,
//! so that whoever only listens to Meta links no HTTP client.
//!
//! [`LeadgenEvent`]: domain::LeadgenEvent
//! [`Lead`]: domain::Lead
//! [`Form`]: domain::Form

mod challenge;
#[cfg(feature = "graph")]
pub mod graph;
mod signature;
mod strict;
mod webhook;

pub use challenge::{Challenge, answer_challenge};
pub use signature::{AppSecrets, AppSecretsError, SignatureError, appsecret_proof};
pub use strict::Unreadable;
pub use webhook::Webhook;
