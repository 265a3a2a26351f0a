use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{AccountId, Bundle, LeadgenEvent, MetaId, Slug};

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

/// What the user is told about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Recorded, not yet worked on.
    Received,
    /// Being worked on.
    Running,
    /// Goes on by itself at `due_at`, or when its bundle is started.
    Waiting,
    /// Needs a person; nothing unclear was sent.
    Parked,
    /// Needs a person, because it is unclear what RemOnline has.
    Review,
    /// Left out on purpose.
    Skipped,
    /// Client and order are as the bundle says.
    Done,
    /// Personal data removed at the person's wish; never processed again.
    Erased,
}

/// Why a transaction stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// RemOnline 429; Graph 4, 17, 32, 613, 80001, 80005.
    Throttled,
    /// RemOnline does not answer, or 500 to 504.
    RemonlineUnavailable,
    /// Meta does not answer, or says it cannot.
    GraphUnavailable,
    /// Meta announced the lead and does not show it yet.
    LeadNotReady,
    /// A create was sent and its answer is unknown.
    OutcomeUnknown,
    /// The bundle is stopped.
    BundleStopped,
    /// A template failed or a required field came out empty; nothing was sent.
    Mapping,
    /// RemOnline refused the data: 400, 404, 422.
    Rejected,
    /// RemOnline refused the key: 401.
    KeyRejected,
    /// The key or token lacks a right: RemOnline 403, 405; Graph 10, 200-299.
    Forbidden,
    /// Meta refused the token: Graph 190.
    GraphToken,
    /// Meta does not show the lead: deleted, older than 90 days, or kept from us.
    LeadUnreadable,
    /// 14 days of tries.
    Expired,
    /// The program failed on this lead twice.
    Panicked,
    /// A person paused the connection.
    Paused,
    /// RemOnline has an order that may be this one.
    SuspectedDouble,
    /// The bundle's filter said no.
    Filtered,
    /// One of Meta's dummy test leads.
    TestLead,
    /// `update_only` and no client was found.
    NoClient,
    /// Older than Meta keeps leads.
    Stale,
    /// A person decided so.
    Dismissed,
}

impl Reason {
    /// Whether the closed list of reasons allows this one in `state`.
    pub fn fits(self, state: State) -> bool {
        use Reason as R;
        match state {
            State::Received | State::Running | State::Done | State::Erased => false,
            State::Waiting => matches!(
                self,
                R::Throttled
                    | R::RemonlineUnavailable
                    | R::GraphUnavailable
                    | R::LeadNotReady
                    | R::OutcomeUnknown
                    | R::BundleStopped
            ),
            State::Parked => matches!(
                self,
                R::Mapping
                    | R::Rejected
                    | R::KeyRejected
                    | R::Forbidden
                    | R::GraphToken
                    | R::LeadUnreadable
                    | R::Expired
                    | R::Panicked
                    | R::Paused
            ),
            State::Review => matches!(self, R::OutcomeUnknown | R::SuspectedDouble),
            State::Skipped => matches!(self, R::Filtered | R::TestLead | R::NoClient | R::Stale | R::Dismissed),
        }
    }
}

/// How far the protocol is. An intent stands here before its request is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case")]
pub enum Stage {
    /// The lead is announced.
    Received,
    /// The answers are stored.
    Fetched,
    /// A client is about to be created, or was.
    ClientIntent(Attempt),
    /// The client is known.
    ClientSet,
    /// An order is about to be created, or was.
    OrderIntent(Attempt),
    /// The order is known, or none is wanted; what follows (status, comment) may be repeated.
    OrderSet,
}

