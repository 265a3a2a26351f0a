//! One run: what a seed decides, played on paused time.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use domain::{Reason, State, TransactionId};
use futures::future::select;
use scheduler::Job;
use tokio::time::{Instant, sleep_until};

use crate::{
    bench::Bench,
    effects::Fates,
    oracle::{self, Verdict},
    schedule::Schedule,
    script::{Event, Script, step_after},
    world::{Beginning, World, slug},
};

/// Once the faults have stopped and the time to which a transaction was put off has come, it rests within this.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// No run has more effects than these, and so many for each event.
const EFFECTS: usize = 200_000;
const EFFECTS_OF_AN_EVENT: usize = 1_000;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// What the oracle says.
    pub verdict: Verdict,
    /// How many effects there were.
    pub effects: usize,
    /// Equal only for equal runs.
    pub trace: u64,
}

/// Plays a seed.
///
/// # Panics
/// When the operating system gives no event loop.
pub fn seed(bench: &Bench, seed: u64) -> Outcome {
    let script = Script::of(seed);
    let fates = Fates::Chance(Box::new(script.weather(seed)));
    play(bench, seed, script, fates, false).0
}

/// Plays a seed and records every effect.
///
/// # Panics
/// When the operating system gives no event loop.
pub fn traced(bench: &Bench, seed: u64) -> (Outcome, Arc<World>) {
    let script = Script::of(seed);
    let fates = Fates::Chance(Box::new(script.weather(seed)));
    play(bench, seed, script, fates, true)
}

/// Plays a script with these fates, and gives the world as it is then.
///
/// # Panics
/// When the operating system gives no event loop.
pub fn play(bench: &Bench, seed: u64, script: Script, fates: Fates, recorded: bool) -> (Outcome, Arc<World>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("an event loop");
    tracing::dispatcher::with_default(&bench.dispatch, || {
        runtime.block_on(async {
            let Script { setting, events, calm_at, bundles, known, unreliable, stale_ms, jobs } = script;
            let most_effects = EFFECTS + EFFECTS_OF_AN_EVENT * events.len();
            let beginning = Beginning { setting, fates, recorded, most_effects, seed, unreliable, bundles };
            let world = World::begin(bench, beginning).await;
            known.into_iter().for_each(|known| world.knows(known));
            for company in &world.outside.companies {
                company.remember_cards();
                company.remonline.update_settings(|settings| {
                    settings.people_search_delay_ms = stale_ms;
                    settings.order_search_delay_ms = stale_ms;
                });
            }
            Run::of(&world, events, calm_at, &jobs).play().await;
            world.audit().await;
            let verdict = oracle::judge(&world, &bench.logs.take()).await;
            let (effects, trace) = world.effects.trace();
            (Outcome { verdict, effects, trace }, world)
        })
    })
}

struct Run<'w> {
    world: &'w Arc<World>,
    began: Instant,
    events: VecDeque<(Instant, Event)>,
    calm_at: Instant,
    schedule: Schedule,
    /// When everything must rest; known once the faults have stopped.
    rests_by: Option<Instant>,
    /// What a person retried because its processes had kept dying.
    retried: BTreeSet<TransactionId>,
}

impl<'w> Run<'w> {
    fn of(world: &'w Arc<World>, events: Vec<(Duration, Event)>, calm_at: Duration, jobs: &[Job]) -> Self {
        let began = Instant::now();
        let events = events.into_iter().map(|(at, event)| (began + at, event)).collect();
        Self {
            world,
            began,
            events,
            calm_at: began + calm_at,
            schedule: Schedule::begin(jobs),
            rests_by: None,
            retried: BTreeSet::new(),
        }
    }

