//! What happens outside in a run, and when: leads, revoked keys, clocks that are set.

use std::time::Duration;

use domain::backoff;
use jiff::SignedDuration;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use scheduler::Job;
use serde_json::{Value, json};

use crate::{
    people::Person,
    queue::Unreliable,
    rules,
    weather::{STALEST_SEARCH, Weather},
    world::{COMPANIES, FORMS, Refused, Setting},
};

/// Something that happens outside.
#[derive(Debug, Clone)]
pub enum Event {
    /// A person fills in a form, and Meta tells of it after each of these times.
    Lead {
        /// The form.
        form: String,
        /// What the person answers.
        answers: Vec<(String, Vec<String>)>,
        /// How long after each of Meta's notices comes; none when all of them are lost.
        told_after: Vec<Duration>,
    },
    /// A key or token is refused from now on.
    Refused(Refused),
    /// A person mends that, maybe with another key, and resumes the connection.
    Mended(Refused, bool),
    /// Our clock is wrong by so many seconds.
    OurClock(i64),
    /// A company's clock is.
    TheirClock(usize, i64),
}

/// Everything that a seed decides but the weather.
#[derive(Debug, Clone)]
pub struct Script {
    /// Who is there.
    pub setting: Setting,
    /// Events in the order of their times.
    pub events: Vec<(Duration, Event)>,
    /// When the faults stop.
    pub calm_at: Duration,
    /// Bundles by id.
    pub bundles: Vec<(String, Value)>,
    /// People the companies know before.
    pub known: Vec<Known>,
    /// What befalls messages.
    pub unreliable: Unreliable,
    /// How stale RemOnline's searches are, in milliseconds.
    pub stale_ms: u64,
    /// What the scheduler does. `wake` is done whenever something will be due; where it is named it is done each minute.
    pub jobs: Vec<Job>,
}

/// Somebody a company knows before.
#[derive(Debug, Clone)]
pub struct Known {
    /// Which company.
    pub company: usize,
    /// The card.
    pub card: Value,
    /// An order of the person, without its client.
    pub order: Option<Value>,
}

/// Clocks are wrong by so many seconds at most: two of them by ten minutes against each other.
const WRONG_BY: i64 = 290;

impl Script {
    /// What the seed decides.
    pub fn of(seed: u64) -> Self {
        let chance = &mut SmallRng::seed_from_u64(seed);
        let calm_at = length(chance);
        let people = people(chance);
        let wrong_clocks = chance.random_ratio(1, 4);
        let mut events = leads(chance, &people, calm_at);
        events.extend(refusals(chance, calm_at));
        if wrong_clocks {
            events.extend(settings_of_clocks(chance, calm_at));
        }
        events.sort_by_key(|(at, _)| *at);
        // A search is as stale as RemOnline's clock says, so only one of them is wrong.
        let stale_ms =
            if !wrong_clocks && chance.random_bool(0.5) { chance.random_range(0..=STALEST_SEARCH) } else { 0 };
        Self {
            setting: Setting::of_a_seed(),
            events,
            calm_at,
            bundles: bundles(chance),
            known: known(chance, &people),
            unreliable: unreliable(chance),
            stale_ms,
            jobs: vec![Job::Reconcile, Job::Audit, Job::Check],
        }
    }

    /// The weather that goes with it.
    pub fn weather(&self, seed: u64) -> Weather {
        Weather::of(seed.rotate_left(32), self.calm_at)
    }
}

/// The longest wait that the retry schedule gives after so many tries.
pub fn step_after(tries: u32) -> Duration {
    backoff(tries).unwrap_or(SignedDuration::ZERO).unsigned_abs()
}

/// An hour mostly, 15 days now and then.
fn length(chance: &mut SmallRng) -> Duration {
    let hours = match chance.random_range(0..100) {
        0..75 => 1,
        75..93 => chance.random_range(2..12),
        93..99 => chance.random_range(12..48),
        _ => 15 * 24,
    };
    Duration::from_secs(3600 * hours)
}

