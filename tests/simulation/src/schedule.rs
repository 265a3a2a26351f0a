//! The scheduler's jobs, run when they are due.

use std::{sync::Arc, time::Duration};

use domain::AccountId;
use scheduler::Job;
use tokio::time::Instant;

use crate::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// How long after something happened outside the jobs run that look at both systems. Later ones would find what those
/// before them found, and are left out: most days of a long run are quiet.
const ATTENTION: Duration = Duration::from_secs(6 * 3600);

/// When which job runs.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// `wake`, where it is done only when something will be due.
    wake: Option<Timetable>,
    rounds: Vec<Timetable>,
    attentive_until: Instant,
}

/// The times of a job.
#[derive(Debug)]
struct Timetable {
    job: Job,
    every: Duration,
    began: Instant,
    ran_at: Instant,
    /// When it is to run, as was last found out.
    due: Option<Instant>,
}

impl Schedule {
    /// Begins now. Jobs run at each of their times where they are named, `wake` whenever something will be due else.
    pub(crate) fn begin(jobs: &[Job]) -> Self {
        let rounds = jobs.iter().map(|job| Timetable::begin(*job)).collect();
        let wake = (!jobs.contains(&Job::Wake)).then(|| Timetable::begin(Job::Wake));
        Self { wake, rounds, attentive_until: Instant::now() + ATTENTION }
    }

    /// Something happened outside.
    pub(crate) fn heed(&mut self) {
        self.attentive_until = Instant::now() + ATTENTION;
    }

    /// Finds out when the next job will have something to do.
    pub(crate) async fn next(&mut self, world: &World) -> Option<Instant> {
        let now = Instant::now();
        if let Some(wake) = &mut self.wake {
            wake.due = due_work(world).await.map(|due_at| wake.next_from(due_at.max(now)));
        }
        for round in &mut self.rounds {
            round.due = Some(round.next_from(now)).filter(|at| *at <= self.attentive_until);
        }
        self.timetables().filter_map(|timetable| timetable.due).min()
    }

    /// Starts the jobs whose time has come.
    pub(crate) fn start_jobs(&mut self, world: &Arc<World>) {
        let now = Instant::now();
        for timetable in self.timetables().filter(|timetable| timetable.due.is_some_and(|at| at <= now)) {
            timetable.ran_at = now;
            world.begin_job(timetable.job);
        }
    }

    fn timetables(&mut self) -> impl Iterator<Item = &mut Timetable> {
        self.wake.iter_mut().chain(&mut self.rounds)
    }
}

/// When a lead will be due. The minutes before that, in which `wake` would read the tables and send nothing, are left
/// out: most runs last for hours in which nothing is due.
async fn due_work(world: &World) -> Option<Instant> {
    let mut due = None;
    let accounts = world.outside.companies.iter().map(|company| AccountId::new(company.name.as_str()));
    for account in accounts {
        let next = world.store.next_due(&account).await.ok()?;
        due = next.into_iter().chain(due).min();
    }
    Some(world.ours.moment(due?))
}

impl Timetable {
    fn begin(job: Job) -> Self {
        let every = MINUTE
            * match job {
                Job::Wake => 1,
                Job::Reconcile => 15,
                Job::Audit | Job::Check | Job::Redrive => 60,
            };
        let began = Instant::now();
        Self { job, every, began, ran_at: began, due: None }
    }

    /// The first of its times from `moment` on, and after the one at which it last ran.
    fn next_from(&self, moment: Instant) -> Instant {
        let earliest = moment.max(self.ran_at + Duration::from_nanos(1));
        let times = earliest.duration_since(self.began).as_nanos().div_ceil(self.every.as_nanos());
        self.began + self.every * u32::try_from(times).unwrap_or(u32::MAX)
    }
}
