//! SIGKILL of real processes while leads flow: whatever dies, and wherever, a lead whose webhook was answered 200
//! becomes one order, and its person one client.
//!
//! A rehearsal shows what `ingest`, `processor` and `scheduler` ask of the world in each of the [scenes]; each
//! operation is a failpoint, struck right before and right after it. The other kills come at random moments of the
//! functions' work. `KILLS` sets how many kills there are at least, `SEED` which; with both, a longer run:
//!
//! ```text
//! KILLS=2000 SEED=7 cargo test -p e2e --test e2e kills -- --nocapture
//! ```

mod report;
mod scenes;
mod shop;
mod storm;

use std::cell::RefCell;
use std::collections::VecDeque;

use futures::future::join_all;
use futures::{StreamExt, stream};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use sandbox::Moment;

use self::report::Report;
use self::scenes::{Place, SCENES, Strike};
use self::shop::Shop;

/// Least number of kills, and the seed that chooses them, where the environment says nothing.
const KILLS: usize = 40;
const SEED: u64 = 1;

/// Sandboxes side by side: most of their time is spent waiting for the lease of a dead process to end.
const SHOPS: usize = 4;

/// Kills that one sandbox lives through before it is counted up and another one takes its place.
const KILLS_IN_ONE_SHOP: usize = 25;

/// Kills at random moments in one go.
const STORM: usize = 5;

/// What the product does to the world whatever else it does: the rehearsal has to come across all of it.
const KNOWN: [(&str, &str); 12] = [
    ("ingest", "sqs SendMessageBatch"),
    ("ingest", "runtime response"),
    ("processor", "dynamodb TransactWriteItems"),
    ("processor", "dynamodb PutItem"),
    ("processor", "graph POST /v26.0/"),
    ("processor", "remonline POST /v2/contacts/people"),
    ("processor", "remonline PATCH /v2/contacts/people/{id}"),
    ("processor", "remonline POST /v2/orders"),
    ("processor", "remonline POST /v2/orders/{id}/status"),
    ("processor", "remonline GET /v2/orders"),
    ("processor", "sqs SendMessage"),
    ("scheduler", "sqs SendMessageBatch"),
];

/// What is to be done to one shop.
#[derive(Debug, Clone)]
enum Job {
    Strike(Strike),
    Storm { seed: u64 },
}

impl Job {
    fn kills(&self) -> usize {
        match self {
            Self::Strike(strike) => strike.kills(),
            Self::Storm { .. } => STORM,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_answered_200_becomes_one_order_whatever_is_killed() {
    let (kills, seed) = (from_environment("KILLS", KILLS), from_environment("SEED", SEED));
    println!("at least {kills} kills with seed {seed}");
    let places = rehearse().await;
    for (function, operation) in KNOWN {
        let named = |place: &Place| place.is(function, operation);
        assert!(places.iter().any(named), "{function} did not {operation} in any scene: {places:#?}");
    }
    let report = kill(jobs(&places, kills, seed)).await;
    println!("{report}");
    for place in &places {
        let struck = |moment| report.struck(place.function(), &place.operation, moment);
        assert!(struck(Moment::Before) && struck(Moment::After), "{place:?} was not struck\n{report}");
    }
    assert!(report.kills() >= kills && report.is_clean(), "{report}");
}

fn from_environment<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str, otherwise: T) -> T {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Every operation of the three functions, at the first scene in which it comes up.
async fn rehearse() -> Vec<Place> {
    let rehearsals = SCENES.iter().map(async |scene| Shop::open().await.rehearse(scene).await);
    let mut places = stream::iter(rehearsals).buffer_unordered(SHOPS).concat().await;
    places.sort();
    places.dedup_by(|place, before| before.is(place.function(), &place.operation));
    places
}

/// Both sides of every place first, in no order; then places and random moments by chance until there are `kills`.
fn jobs(places: &[Place], kills: usize, seed: u64) -> VecDeque<Job> {
    let mut chance = StdRng::seed_from_u64(seed);
    let both = |place: &Place| [Moment::Before, Moment::After].map(|moment| (place.clone(), moment));
    let mut strikes = places.iter().flat_map(both).collect::<Vec<_>>();
    strikes.shuffle(&mut chance);
    let once = strikes.iter().map(|(place, moment)| Job::Strike(place.strike(*moment, &mut chance)));
    let mut jobs = once.collect::<VecDeque<_>>();
    jobs.extend((0..SHOPS / 2).map(|_| Job::Storm { seed: chance.random() }));
    while jobs.iter().map(Job::kills).sum::<usize>() < kills {
        for _ in 0..STORM {
            let (place, moment) = strikes.choose(&mut chance).unwrap();
            jobs.push_back(Job::Strike(place.strike(*moment, &mut chance)));
        }
        jobs.push_back(Job::Storm { seed: chance.random() });
    }
    jobs
}

async fn kill(jobs: VecDeque<Job>) -> Report {
    let (jobs, report) = (RefCell::new(jobs), RefCell::new(Report::default()));
    join_all((0..SHOPS).map(|_| kill_in_turn(&jobs, &report))).await;
    report.into_inner()
}

/// Does jobs until none is left, in one shop after the other.
#[expect(clippy::print_stdout, reason = "a long run tells how far it is")]
async fn kill_in_turn(jobs: &RefCell<VecDeque<Job>>, report: &RefCell<Report>) {
    let next = || jobs.borrow_mut().pop_front();
    while let Some(first) = next() {
        let mut shop = Shop::open().await;
        let mut job = Some(first);
        while let Some(current) = job {
            shop.suffer(&current).await;
            job = if shop.kills() < KILLS_IN_ONE_SHOP { next() } else { None };
        }
        let counted = shop.count_up().await;
        let mut report = report.borrow_mut();
        report.add(counted);
        println!("{} kills, {} leads", report.kills(), report.leads);
    }
}

impl Shop {
    async fn suffer(&mut self, job: &Job) {
        match job {
            Job::Strike(strike) => self.strike(strike).await,
            Job::Storm { seed } => self.storm(&mut StdRng::seed_from_u64(*seed), STORM).await,
        }
    }
}
