//! The words of the product and their rules.
//!
//! This crate knows no network, no table, no clock and no async: everything in it can be called from a test with
//! plain values. A [`Bundle`] makes a plan of a [`Lead`]; a [`Transaction`] remembers how far the plan was
//! carried out. Where new things go: a field transform is a template filter; a new outcome is a
//! [`Reason`], which the compiler then asks for wherever reasons are told apart.

mod breaker;
mod bundle;
mod clock;
mod connection;
mod contact;
mod duplicates;
mod event;
mod fault;
mod fields;
mod filters;
#[cfg(test)]
mod fixtures;
mod ids;
mod lead;
mod mapping;
mod moment;
mod pass;
mod phone;
mod plan;
mod questions;
mod schedule;
mod scope;
mod stage;
mod state;
mod step;
mod text;
mod transaction;
mod update;
mod validation;

pub use breaker::Breaker;
pub use bundle::{
    Bundle, BundleDocument, BundleState, ClientDuplicates, ClientFields, ClientMode, ClientRules, Match, MatchKey,
    OnUpdate, OrderDuplicates, OrderFields, OrderMatchKey, OrderMode, OrderRules, Source, TestLeads, Value, WhenFound,
};
pub use clock::Clock;
pub use connection::{Account, AccountId, Connection, ConnectionKind, ConnectionState, EmailSearch, PhoneSearch};
pub use contact::{Contact, Email, split_name};
pub use duplicates::{
    ClientDecision, ExistingClient, ExistingOrder, MatchDoubt, Matches, OrderDecision, decide_client, decide_order,
};
pub use event::{LeadgenEvent, QueueMessage};
pub use fault::{Fault, MappingError, Place, TemplateError, TemplateFault};
pub use ids::{IdError, MetaId, Slug, marked, marker};
pub use lead::{Answer, Form, Lead, Question, QuestionOption};
pub use pass::{Pass, Stretch};
pub use phone::{Phone, same_phone};
pub use plan::{NewClient, NewOrder, Plan, Planned};
pub use questions::NamedQuestion;
pub use schedule::{Timing, backoff};
pub use stage::{Attempt, Stage};
pub use state::{Reason, State};
pub use step::{Detail, Step, StepKind, StepRequest};
pub use transaction::{
    ClientOutcome, IllegalTransition, MaskedContact, OrderOutcome, Source as LeadSource, Transaction, TransactionId,
};
pub use update::client_change;
pub use validation::bundle_schema;