/// One attempt to create something, as noted before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// When the first attempt was noted; look-ups search from a little before.
    pub first_at: Timestamp,
    /// The latest moment the request can have left: the end of the lease it was noted under.
    pub latest_send: Timestamp,
    /// Look-ups so far that found nothing.
    pub misses: u32,
    /// When a look-up last found nothing after the quiet period.
    pub missed_at: Option<Timestamp>,
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
    /// What the other side said, without personal data.
    pub detail: Option<String>,
    /// What was asked. The body is kept with the answers, not here.
    pub request: Option<StepRequest>,
    /// How long the exchange took, waiting for the rate limit not included.
    pub duration_ms: Option<u64>,
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
            steps: Vec::new(),
            revision: 0,
        }
    }

    /// Whether nothing more will happen by itself or by a retry.
    pub fn is_final(&self) -> bool {
        matches!(self.state, State::Done | State::Skipped | State::Erased)
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
        self.enter(State::Running, None, Some(now), now);
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

    fn enter(&mut self, state: State, reason: Option<Reason>, due_at: Option<Timestamp>, now: Timestamp) {
        self.state = state;
        self.reason = reason;
        self.due_at = due_at;
        self.blocked_by = None;
        self.updated_at = now;
    }
}

impl Stage {
    /// Whether `next` may follow: forward, or again with a higher attempt, and back only from an intent whose
    /// request is known not to have taken effect. Once an id is recorded there is no way back to an intent.
    pub fn may_become(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::ClientIntent(now), Self::ClientIntent(next)) | (Self::OrderIntent(now), Self::OrderIntent(next)) => {
                next.number >= now.number
            }
            (Self::ClientIntent(_), Self::Fetched) | (Self::OrderIntent(_), Self::ClientSet) => true,
            _ => self.rank() <= next.rank(),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Received => 0,
            Self::Fetched => 1,
            Self::ClientIntent(_) => 2,
            Self::ClientSet => 3,
            Self::OrderIntent(_) => 4,
            Self::OrderSet => 5,
        }
    }
}

impl Attempt {
    /// The first attempt, noted at `now` under a lease that ends at `latest_send`.
    pub fn first(now: Timestamp, latest_send: Timestamp) -> Self {
        Self { number: 1, first_at: now, latest_send, misses: 0, missed_at: None }
    }

    /// The attempt after this one, whose absence is settled.
    pub fn next(&self, latest_send: Timestamp) -> Self {
        Self { number: self.number + 1, first_at: self.first_at, latest_send, misses: 0, missed_at: None }
    }

