//! SIGKILL of real processes while leads flow: whatever dies, and wherever, a lead whose webhook was answered 200
//! becomes one order, and its person one client.
//!
//! A rehearsal shows what `ingest`, `processor` and `scheduler` ask of the world in each of the [scenes]; each
//! operation is a failpoint, struck right before and right after it. The other kills come at random moments of the
//! functions' work. `KILLS` sets how many there are at least, `SEED` which: a few are a sample, and where there are
//! enough each place is struck on both sides. With both, a longer run:
//!
//! ```text
//! KILLS=2000 SEED=7 cargo test -p e2e --test e2e kills -- --nocapture
//! ```

mod report;
mod scenes;
mod shop;
mod storm;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use sandbox::Moment;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::Instant;

use self::report::Report;
use self::scenes::{Place, SCENES, Strike};
use self::shop::Shop;

/// Least number of kills, and the seed that chooses them, where the environment says nothing.
const KILLS: usize = 40;
const SEED: u64 = 1;

/// Kills that one sandbox lives through before it is counted up and another one takes its place.
const KILLS_IN_ONE_SHOP: usize = 25;

/// Kills at random moments in one go, and the places that are struck before the next of these.
const STORM: usize = 5;
const STRIKES: usize = 5;

/// The functions that make orders of leads.
const FUNCTIONS: [&str; 3] = ["ingest", "processor", "scheduler"];

/// Where a death would hurt most, if what follows it were not there: these are struck whatever the seed.
const ALWAYS: [(&str, &str, Moment); 5] = [
    ("ingest", "sqs SendMessageBatch", Moment::Before),
    ("processor", "dynamodb PutItem", Moment::Before),
    ("processor", "remonline POST /v2/contacts/people", Moment::After),
    ("processor", "remonline POST /v2/orders", Moment::After),
    ("scheduler", "sqs SendMessageBatch", Moment::Before),
];

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

/// Which kills.
struct Run {
    kills: usize,
    seed: u64,
}

/// What is to be done to one shop.
#[derive(Debug, Clone)]
enum Job {
    Strike(Strike),
    Storm { seed: u64 },
}

/// Where a process is struck, and on which side of it.
type Side = (Place, Moment);

/// What is left to do to any shop.
type Jobs = Arc<Mutex<VecDeque<Job>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lead_answered_200_becomes_one_order_whatever_is_killed() {
    let run = Run::from_environment();
    let (shops, places) = rehearse().await;
    for (function, operation) in KNOWN {
        let named = |place: &Place| place.is(function, operation);
        assert!(places.iter().any(named), "{function} did not {operation} in any scene: {places:#?}");
    }
    let jobs = run.jobs(&places);
    let wanted = jobs.iter().filter_map(Job::side).collect::<BTreeSet<_>>();
    println!("{run}: {} of {} sides of places, and random moments", wanted.len(), both_sides(&places).len());
    let report = kill(shops, jobs).await;
    println!("{report}");
    for (place, moment) in wanted {
        let struck = report.struck(place.function(), &place.operation, moment);
        assert!(struck, "not struck {moment}: {place:?}\n{report}");
    }
    assert!(FUNCTIONS.iter().all(|function| report.kills_of(function) > 0), "{report}");
    assert!(report.kills() >= run.kills && report.is_clean(), "{report}");
}

impl Run {
    fn from_environment() -> Self {
        fn read<T: std::str::FromStr<Err: fmt::Debug>>(name: &str, otherwise: T) -> T {
            std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
        }
        Self { kills: read("KILLS", KILLS), seed: read("SEED", SEED) }
    }

    /// Storms, and in between both sides of every place in no order but that [`ALWAYS`] comes first; once all are there,
    /// places by chance. It ends when there are enough kills.
    fn jobs(&self, places: &[Place]) -> VecDeque<Job> {
        let mut chance = StdRng::seed_from_u64(self.seed);
        let mut sides = both_sides(places);
        sides.shuffle(&mut chance);
        sides.sort_by_key(|(place, moment)| !ALWAYS.contains(&(place.function(), &place.operation, *moment)));
        let (mut once, mut jobs) = (sides.iter(), VecDeque::new());
        while jobs.iter().map(Job::kills).sum::<usize>() < self.kills {
            jobs.push_back(Job::Storm { seed: chance.random() });
            for _ in 0..STRIKES {
                let (place, moment) = once.next().or_else(|| sides.choose(&mut chance)).unwrap();
                jobs.push_back(Job::Strike(place.strike(*moment, &mut chance)));
            }
        }
        jobs
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, seed } = self;
        write!(formatter, "KILLS={kills} SEED={seed} cargo test -p e2e --test e2e kills -- --nocapture")
    }
}

/// A run that fails says how it is repeated.
impl Drop for Run {
    #[expect(clippy::print_stderr, reason = "whoever sees the failure needs it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again: {self}");
        }
    }
}

impl Job {
    fn side(&self) -> Option<Side> {
        match self {
            Self::Strike(strike) => Some((strike.place.clone(), strike.moment)),
            Self::Storm { .. } => None,
        }
    }

