mod resolution;

use std::{collections::BTreeSet, fmt};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Bundle, LeadgenEvent, MetaId, Reason, Slug, Stage, State, Step};

/// What makes a transaction unique: one bundle applied to one lead.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TransactionId {
    /// The lead.
    pub leadgen_id: MetaId,
    /// The bundle.
    pub bundle_id: Slug,
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bundle_id, self.leadgen_id)
    }
}

/// The durable record of one bundle applied to one lead: how far it is, why it stands where it stands, and what was
/// done. It holds no personal data but what [`MaskedContact`] leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Which bundle and which lead.
    #[serde(flatten)]
    pub id: TransactionId,
    /// The version of the bundle that is or was applied.
    pub bundle_version: u32,
    /// The page the lead came from.
    pub page_id: MetaId,
    /// The form the lead came from.
    pub form_id: MetaId,
    /// The Facebook connection the answers are read with.
    pub source_connection: Slug,
    /// The RemOnline connection that is written with.
    pub client_connection: Slug,
    /// The RemOnline account that is written to.
    pub account_id: AccountId,
    /// How the lead came to us.
    pub source: Source,
    /// What the user is told.
    pub state: State,
    /// Why, where the state needs a reason.
    pub reason: Option<Reason>,
    /// How far the protocol is.
    pub stage: Stage,
    /// When it is to be worked on next; `None` when it waits for a person, for its bundle, or for nothing.
    pub due_at: Option<Timestamp>,
    /// The connection to blame when the reason is about one.
    pub blocked_by: Option<Slug>,
    /// Tries in a row that failed for a passing reason.
    pub tries: u32,
    /// Meta's time of the lead, once read.
    pub created_at: Option<Timestamp>,
    /// When the row was made.
    pub received_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
    /// The client, once known.
    pub client_id: Option<i64>,
    /// How the client was settled.
    pub client_outcome: Option<ClientOutcome>,
    /// The order, once known.
    pub order_id: Option<i64>,
    /// How the order was settled.
    pub order_outcome: Option<OrderOutcome>,
    /// The person, masked.
    pub contact: MaskedContact,
    /// Keyed hash of the phone number, for searching.
    pub phone_hash: Option<String>,
    /// Keyed hash of the e-mail address, for searching.
    pub email_hash: Option<String>,
    /// Keyed hashes under which the dedup index knows of the person because of this lead.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub person_hashes: BTreeSet<String>,
    /// What was done, oldest first, the last [`Transaction::MAX_STEPS`] of it.
    pub steps: Vec<Step>,
    /// Counts every change, so that two writers cannot overwrite each other.
    pub revision: u64,
}

/// How a lead came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Meta told us.
    Webhook,
    /// We found it in Meta's list.
    Reconcile,
    /// A person asked for old leads.
    Backfill,
}

/// How the client was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientOutcome {
    /// Made by us.
    Created,
    /// Existed and was changed.
    Updated,
    /// Existed and needed no change.
    Unchanged,
    /// Existed and is used as it is.
    Found,
}

/// How the order was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    /// Made by us.
    Created,
    /// Existed and is used as it is.
    Found,
    /// Existed and got a comment.
    Commented,
    /// The bundle wants none.
    None,
}

/// The person, as far as a history may show it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedContact {
    /// First letters.
    pub name: String,
    /// Country code and the last two digits.
    pub phone: String,
    /// First letter and domain.
    pub email: String,
}

/// A change that the state machine does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a transaction that is {from:?} cannot become {to}")]
pub struct IllegalTransition {
    /// The state it is in.
    pub from: State,
    /// What was asked.
    pub to: &'static str,
}

impl Transaction {
    /// Steps kept; the oldest go first.
    pub const MAX_STEPS: usize = 60;

    /// A lead that was just announced, due at once.
    pub fn received(
        event: &LeadgenEvent,
        bundle: &Bundle,
        account_id: AccountId,
        source: Source,
        now: Timestamp,
    ) -> Self {
        Self {
            id: TransactionId { leadgen_id: event.leadgen_id.clone(), bundle_id: bundle.id.clone() },
            bundle_version: bundle.version,
            page_id: event.page_id.clone(),
            form_id: event.form_id.clone(),
            source_connection: bundle.document.source.connection.clone(),
            client_connection: bundle.document.client.connection.clone(),
            account_id,
            source,
            state: State::Received,
            reason: None,
            stage: Stage::Received,
            due_at: Some(now),
            blocked_by: None,
            tries: 0,
            created_at: None,
            received_at: now,
            updated_at: now,
            client_id: None,
            client_outcome: None,
            order_id: None,
            order_outcome: None,
            contact: MaskedContact::default(),
            phone_hash: None,
            email_hash: None,
            person_hashes: BTreeSet::new(),
            steps: Vec::new(),
            revision: 0,
        }
    }

    /// Whether nothing more will happen by itself or by a retry.
    pub fn is_final(&self) -> bool {
        matches!(self.state, State::Done | State::Skipped | State::Erased)
    }

    /// How long a lead that is done took, from the person's click; one that was asked for later, from then on.
    pub fn took(&self) -> Option<SignedDuration> {
        if self.state != State::Done {
            return None;
        }
        let created_at = self.created_at.filter(|_| self.source != Source::Backfill);
        Some((self.updated_at.duration_since(created_at.unwrap_or(self.received_at))).max(SignedDuration::ZERO))
    }