    /// Notes a look-up that found nothing at `now`. True when the absence is settled: the quiet period is over and
    /// this is the second miss since, far enough from the one before.
    pub fn miss(&mut self, now: Timestamp, quiet_period: SignedDuration, between: SignedDuration) -> bool {
        self.misses += 1;
        if now < self.latest_send + quiet_period {
            return false;
        }
        match self.missed_at {
            Some(before) if now >= before + between => true,
            Some(_) => false,
            None => {
                self.missed_at = Some(now);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::{BundleState, fixtures::document};

    const REASONS: [Reason; 21] = [
        Reason::Throttled,
        Reason::RemonlineUnavailable,
        Reason::GraphUnavailable,
        Reason::LeadNotReady,
        Reason::OutcomeUnknown,
        Reason::BundleStopped,
        Reason::Mapping,
        Reason::Rejected,
        Reason::KeyRejected,
        Reason::Forbidden,
        Reason::GraphToken,
        Reason::LeadUnreadable,
        Reason::Expired,
        Reason::Panicked,
        Reason::Paused,
        Reason::SuspectedDouble,
        Reason::Filtered,
        Reason::TestLead,
        Reason::NoClient,
        Reason::Stale,
        Reason::Dismissed,
    ];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn received() -> Transaction {
        let id = |text: &str| text.parse::<MetaId>().unwrap();
        let event = LeadgenEvent { leadgen_id: id("9"), page_id: id("1"), form_id: id("7") };
        let bundle = Bundle {
            id: "repair".parse().unwrap(),
            version: 3,
            state: BundleState::Active,
            page_id: id("1"),
            first_started_at: None,
            created_at: at(0),
            document: document(),
        };
        Transaction::received(&event, &bundle, AccountId::new("acme"), Source::Webhook, at(0))
    }

    fn attempt(number: u32) -> Attempt {
        Attempt { number, ..Attempt::first(at(0), at(75)) }
    }

    #[test]
    fn a_lead_goes_from_received_to_done() {
        let mut it = received();
        assert_eq!((it.state, it.due_at, it.bundle_version), (State::Received, Some(at(0)), 3));
        it.run(Stage::Fetched, at(1)).unwrap();
        it.run(Stage::ClientIntent(attempt(1)), at(2)).unwrap();
        it.set_client(31, ClientOutcome::Created, at(3)).unwrap();
        it.run(Stage::OrderIntent(attempt(1)), at(4)).unwrap();
        assert!(it.finish(at(5)).is_err());
        it.set_order(Some(41), OrderOutcome::Created, at(5)).unwrap();
        it.finish(at(6)).unwrap();
        assert_eq!((it.state, it.reason, it.due_at), (State::Done, None, None));
        assert_eq!((it.client_id, it.order_id, it.updated_at), (Some(31), Some(41), at(6)));
    }

    #[rstest]
    #[case(State::Waiting, &[0, 1, 2, 3, 4, 5])]
    #[case(State::Parked, &[6, 7, 8, 9, 10, 11, 12, 13, 14])]
    #[case(State::Review, &[4, 15])]
    #[case(State::Skipped, &[16, 17, 18, 19, 20])]
    fn each_state_takes_its_own_reasons_only(#[case] state: State, #[case] fitting: &[usize]) {
        for (number, reason) in REASONS.iter().enumerate() {
            let mut it = received();
            let moved = match state {
                State::Waiting => it.wait(*reason, Some(at(9)), at(1)),
                State::Parked => it.park(*reason, None, at(1)),
                State::Review => it.review(*reason, at(1)),
                _ => it.skip(*reason, at(1)),
            };
            assert_eq!(moved.is_ok(), fitting.contains(&number), "{reason:?}");
            let expected = if moved.is_ok() { (state, Some(*reason)) } else { (State::Received, None) };
            assert_eq!((it.state, it.reason), expected);
        }
    }

    #[test]
    fn a_retry_keeps_the_stage_and_forgets_the_tries() {
        let mut it = received();
        it.run(Stage::OrderIntent(attempt(2)), at(1)).unwrap();
        assert!(it.retry(at(2)).is_err());
        it.tries = 7;
        it.park(Reason::KeyRejected, Some("shop".parse().unwrap()), at(2)).unwrap();
        it.retry(at(3)).unwrap();
        assert_eq!((it.state, it.reason, it.due_at, it.tries), (State::Received, None, Some(at(3)), 0));
        assert_eq!((it.stage, it.blocked_by), (Stage::OrderIntent(attempt(2)), None));
    }

    #[test]
    fn an_erased_lead_holds_nobody_and_never_comes_back() {
        let mut it = received();
        it.run(Stage::Fetched, at(1)).unwrap();
        assert!(it.erase(at(2)).is_err());
        it.park(Reason::Rejected, None, at(2)).unwrap();
        it.contact.name = "O. K.".to_owned();
        it.phone_hash = Some("hash".to_owned());
        it.erase(at(3)).unwrap();
        it.erase(at(4)).unwrap();
        assert_eq!((it.state, it.due_at, it.phone_hash.as_ref()), (State::Erased, None, None));
        assert_eq!(it.contact, MaskedContact::default());
        assert!(it.retry(at(5)).is_err());
    }

    #[test]
    fn old_steps_make_room() {
        let mut it = received();
        for status in 0..100 {
            let step = Step {
                at: at(i64::from(status)),
                step: StepKind::FindOrder,
                outcome: "not_found".to_owned(),
                status: Some(status),
                code: None,
                detail: None,
                request: None,
                duration_ms: None,
            };
            it.add_step(step);
        }
        assert_eq!(it.steps.len(), Transaction::MAX_STEPS);
        assert_eq!((it.steps[0].status, it.steps[59].status), (Some(40), Some(99)));
    }

    #[rstest]
    #[case::in_quiet_period(&[76, 134], &[false, false], None)]
    #[case::two_far_apart(&[135, 145], &[false, true], Some(135))]
    #[case::too_close(&[135, 140, 144, 145], &[false, false, false, true], Some(135))]
    #[case::quiet_misses_do_not_count(&[100, 134, 136, 146], &[false, false, false, true], Some(136))]
    #[case::late(&[100_000, 200_000], &[false, true], Some(100_000))]
    fn absence_needs_the_quiet_period_and_two_misses(
        #[case] looked_at: &[i64],
        #[case] settled: &[bool],
        #[case] first_miss: Option<i64>,
    ) {
        let mut attempt = attempt(1);
        let miss =
            |second: &i64| attempt.miss(at(*second), SignedDuration::from_secs(60), SignedDuration::from_secs(10));
        assert_eq!(looked_at.iter().map(miss).collect::<Vec<_>>(), settled);
        assert_eq!(attempt.misses as usize, looked_at.len());
        assert_eq!(attempt.missed_at, first_miss.map(at));
        let next = attempt.next(at(300_000));
        assert_eq!((next.number, next.misses, next.missed_at, next.first_at), (2, 0, None, at(0)));
    }

    /// Something that may be asked of a transaction.
    #[derive(Debug, Clone)]
    enum Event {
        Run(Stage),
        Wait(Reason),
        Park(Reason),
        Review(Reason),
        Skip(Reason),
        SetClient,
        SetOrder,
        Finish,
        Retry,
    }

    fn any_event() -> impl Strategy<Value = Event> {
        let number = 1..5_u32;
        let stage = prop_oneof![
            Just(Stage::Received),
            Just(Stage::Fetched),
            number.clone().prop_map(|number| Stage::ClientIntent(attempt(number))),
            Just(Stage::ClientSet),
            number.prop_map(|number| Stage::OrderIntent(attempt(number))),
            Just(Stage::OrderSet),
        ];
        let reason = || proptest::sample::select(REASONS.to_vec());
        prop_oneof![
            4 => stage.prop_map(Event::Run),
            2 => reason().prop_map(Event::Wait),
            2 => reason().prop_map(Event::Park),
            1 => reason().prop_map(Event::Review),
            1 => reason().prop_map(Event::Skip),
            1 => Just(Event::SetClient),
            1 => Just(Event::SetOrder),
            1 => Just(Event::Finish),
            2 => Just(Event::Retry),
        ]
    }

    fn apply(it: &mut Transaction, event: &Event, now: Timestamp) -> Result<(), IllegalTransition> {
        match event {
            Event::Run(stage) => it.run(stage.clone(), now),
            Event::Wait(reason) => it.wait(*reason, Some(now), now),
            Event::Park(reason) => it.park(*reason, None, now),
            Event::Review(reason) => it.review(*reason, now),
            Event::Skip(reason) => it.skip(*reason, now),
            Event::SetClient => it.set_client(31, ClientOutcome::Found, now),
            Event::SetOrder => it.set_order(Some(41), OrderOutcome::Found, now),
            Event::Finish => it.finish(now),
            Event::Retry => it.retry(now),
        }
    }

    fn attempt_of(stage: &Stage) -> Option<u32> {
        match stage {
            Stage::ClientIntent(attempt) | Stage::OrderIntent(attempt) => Some(attempt.number),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn no_events_break_the_rules(events in proptest::collection::vec(any_event(), 0..40)) {
            let mut it = received();
            for (second, event) in (1..).zip(&events) {
                let before = it.clone();
                if apply(&mut it, event, at(second)).is_err() {
                    prop_assert_eq!(&it, &before);
                    continue;
                }
                prop_assert!(!before.is_final());
                prop_assert_eq!(it.reason.is_some(), it.reason.is_some_and(|reason| reason.fits(it.state)));
                let needs_reason = !matches!(it.state, State::Received | State::Running | State::Done);
                prop_assert_eq!(it.reason.is_some(), needs_reason);
                prop_assert!(it.due_at.is_some() || it.is_final() || it.reason.is_some());
                let (was, is) = (before.stage.rank(), it.stage.rank());
                prop_assert!(is >= was || (attempt_of(&before.stage).is_some() && is == was - 1));
                if was == is {
                    prop_assert!(attempt_of(&it.stage) >= attempt_of(&before.stage));
                }
                prop_assert!(it.state != State::Done || it.stage == Stage::OrderSet);
            }
        }
    }
}
