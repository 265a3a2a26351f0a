//! Trouble at full load, and how the product gets over it, measured in the run's own time against the goals of a shop: how
//! long people wait on a good day, after a night's outage, after a key was revoked, and where answers get lost.

use std::{fmt, sync::Arc, time::Duration};

use domain::{Reason, State, StepKind, Transaction};
use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use scheduler::Job;

use crate::{
    bench::Bench,
    clocks,
    effects::Fates,
    people::anybody,
    queue::Unreliable,
    rules::document,
    run,
    script::{Event, Script},
    weather::Weather,
    world::{COMPANIES, FORMS, Refused, Setting, World},
};

/// What RemOnline's allowance suffices for at the latest, where all leads come at once.
const OF_A_LEAD: Duration = Duration::from_millis(1_500);

const HOUR: Duration = Duration::from_secs(3600);

/// The bundle, which makes a client and an order of every lead.
const BUNDLE: &str = "repair";

/// What must not be done twice.
const CREATES: [StepKind; 2] = [StepKind::CreateClient, StepKind::CreateOrder];

/// Trouble at full load.
#[derive(Debug)]
pub struct Drill {
    /// What it is.
    pub name: &'static str,
    leads: usize,
    /// From one lead to the next.
    apart: Duration,
    /// RemOnline is down from the beginning on, for so long.
    down: Duration,
    /// The key is refused from the beginning on, for so long.
    refused: Duration,
    /// Of so many in ten thousand exchanges the answer is lost.
    lost: u32,
    measure: fn(&Aftermath) -> Vec<Figure>,
}

/// A goal and what was measured.
#[derive(Debug)]
pub struct Figure {
    /// What was measured.
    pub what: &'static str,
    is: Amount,
    at_most: Amount,
}

/// How much of something.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Amount {
    Time(SignedDuration),
    Number(usize),
}

/// What is left when it is over.
struct Aftermath {
    world: Arc<World>,
    /// In the order in which the leads came, each with the moment at which its form was sent.
    transactions: Vec<(Timestamp, Transaction)>,
    /// When the trouble was over.
    over_at: Timestamp,
}

impl Drill {
    /// So many leads at once: nothing but RemOnline's allowance holds them up.
    pub fn backlog(leads: usize) -> Self {
        let (apart, down, refused, lost) = (Duration::ZERO, Duration::ZERO, Duration::ZERO, 0);
        let measure: fn(&Aftermath) -> Vec<Figure> = |after| vec![after.not_done(), after.unused_allowance()];
        Self { name: "a backlog", leads, apart, down, refused, lost, measure }
    }

    /// So many leads while one answer in fifty is lost: none of them is left to a person.
    pub fn lost_answers(leads: usize) -> Self {
        let (apart, down, refused, lost) = (Duration::from_secs(10), Duration::ZERO, Duration::ZERO, 200);
        let measure: fn(&Aftermath) -> Vec<Figure> = |after| vec![after.not_done(), after.doubts_settled()];
        Self { name: "one answer in fifty lost", leads, apart, down, refused, lost, measure }
    }

    /// All of them.
    pub fn all() -> [Self; 6] {
        let seconds = Duration::from_secs;
        let (down, refused, lost) = (Duration::ZERO, Duration::ZERO, 0);
        [
            Self {
                name: "a good hour, a lead every 10 s",
                leads: 360,
                apart: seconds(10),
                down,
                refused,
                lost,
                measure: |after| after.waits().into_iter().chain([after.throttled()]).collect(),
            },
            Self {
                name: "RemOnline down for 8 h, 100 leads an hour",
                leads: 800,
                apart: seconds(36),
                down: 8 * HOUR,
                refused,
                lost,
                measure: |after| vec![after.not_done(), after.made_up_for()],
            },
            Self {
                name: "RemOnline down for 14 days, 25 leads on the first",
                leads: 25,
                apart: seconds(3_000),
                down: 14 * 24 * HOUR,
                refused,
                lost,
                measure: |after| vec![after.not_in_sight()],
            },
            Self {
                name: "key revoked for 2 h, 1,000 leads",
                leads: 1_000,
                apart: seconds(7),
                down,
                refused: 2 * HOUR,
                lost,
                measure: |after| vec![after.refused_calls(), after.not_done(), after.made_up_for()],
            },
            Self::lost_answers(1_000),
            Self::backlog(1_000),
        ]
    }

    /// Plays it. What must not be comes first: nothing is worth measuring where something was lost or doubled.
    pub fn play(&self, bench: &Bench) -> (Vec<String>, Vec<Figure>) {
        let trouble = self.down.max(self.refused);
        let weather = Weather::outage("shop-a ", self.down).losing(self.lost);
        let (outcome, world) = run::play(bench, 0, self.script(trouble), Fates::Chance(Box::new(weather)), false);
        let sent = (0..).map(|number| clocks::start() + signed(self.apart * number));
        let transactions = sent.zip(block_on(world.transactions())).collect();
        let after = Aftermath { world, transactions, over_at: clocks::start() + signed(trouble) };
        (outcome.verdict.breaches, (self.measure)(&after))
    }