    /// Appends a step, dropping the oldest beyond [`Self::MAX_STEPS`].
    pub fn add_step(&mut self, step: Step) {
        if self.steps.len() >= Self::MAX_STEPS {
            self.steps.remove(0);
        }
        self.steps.push(step);
    }

    /// Work goes on: the state is `running` and stays due, so that a crash is noticed.
    pub fn run(&mut self, stage: Stage, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave("running")?;
        if !self.stage.may_become(&stage) {
            return Err(IllegalTransition { from: self.state, to: "an earlier stage" });
        }
        self.stage = stage;
        self.keep_running(now);
        Ok(())
    }

    /// Goes on by itself at `until`; `None` when it waits for its bundle.
    pub fn wait(&mut self, reason: Reason, until: Option<Timestamp>, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave_for(State::Waiting, reason, "waiting")?;
        self.enter(State::Waiting, Some(reason), until, now);
        Ok(())
    }

    /// Needs a person.
    pub fn park(&mut self, reason: Reason, blocked_by: Option<Slug>, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave_for(State::Parked, reason, "parked")?;
        self.enter(State::Parked, Some(reason), None, now);
        self.blocked_by = blocked_by;
        Ok(())
    }

    /// Needs a person who looks into RemOnline.
    pub fn review(&mut self, reason: Reason, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave_for(State::Review, reason, "review")?;
        self.enter(State::Review, Some(reason), None, now);
        Ok(())
    }

    /// Left out on purpose.
    pub fn skip(&mut self, reason: Reason, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave_for(State::Skipped, reason, "skipped")?;
        self.enter(State::Skipped, Some(reason), None, now);
        Ok(())
    }

    /// The client is known from now on.
    pub fn set_client(&mut self, id: i64, outcome: ClientOutcome, now: Timestamp) -> Result<(), IllegalTransition> {
        self.run(Stage::ClientSet, now)?;
        self.client_id = Some(id);
        self.client_outcome = Some(outcome);
        Ok(())
    }

    /// The client that was recorded is gone in RemOnline: deleted, or merged into another one. It is looked for again.
    ///
    /// The one exception to I7, without which such a lead could never get its order. It is narrow: only where no order is
    /// intended or known, so that nothing that was sent can be forgotten with the client; and the caller has just been
    /// told by RemOnline, asked for the id, that there is no such client.
    pub fn lose_client(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave("without its client")?;
        if self.stage != Stage::ClientSet {
            return Err(IllegalTransition { from: self.state, to: "without its client" });
        }
        self.stage = Stage::Fetched;
        self.client_id = None;
        self.client_outcome = None;
        self.keep_running(now);
        Ok(())
    }

    /// The order is known from now on.
    pub fn set_order(
        &mut self,
        id: Option<i64>,
        outcome: OrderOutcome,
        now: Timestamp,
    ) -> Result<(), IllegalTransition> {
        self.run(Stage::OrderSet, now)?;
        self.order_id = id;
        self.order_outcome = Some(outcome);
        Ok(())
    }

    /// Everything is as the bundle says.
    pub fn finish(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave("done")?;
        if self.stage != Stage::OrderSet {
            return Err(IllegalTransition { from: self.state, to: "done before its order is settled" });
        }
        self.enter(State::Done, None, None, now);
        Ok(())
    }

    /// A person or a connection that works again sets it going: due at once, its tries forgotten. The stage stays,
    /// so that nothing is sent twice.
    pub fn retry(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.leave("retried")?;
        if self.state == State::Running {
            return Err(IllegalTransition { from: self.state, to: "retried" });
        }
        self.tries = 0;
        self.enter(State::Received, None, Some(now), now);
        Ok(())
    }

    /// The person wants to be forgotten: personal data goes, and the lead never comes back. One that is running must
    /// end its step first; one that was erased stays so.
    pub fn erase(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        if self.state == State::Running {
            return Err(IllegalTransition { from: self.state, to: "erased before its step ends" });
        }
        self.enter(State::Erased, None, None, now);
        self.contact = MaskedContact::default();
        self.phone_hash = None;
        self.email_hash = None;
        self.person_hashes.clear();
        for step in &mut self.steps {
            step.detail = None;
            step.request = None;
        }
        Ok(())
    }

    /// Leaves for a state that needs a reason, which must be one of its own.
    fn leave_for(&self, state: State, reason: Reason, to: &'static str) -> Result<(), IllegalTransition> {
        self.leave(to)?;
        let other_state = IllegalTransition { from: self.state, to: "anything for a reason of another state" };
        if reason.fits(state) { Ok(()) } else { Err(other_state) }
    }

    fn leave(&self, to: &'static str) -> Result<(), IllegalTransition> {
        if self.is_final() { Err(IllegalTransition { from: self.state, to }) } else { Ok(()) }
    }

    /// It keeps its place among what is due, since each move in that list is a write.
    fn keep_running(&mut self, now: Timestamp) {
        let due_at = self.due_at.filter(|due_at| *due_at <= now).unwrap_or(now);
        self.enter(State::Running, None, Some(due_at), now);
    }

    fn enter(&mut self, state: State, reason: Option<Reason>, due_at: Option<Timestamp>, now: Timestamp) {
        self.state = state;
        self.reason = reason;
        self.due_at = due_at;
        self.blocked_by = None;
        self.updated_at = now;
    }
}

#[cfg(test)]
mod tests;
