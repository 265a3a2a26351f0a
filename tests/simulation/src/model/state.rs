//! What the model remembers: the tables, the invocations, and a moment of time.

use super::remonline::RemOnline;

/// Invocations that may work at the same time.
pub const WORKERS: usize = 2;

/// RemOnline's id of a client or an order: how many of its kind there were before it.
pub type Id = u8;

/// Time in the model's unit. Every length counts down, so that the time of day is no part of the state.
pub type Ticks = u8;

/// Everything between two actions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State<const LEADS: usize> {
    /// The table `transactions`: the row of each lead, once its message was taken.
    pub rows: [Option<Row>; LEADS],
    /// The table `dedup`: what is known of the one person whose leads these are.
    pub person: Person,
    /// The table `connections`: the account's lease.
    pub lease: Lease,
    /// The invocations of the processor.
    pub workers: [Worker; WORKERS],
    /// The other side.
    pub remonline: RemOnline<LEADS>,
    /// A recorded id was changed. Not part of the protocol: what happened cannot be seen from where it led.
    pub id_changed: bool,
    /// A stage was left in a way that [`domain::Stage::may_become`] forbids. Not part of the protocol either.
    pub rule_broken: bool,
}

/// [`domain::Transaction`]: what decides about writing once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// How far the protocol is.
    pub stage: Stage,
    /// Whether it goes on.
    pub outcome: Outcome,
    /// The client, once known.
    pub client: Option<Id>,
    /// The order, once known.
    pub order: Option<Id>,
}

/// [`domain::State`], as far as it decides whether a lead is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// `received`, `running` or `waiting`: it is due, now or later.
    Open,
    /// `review`: the attempts are used up, and a person looks into RemOnline.
    Review,
    /// `done`.
    Done,
}

/// [`domain::Stage`] from `fetched` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The answers are stored.
    Fetched,
    /// A client is about to be created, or was.
    ClientIntent(Attempt),
    /// The client is known.
    ClientSet,
    /// An order is about to be created, or was.
    OrderIntent(Attempt),
    /// The order is known.
    OrderSet,
}

/// [`domain::Attempt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u8,
    /// Time until the quiet period after the latest send is over.
    pub quiet_in: Ticks,
    /// A look-up found nothing after the quiet period.
    pub missed: bool,
}

/// What is created in RemOnline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The person's client: one for all the leads.
    Client,
    /// The lead's order.
    Order,
}

/// `store::PersonEntry`, for the person's only key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    /// No entry.
    Unknown,
    /// `claimed_by`: this lead is about to create the client.
    Claimed(usize),
    /// `client_id`.
    Known(Id),
}

/// `store::Lease`. The holder stands for owner and epoch: an invocation that took the lease holds it until somebody
/// else does, and never gets it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// Who was given it last and did not give it back.
    pub holder: Holder,
    /// Time until it ends and may be given to another one.
    pub left: Ticks,
}

/// Who holds the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// It was given back, or never taken.
    Nobody,
    /// This invocation.
    Worker(usize),
    /// An invocation that is dead.
    Gone,
}

/// One invocation of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    /// There is none.
    Idle,
    /// `processor::account::Shift`: it was given the lease.
    OnShift(Shift),
}

/// The work under a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shift {
    /// Time in which it may send. It knows its deadline and not whether it still holds the lease.
    pub left: Ticks,
    /// The lead in hand.
    pub telling: Option<Telling>,
}

/// `processor::story::Story`: one lead while it is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Telling {
    /// Which lead.
    pub lead: usize,
    /// The client, as far as this invocation knows.
    pub client: Option<Id>,
    /// Another invocation wrote the row since this one read or wrote it: its revision is another.
    pub overtaken: bool,
    /// What comes next.
    pub step: Step,
}