    fn kills(&self) -> usize {
        match self {
            Self::Strike(strike) => strike.kills(),
            Self::Storm { .. } => STORM,
        }
    }
}

fn both_sides(places: &[Place]) -> Vec<Side> {
    let both = |place: &Place| [Moment::Before, Moment::After].map(|moment| (place.clone(), moment));
    places.iter().flat_map(both).collect()
}

/// One shop for each scene, and every operation of the three functions at the first scene in which it comes up.
async fn rehearse() -> (Vec<Shop>, Vec<Place>) {
    let rehearsals = SCENES.iter().map(|scene| {
        spawn_blocking(|| {
            Handle::current().block_on(async {
                let mut shop = Shop::open().await;
                let places = shop.rehearse(scene).await;
                (shop, places)
            })
        })
    });
    let (shops, places): (_, Vec<_>) = try_join_all(rehearsals).await.unwrap().into_iter().unzip();
    let mut places = places.concat();
    places.sort();
    places.dedup_by(|place, before| before.is(place.function(), &place.operation));
    (shops, places)
}

/// Does all jobs in these shops and their successors. Once something is wrong in one of them no more jobs are begun.
#[expect(clippy::print_stdout, reason = "a long run tells how far it is")]
async fn kill(shops: Vec<Shop>, jobs: VecDeque<Job>) -> Report {
    let (started, jobs) = (Instant::now(), Jobs::new(jobs.into()));
    let (mut open, mut report) = (JoinSet::new(), Report::default());
    for shop in shops {
        spawn(&mut open, &jobs, Some(shop));
    }
    while let Some(counted) = open.join_next().await {
        match counted {
            Ok(counted) => report.add(counted),
            Err(panic) => report.elsewhere.push(format!("a shop ended before its time: {panic}")),
        }
        println!("{} kills, {} leads, {} s", report.kills(), report.leads, started.elapsed().as_secs());
        if !report.is_clean() {
            lock(&jobs).clear();
        }
        if !lock(&jobs).is_empty() {
            spawn(&mut open, &jobs, None);
        }
    }
    report
}

/// Lets a shop, a new one if need be, do jobs in a thread of its own: that it is searched for canaries in the end must
/// not hold up the others.
fn spawn(open: &mut JoinSet<Report>, jobs: &Jobs, shop: Option<Shop>) {
    let jobs = Arc::clone(jobs);
    open.spawn_blocking(move || {
        Handle::current().block_on(async {
            let shop = if let Some(shop) = shop { shop } else { Shop::open().await };
            do_jobs(shop, &jobs).await
        })
    });
}

/// Does jobs in one shop until none is left, it has suffered enough or something is wrong, and counts it up.
async fn do_jobs(mut shop: Shop, jobs: &Jobs) -> Report {
    while shop.is_well() && shop.kills() < KILLS_IN_ONE_SHOP {
        let Some(job) = lock(jobs).pop_front() else { break };
        match job {
            Job::Strike(strike) => shop.strike(&strike).await,
            Job::Storm { seed } => shop.storm(&mut StdRng::seed_from_u64(seed), STORM).await,
        }
        shop.recover().await;
    }
    shop.count_up().await
}

fn lock(jobs: &Jobs) -> MutexGuard<'_, VecDeque<Job>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    /// Ten for each scene, and those that are always struck.
    fn places() -> Vec<Place> {
        let place = |operation: String, scene| Place { operation, scene, times: 3 };
        let scene = |function| SCENES.iter().position(|scene| scene.function == function).unwrap();
        let always = ALWAYS.map(|(function, operation, _)| place(operation.to_owned(), scene(function)));
        let others = (0..10 * SCENES.len()).map(|number| place(format!("GET /{number}"), number % SCENES.len()));
        others.chain(always).collect()
    }

    fn sides(kills: usize, seed: u64) -> Vec<Side> {
        Run { kills, seed }.jobs(&places()).iter().filter_map(Job::side).collect()
    }

    #[rstest]
    fn a_few_kills_are_a_sample_with_what_is_always_struck(#[values(1, 2, 3)] seed: u64) {
        let sides = sides(KILLS, seed);
        for (function, operation, moment) in ALWAYS {
            assert!(sides.iter().any(|(place, side)| place.is(function, operation) && *side == moment));
        }
        assert_eq!(sides.iter().collect::<BTreeSet<_>>().len(), sides.len(), "none twice");
    }

    #[test]
    fn many_kills_strike_both_sides_of_every_place_before_any_twice() {
        let (sides, all) = (sides(1_000, 1), both_sides(&places()).into_iter().collect::<BTreeSet<_>>());
        assert_eq!(sides[..all.len()].iter().cloned().collect::<BTreeSet<_>>(), all);
    }

    #[test]
    fn another_seed_is_another_choice() {
        assert_eq!(sides(KILLS, 1), sides(KILLS, 1));
        assert_ne!(sides(KILLS, 1), sides(KILLS, 2));
    }
}