    fn script(&self, trouble: Duration) -> Script {
        let mut events = Vec::new();
        if self.refused > Duration::ZERO {
            events.push((Duration::ZERO, Event::Refused(Refused::Key(0))));
        }
        let mut at = Duration::ZERO;
        for number in 0..self.leads {
            let told_after = vec![Duration::ZERO];
            events.push((at, Event::Lead { form: FORMS[0].to_owned(), answers: anybody(number), told_after }));
            at += self.apart;
        }
        if self.refused > Duration::ZERO {
            events.push((self.refused, Event::Mended(Refused::Key(0), true)));
        }
        Script {
            setting: Setting::of_a_seed(),
            events,
            calm_at: trouble.max(at).max(OF_A_LEAD * u32::try_from(self.leads).unwrap_or(u32::MAX)),
            bundles: vec![(BUNDLE.to_owned(), document(COMPANIES[0], FORMS[0], BUNDLE))],
            known: Vec::new(),
            unreliable: Unreliable::default(),
            stale_ms: 0,
            jobs: vec![Job::Reconcile, Job::Audit, Job::Check],
        }
    }
}

impl Aftermath {
    /// From the form to the order.
    fn waits(&self) -> Vec<Figure> {
        let wait = |(sent, transaction): &(Timestamp, Transaction)| transaction.updated_at.duration_since(*sent);
        let mut waits: Vec<SignedDuration> = self.transactions.iter().map(wait).collect();
        waits.sort();
        let goals = [("half the leads, to the order", 50, 5), ("95 %", 95, 20), ("99 %", 99, 60)];
        goals.map(|(what, percent, seconds)| within(&waits, what, percent, seconds)).into()
    }

    /// From a create whose outcome was unknown to the end of the lead.
    fn doubts_settled(&self) -> Figure {
        let doubt = |transaction: &Transaction| {
            let creates = transaction.steps.iter().filter(|step| CREATES.contains(&step.step));
            let mut unknown = creates.filter(|step| step.outcome == "outcome_unknown");
            unknown.next().map(|step| transaction.updated_at.duration_since(step.at))
        };
        let mut doubts: Vec<SignedDuration> = self.transactions.iter().filter_map(|(_, it)| doubt(it)).collect();
        doubts.sort();
        within(&doubts, "99 % of the creates in doubt, to the end", 99, 180)
    }

    fn throttled(&self) -> Figure {
        let requests = self.world.outside.companies[0].remonline.requests();
        let refused = requests.iter().filter(|request| request.status == Some(429)).count();
        let share = (100 * refused).div_ceil(requests.len());
        Figure { what: "calls answered 429, in per cent", is: Amount::Number(share), at_most: Amount::Number(1) }
    }

    fn not_done(&self) -> Figure {
        self.none("leads not done", |transaction| transaction.state != State::Done)
    }

    /// What is not done must stand in front of a person.
    fn not_in_sight(&self) -> Figure {
        self.none("leads neither done nor shown as expired", |transaction| {
            let expired = (transaction.state, transaction.reason) == (State::Parked, Some(Reason::Expired));
            transaction.state != State::Done && !expired
        })
    }

    fn made_up_for(&self) -> Figure {
        let last = self.transactions.iter().map(|(_, transaction)| transaction.updated_at).max();
        let is = last.map_or(SignedDuration::ZERO, |last| last.duration_since(self.over_at));
        let at_most = Amount::Time(SignedDuration::from_mins(40));
        Figure { what: "all made up for, after the end", is: Amount::Time(is), at_most }
    }

    /// Calls with a key that is refused, until the hourly probe tries it again.
    fn refused_calls(&self) -> Figure {
        let until = clocks::start() + SignedDuration::from_mins(59);
        let calls = self.world.outside.companies[0].calls();
        let calls = calls.iter().filter(|at| **at < until).count();
        Figure { what: "calls with the refused key", is: Amount::Number(calls), at_most: Amount::Number(3) }
    }

    /// Of RemOnline's three calls a second, from the first call to the last order.
    fn unused_allowance(&self) -> Figure {
        let done_at = self.transactions.iter().map(|(_, transaction)| transaction.updated_at).max();
        let mut calls = self.world.outside.companies[0].calls();
        calls.retain(|at| done_at.is_some_and(|done_at| *at <= done_at));
        let took =
            calls.iter().min().zip(done_at).map_or(0.0, |(first, last)| last.duration_since(*first).as_secs_f64());
        let used = (100.0 * calls.len() as f64 / (3.0 * took)).floor() as usize;
        let what = "RemOnline's allowance left unused, in per cent";
        Figure { what, is: Amount::Number(100_usize.saturating_sub(used)), at_most: Amount::Number(10) }
    }

    fn none(&self, what: &'static str, of: impl Fn(&Transaction) -> bool) -> Figure {
        let count = self.transactions.iter().filter(|(_, transaction)| of(transaction)).count();
        Figure { what, is: Amount::Number(count), at_most: Amount::Number(0) }
    }
}

/// How long the so many per cent of the quickest took, of times in order.
fn within(times: &[SignedDuration], what: &'static str, percent: usize, seconds: i64) -> Figure {
    let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
    // Nothing is shown where nothing happened.
    let is = times.get(place).copied().unwrap_or(SignedDuration::MAX);
    Figure { what, is: Amount::Time(is), at_most: Amount::Time(SignedDuration::from_secs(seconds)) }
}

impl Figure {
    /// How much it is: seconds, or a number.
    pub fn amount(&self) -> f64 {
        match self.is {
            Amount::Time(time) => time.as_secs_f64(),
            Amount::Number(number) => number as f64,
        }
    }

    /// Whether the goal was reached.
    pub fn is_met(&self) -> bool {
        self.is <= self.at_most
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, is, at_most } = self;
        write!(f, "{what}: {is} (goal: at most {at_most})")
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{:.1} s", time.as_secs_f64()),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}