fn people(chance: &mut SmallRng) -> Vec<Person> {
    let mut people: Vec<Person> = (0..8).map(|number| Person::invent(chance, number)).collect();
    for _ in 0..chance.random_range(0..4) {
        let (one, other) = (chance.random_range(0..8), chance.random_range(0..8));
        let sharer = people[one].clone();
        sharer.share_with(&mut people[other], chance);
    }
    people
}

/// Leads come alone, or many at once.
fn leads(chance: &mut SmallRng, people: &[Person], calm_at: Duration) -> Vec<(Duration, Event)> {
    let rush = chance.random_bool(0.3).then(|| moment(chance, calm_at));
    let count = chance.random_range(8..24);
    let lead = |_| {
        let notices = if chance.random_ratio(1, 6) { 0 } else { chance.random_range(1..3) };
        let told_after = (0..notices).map(|_| Duration::from_secs(chance.random_range(0..200))).collect();
        let event = Event::Lead {
            form: FORMS[chance.random_range(0..FORMS.len())].to_owned(),
            answers: people[chance.random_range(0..people.len())].answers(chance),
            told_after,
        };
        let at = rush.filter(|_| chance.random_bool(0.8)).unwrap_or_else(|| moment(chance, calm_at));
        (at, event)
    };
    (0..count).map(lead).collect()
}

fn refusals(chance: &mut SmallRng, calm_at: Duration) -> Vec<(Duration, Event)> {
    let mut events = Vec::new();
    for whose in [Refused::Key(0), Refused::Key(1), Refused::Token] {
        if chance.random_ratio(1, 5) {
            let at = moment(chance, calm_at);
            let mended_at = (at + moment(chance, calm_at)).min(calm_at);
            let another = chance.random_bool(0.5);
            events.extend([(at, Event::Refused(whose)), (mended_at, Event::Mended(whose, another))]);
        }
    }
    events
}

fn settings_of_clocks(chance: &mut SmallRng, calm_at: Duration) -> Vec<(Duration, Event)> {
    let setting = |_| {
        let wrong_by = chance.random_range(-WRONG_BY..=WRONG_BY);
        let event = match chance.random_range(0..4) {
            0 | 1 => Event::OurClock(wrong_by),
            other => Event::TheirClock(other - 2, wrong_by),
        };
        (moment(chance, calm_at), event)
    };
    (0..4).map(setting).collect()
}

/// One to three bundles for each form.
fn bundles(chance: &mut SmallRng) -> Vec<(String, Value)> {
    let mut bundles = Vec::new();
    for form in FORMS {
        for _ in 0..chance.random_range(1..=2) {
            let id = format!("bundle-{}", bundles.len());
            let company = COMPANIES[chance.random_range(0..COMPANIES.len())];
            let document = rules::any_document(chance, company, form, &id);
            bundles.push((id, document));
        }
    }
    bundles
}

/// Some are clients already, some twice.
fn known(chance: &mut SmallRng, people: &[Person]) -> Vec<Known> {
    let order = json!({ "branch_id": 15001, "order_type_id": 21001, "status_id": 13 });
    let count = chance.random_range(0..6);
    let known = |_| Known {
        company: chance.random_range(0..COMPANIES.len()),
        card: people[chance.random_range(0..people.len())].card(chance),
        order: chance.random_bool(0.3).then(|| order.clone()),
    };
    (0..count).map(known).collect()
}

fn unreliable(chance: &mut SmallRng) -> Unreliable {
    let mut often = |most: u32| if chance.random_bool(0.5) { chance.random_range(0..most) } else { 0 };
    Unreliable { lost: often(300), doubled: often(200), late: often(200), undead: often(100) }
}

fn moment(chance: &mut SmallRng, before: Duration) -> Duration {
    Duration::from_millis(chance.random_range(0..u64::try_from(before.as_millis()).unwrap_or(u64::MAX)))
}