/// What an invocation does next about the lead in hand. Between any two steps it may pause, die or be overtaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Read the dedup index.
    ReadIndex,
    /// Search RemOnline for the person.
    Search,
    /// See whether there is time to send before the lease can end.
    CheckTime(Effect),
    /// Store the intent, and claim the person.
    Intend(Effect),
    /// Send the create.
    Send(Effect),
    /// Wait for RemOnline's answer.
    Await(Effect),
    /// Store the id.
    Record(Effect, Id),
    /// Store that the outcome is unknown, and until when the quiet period lasts.
    Doubt(Effect, Ticks),
    /// Store that the create did not take effect.
    Withdraw(Effect),
    /// Look for what an earlier create may have made.
    LookUp(Effect),
    /// Make of it that a look-up found nothing.
    Miss(Effect),
    /// Store that the lead is done.
    Finish,
}

impl<const LEADS: usize> State<LEADS> {
    /// No message was taken yet.
    pub fn new() -> Self {
        Self {
            rows: [None; LEADS],
            person: Person::Unknown,
            lease: Lease { holder: Holder::Nobody, left: 0 },
            workers: [Worker::Idle; WORKERS],
            remonline: RemOnline::new(),
            id_changed: false,
            rule_broken: false,
        }
    }

    /// The leads that are worked on.
    pub fn open_leads(&self) -> impl Iterator<Item = usize> + '_ {
        (0..LEADS).filter(|lead| self.rows[*lead].is_some_and(|row| row.outcome == Outcome::Open))
    }

    /// Every lead came, and is done or waits for a person: for itself, or for the lead that claims the client.
    pub fn is_settled(&self) -> bool {
        let outcome = |lead: usize| self.rows[lead].map(|row| row.outcome);
        let waits_for_review = match self.person {
            Person::Claimed(by) => outcome(by) == Some(Outcome::Review),
            Person::Unknown | Person::Known(_) => false,
        };
        self.rows.iter().all(|row| {
            row.is_some_and(|row| row.outcome != Outcome::Open || (row.stage == Stage::Fetched && waits_for_review))
        })
    }

    /// The lead that an invocation has in hand.
    pub fn telling(&self, worker: usize) -> Option<&Telling> {
        match &self.workers[worker] {
            Worker::OnShift(shift) => shift.telling.as_ref(),
            Worker::Idle => None,
        }
    }

    /// The invocation goes on with this step.
    pub(super) fn set_step(&mut self, worker: usize, step: Step) {
        if let Worker::OnShift(Shift { telling: Some(telling), .. }) = &mut self.workers[worker] {
            telling.step = step;
        }
    }
}

impl<const LEADS: usize> Default for State<LEADS> {
    fn default() -> Self {
        Self::new()
    }
}

impl Row {
    /// As `processor::record` and `processor::fetch` leave it.
    pub fn fetched() -> Self {
        Self { stage: Stage::Fetched, outcome: Outcome::Open, client: None, order: None }
    }

    /// The id of what was created, once recorded.
    pub fn id(&self, effect: Effect) -> Option<Id> {
        match effect {
            Effect::Client => self.client,
            Effect::Order => self.order,
        }
    }

    pub(super) fn id_mut(&mut self, effect: Effect) -> &mut Option<Id> {
        match effect {
            Effect::Client => &mut self.client,
            Effect::Order => &mut self.order,
        }
    }
}

impl Effect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Client, Self::Order];

    /// The intent to create it.
    pub fn intent(self, attempt: Attempt) -> Stage {
        match self {
            Self::Client => Stage::ClientIntent(attempt),
            Self::Order => Stage::OrderIntent(attempt),
        }
    }

    /// Where a lead stands before the intent.
    pub fn before(self) -> Stage {
        match self {
            Self::Client => Stage::Fetched,
            Self::Order => Stage::ClientSet,
        }
    }

    /// Where a lead stands once the id is recorded.
    pub fn after(self) -> Stage {
        match self {
            Self::Client => Stage::ClientSet,
            Self::Order => Stage::OrderSet,
        }
    }
}

impl Stage {
    /// The attempt of an intent.
    pub fn attempt(&self) -> Option<Attempt> {
        Effect::ALL.into_iter().find_map(|effect| self.attempt_at(effect))
    }

    /// The attempt of an intent to create this.
    pub fn attempt_at(&self, effect: Effect) -> Option<Attempt> {
        match (self, effect) {
            (Self::ClientIntent(attempt), Effect::Client) | (Self::OrderIntent(attempt), Effect::Order) => {
                Some(*attempt)
            }
            _ => None,
        }
    }
}