    /// Until everything rests, or should.
    async fn play(&mut self) {
        loop {
            let job_at = self.schedule.next(self.world).await;
            let message_at = self.world.queue.next_visible().filter(|_| self.world.has_room());
            let event_at = self.events.front().map(|(at, _)| *at);
            let calm_at = (self.rests_by.is_none() && self.events.is_empty()).then_some(self.calm_at);
            let next = [job_at, message_at, event_at, calm_at].into_iter().flatten().min();
            let next = next.filter(|at| self.rests_by.is_none_or(|limit| *at <= limit));
            if next.is_none() && self.world.is_idle() || self.rests_by.is_some_and(|limit| Instant::now() >= limit) {
                return;
            }
            let changed = std::pin::pin!(self.world.changed.notified());
            match next.or(self.rests_by) {
                None => changed.await,
                Some(at) => {
                    select(changed, std::pin::pin!(sleep_until(at))).await;
                }
            }
            self.schedule.start_jobs(self.world);
            while self.events.front().is_some_and(|(at, _)| *at <= Instant::now()) {
                if let Some((at, event)) = self.events.pop_front() {
                    self.happen(at, event).await;
                }
            }
            if self.rests_by.is_none() && self.calm_at <= Instant::now() && self.events.is_empty() {
                self.calm().await;
            }
            if self.rests_by.is_some() && self.world.is_idle() {
                self.retry_blamed().await;
            }
            self.world.deliver();
        }
    }

    async fn happen(&mut self, at: Instant, event: Event) {
        self.world.effects.note(at.duration_since(self.began));
        self.schedule.heed();
        match event {
            Event::Lead { form, answers, told_after } => {
                let lead = self.world.submit(&form, answers);
                told_after.into_iter().for_each(|delay| self.world.announce(&lead, delay));
            }
            Event::Refused(whose) => self.world.refuse(whose),
            Event::Mended(whose, another) => self.world.mend(whose, another).await,
            Event::OurClock(wrong_by) => self.set_our_clock(wrong_by),
            Event::TheirClock(company, wrong_by) => self.world.theirs[company].set(wrong_by),
        }
    }

    /// The quiet period is counted by our clock, so it must not be set forward over a write that is still to come.
    fn set_our_clock(&mut self, wrong_by: i64) {
        match self.world.effects.settled_at() {
            None => self.world.ours.set(wrong_by),
            Some(at) => {
                let place = self.events.partition_point(|(other, _)| *other <= at);
                self.events.insert(place, (at, Event::OurClock(wrong_by)));
            }
        }
    }

    /// The faults stop, and a person resumes what is closed.
    async fn calm(&mut self) {
        self.world.effects.calm();
        self.world.queue.calm();
        self.schedule.heed();
        let companies = self.world.outside.companies.iter().map(|company| &company.name);
        for connection in companies.chain(self.world.pages.iter().map(|page| &page.connection)) {
            self.world.resume(&slug(connection), None).await;
        }
        self.rests_by = Some(self.limit().await);
    }

    /// A person retries what was parked because its processes kept dying, each lead once: one that fails by itself stays
    /// parked and is found.
    async fn retry_blamed(&mut self) {
        let blamed = self.world.transactions().await.into_iter().filter(|it| it.reason == Some(Reason::Panicked));
        for id in blamed.map(|it| it.id) {
            if self.retried.insert(id.clone()) {
                self.world.retry(&id).await;
            }
        }
    }

    /// When everything must rest: some time after the latest moment to which anything is put off, and for a lead that
    /// then still has to wait for another one of the same person, one step of the retry schedule more.
    async fn limit(&self) -> Instant {
        let transactions = self.world.transactions().await;
        let going = transactions.iter().filter(|transaction| !transaction.is_final());
        let put_off = going.clone().filter_map(|transaction| transaction.due_at).map(|at| self.world.ours.moment(at));
        let waiting = going.filter(|transaction| transaction.state == State::Waiting);
        let step = waiting.map(|transaction| step_after(transaction.tries)).max().unwrap_or_default();
        put_off.fold(Instant::now(), Instant::max) + step + PATIENCE
    }
}
