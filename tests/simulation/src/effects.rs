//! Every effect of the product passes here: it gets a number and a name, and something may befall it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{plan::Plan, process::Fuse, weather::Weather};

/// What an effect is, as far as it decides what can befall it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The tables are read.
    StoreRead,
    /// One row is written.
    StorePut,
    /// Several rows are written at once.
    StoreTransaction,
    /// RemOnline or Meta is asked.
    Ask,
    /// RemOnline is told something that may be told again.
    Set,
    /// RemOnline is told something that must not be told twice.
    Create,
}

impl Kind {
    /// Whether it goes over HTTP.
    pub fn is_exchange(self) -> bool {
        matches!(self, Self::Ask | Self::Set | Self::Create)
    }

    /// Whether it changes something.
    pub fn writes(self) -> bool {
        !matches!(self, Self::StoreRead | Self::Ask)
    }
}

/// An effect that is about to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    /// Counts from 0 within a run.
    pub number: usize,
    /// Such as `shop POST /v2/orders` or `store write LEAD`.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// An effect that was had.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The effect.
    pub boundary: Boundary,
    /// What befell it.
    pub fate: Fate,
    /// When, after the beginning of the run.
    pub at: Duration,
}

/// What befalls an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Nothing.
    Fine,
    /// The process dies and nothing was done.
    CrashBefore,
    /// It is done and the process dies.
    CrashAfter,
    /// It fails and nothing was done.
    NotApplied,
    /// It is done and the answer is lost.
    AnswerLost,
    /// It is done once more below the caller, who gets the second answer.
    Repeated,
    /// The answer is lost and it is done so much later.
    LateCommit(Duration),
    /// This status, and nothing was done.
    Status(u16),
    /// It is done, then this status.
    DoneThenStatus(u16),
    /// It is done and the answer cannot be read.
    Garbage,
    /// 429, with `Retry-After` in seconds or without.
    Throttled(Option<u32>),
    /// The other side takes so long.
    Slow(Duration),
    /// The process stands still for so long before it goes on as if nothing had been.
    Frozen(Duration),
    /// An error of Meta's with this code and subcode.
    Graph(u32, Option<u32>),
}

/// Who decides what befalls an effect.
#[derive(Debug)]
pub enum Fates {
    /// Chance, until it is quiet.
    Chance(Box<Weather>),
    /// A plan by numbers.
    Plan(Plan),
}

/// The effects of one run.
#[derive(Debug)]
pub struct Effects(Mutex<State>);

#[derive(Debug)]
struct State {
    fates: Fates,
    next: usize,
    /// Whoever wants another one after so many dies: the run goes round in circles.
    most: usize,
    trace: DefaultHasher,
    began: Instant,
    /// Every boundary with what befell it, where somebody wants to know.
    record: Option<Vec<Seen>>,
    /// Until then a write may still take effect whose sender has given up.
    unsettled_until: Instant,
    /// Writes that have left and were not answered yet.
    in_flight: usize,
}

impl Effects {
    /// Nothing has happened yet.
    pub fn new(fates: Fates, recorded: bool, most: usize) -> Arc<Self> {
        let began = Instant::now();
        let (trace, record) = (DefaultHasher::new(), recorded.then(Vec::new));
        let state = State { fates, next: 0, most, trace, began, record, unsettled_until: began, in_flight: 0 };
        Arc::new(Self(Mutex::new(state)))
    }

    /// Those of somebody whom nothing befalls.
    pub(crate) fn none() -> Arc<Self> {
        Self::new(Fates::Plan(Plan::default()), false, usize::MAX)
    }

    /// The next effect, and what befalls it.
    fn next(&self, kind: Kind, name: &str) -> Fate {
        let mut state = self.state();
        let (number, most, at) = (state.next, state.most, state.began.elapsed());
        state.next += 1;
        let fate = match &mut state.fates {
            _ if number >= most => Fate::CrashBefore,
            Fates::Chance(weather) => weather.fate(kind, name, at),
            Fates::Plan(plan) => plan.fate(number, name),
        };
        (number, name, fate, at).hash(&mut state.trace);
        if let Fate::LateCommit(late) | Fate::Slow(late) = fate {
            let settled = Instant::now() + late;
            state.unsettled_until = state.unsettled_until.max(settled);
        }
        if let Some(record) = &mut state.record {
            record.push(Seen { boundary: Boundary { number, name: name.to_owned(), kind }, fate, at });
        }
        fate
    }

    /// Adds something to the trace that is no effect.
    pub fn note(&self, what: impl Hash) {
        what.hash(&mut self.state().trace);
    }

    /// How many effects there were, and a number that two runs have in common only if they did the same.
    pub fn trace(&self) -> (usize, u64) {
        let state = self.state();
        (state.next, state.trace.finish())
    }

    /// Whether there were more than anything takes that comes to an end.
    pub fn go_round_in_circles(&self) -> bool {
        let state = self.state();
        state.next >= state.most
    }

    /// Every boundary with what befell it; empty unless it was to be recorded.
    pub fn record(&self) -> Vec<Seen> {
        self.state().record.clone().unwrap_or_default()
    }

    /// From now on nothing befalls anything.
    pub fn calm(&self) {
        if let Fates::Chance(weather) = &mut self.state().fates {
            weather.calm();
        }
    }

    /// When every write that has left has taken effect, if it has any to come.
    pub fn settled_at(&self) -> Option<Instant> {
        let state = self.state();
        let now = Instant::now();
        let in_flight = (state.in_flight > 0).then(|| now + transport::TIMEOUT);
        in_flight.into_iter().chain([state.unsettled_until]).filter(|at| *at > now).max()
    }

    /// A write leaves; it is under way until what this gives is dropped.
    pub(crate) fn write_leaves(self: &Arc<Self>) -> UnderWay {
        self.state().in_flight += 1;
        UnderWay(Arc::clone(self))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write that has left and whose answer is awaited.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Effects>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

/// Where one process meets its effects.
#[derive(Debug, Clone)]
pub(crate) struct Seam {
    pub(crate) effects: Arc<Effects>,
    pub(crate) fuse: Arc<Fuse>,
}

impl Seam {
    /// That of a new process.
    pub(crate) fn new(effects: Arc<Effects>) -> Self {
        Self { effects, fuse: Arc::default() }
    }

    /// Passes the boundary of an effect. A process that dies here never comes back; one that was frozen goes on.
    pub(crate) async fn pass(&self, kind: Kind, name: &str) -> Fate {
        match self.effects.next(kind, name) {
            Fate::CrashBefore => match self.fuse.blow().await {},
            Fate::Frozen(pause) => {
                self.fuse.freeze();
                tokio::time::sleep(pause).await;
                Fate::Fine
            }
            fate => fate,
        }
    }

    /// The other side of the boundary.
    pub(crate) async fn passed(&self, fate: Fate) {
        if fate == Fate::CrashAfter {
            match self.fuse.blow().await {}
        }
    }
}
