//! The words of the product and their rules.
//!
//! This crate knows no network, no table, no clock and no async: everything in it can be called from a test with
//! plain values. A [`Bundle`] makes a plan of a [`Lead`]; a [`Transaction`] remembers how far the plan was
//! carried out. Where new things go: a field transform is a template filter; a new outcome is a
//! [`Reason`], which the compiler then asks for wherever reasons are told apart.

mod bundle;
mod clock;
mod connection;
mod event;
mod ids;
mod lead;
mod schedule;
mod transaction;

pub use bundle::{
    Bundle, BundleDocument, BundleState, ClientDuplicates, ClientFields, ClientMode, ClientRules, Match, MatchKey,
    OnUpdate, OrderDuplicates, OrderFields, OrderMatchKey, OrderMode, OrderRules, Source, TestLeads, Value, WhenFound,
};
pub use clock::Clock;
pub use connection::{Account, AccountId, Connection, ConnectionKind, ConnectionState, PhoneSearch};
pub use event::{LeadgenEvent, QueueMessage};
pub use ids::{IdError, MetaId, Slug, marker};
pub use lead::{Answer, Form, Lead, Question, QuestionOption};
pub use schedule::{Timing, backoff};
pub use transaction::{
    Attempt, ClientOutcome, IllegalTransition, MaskedContact, OrderOutcome, Reason, Source as LeadSource, Stage, State,
    Step, StepKind, StepRequest, Transaction, TransactionId,
};
