//! The functions in this world: the processor behind the lead queue, the scheduler behind its schedules.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use connections::Systems;
use domain::{AccountId, QueueMessage, Timing};
use facebook::{AppSecrets, graph::Graph};
use futures::FutureExt;
use jiff::SignedDuration;
use processor::{FormCache, Handled, Message, Processor};
use scheduler::{Job, Scheduler};
use secrecy::SecretString;
use tokio::time::Instant;
use transport::Transport;
use url::Url;

use super::{APP_SECRET, Round, Usage, World, body, hasher, lock};
use crate::{
    effects::{Effects, Seam},
    meter::{Meter, Units},
    process::{Process, run_job},
    wire::Wire,
};

/// Longest delay of a message, in seconds.
const LONGEST_DELAY: i64 = 900;

/// Least time between two calls to one RemOnline account.
const MIN_INTERVAL: SignedDuration = SignedDuration::from_millis(360);

/// Who works, and who could.
#[derive(Debug)]
pub(super) struct Functions {
    /// Invocations of the processor side by side, at most.
    at_once: usize,
    idle: Mutex<Vec<Process>>,
    /// Invocations of the processor that are not over.
    invoked: AtomicUsize,
    /// Everything that is not over.
    busy: AtomicUsize,
    usage: Mutex<Usage>,
    /// What the processor consumes of the tables.
    meter: Arc<Meter>,
}

impl Functions {
    /// Nobody works yet.
    pub(super) fn new(at_once: usize) -> Self {
        let (idle, invoked, busy) = (Mutex::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        Self { at_once, idle, invoked, busy, usage: Mutex::default(), meter: Arc::default() }
    }
}

impl World {
    /// Whether an invocation of the processor could begin now.
    pub(crate) fn has_room(&self) -> bool {
        self.functions.invoked.load(Ordering::Relaxed) < self.functions.at_once
    }

    /// What the functions used so far.
    pub fn usage(&self) -> Usage {
        lock(&self.functions.usage).clone()
    }

    /// What the processor consumed of the tables so far.
    pub fn consumed(&self) -> Units {
        self.functions.meter.consumed()
    }

    /// Whether nobody works.
    pub(crate) fn is_idle(&self) -> bool {
        self.functions.busy.load(Ordering::Relaxed) == 0
    }

    /// Hands visible messages to processes, as the event source mapping does.
    pub(crate) fn deliver(self: &Arc<Self>) {
        while self.has_room() {
            let messages = self.queue.receive();
            if messages.is_empty() {
                return;
            }
            let process = lock(&self.functions.idle).pop().unwrap_or_else(|| self.start_processor());
            let at_once = 1 + self.functions.invoked.fetch_add(1, Ordering::Relaxed);
            let number = lock(&self.functions.usage).count_invocation(at_once);
            self.spawn(Arc::clone(self).invoke(number, process, messages));
        }
    }

    /// Begins a job of the scheduler in a process of its own, which may die of it.
    pub(crate) fn begin_job(self: &Arc<Self>, job: Job) {
        let world = Arc::clone(self);
        self.spawn(async move { world.run(job, &world.seam()).await });
    }

    /// The audit, by somebody whom nothing befalls.
    pub(crate) async fn audit(&self) {
        self.run(Job::Audit, &Seam::new(Effects::none())).await;
    }

    /// Runs something beside the world until it is over.
    fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let world = Arc::clone(self);
        self.functions.busy.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                lock(&world.breaches).push("the product panicked".to_owned());
            }
            world.functions.busy.fetch_sub(1, Ordering::Relaxed);
            world.changed.notify_one();
        });
    }

    async fn invoke(self: Arc<Self>, number: usize, process: Process, messages: Vec<(u64, String)>) {
        let began = Instant::now();
        let batch = messages.iter().map(|(id, body)| Message { id: id.to_string(), body: body.clone() }).collect();
        if let Some(handled) = process.invoke(format!("request-{number}"), batch).await {
            self.conclude(&messages, &handled);
            lock(&self.functions.idle).push(process);
        }
        self.functions.invoked.fetch_sub(1, Ordering::Relaxed);
        lock(&self.functions.usage).busy += began.elapsed();
    }

    /// What the function does with what came of a batch.
    fn conclude(&self, messages: &[(u64, String)], handled: &Handled) {
        if !handled.unreadable.is_empty() {
            lock(&self.breaches).push("a message could not be read".to_owned());
        }
        for (account, at) in &handled.nudges {
            let delay = at.duration_since(self.ours.now()).max(SignedDuration::ZERO);
            if delay.as_secs() < LONGEST_DELAY {
                self.nudge(account, delay.unsigned_abs());
            }
        }
        for (id, _) in messages {
            if !handled.failed.contains(&id.to_string()) {
                self.queue.delete(*id);
            }
        }
    }

    /// Does a job and what the function does with what came of it. An error is told; the schedule repeats the job.
    async fn run(&self, job: Job, seam: &Seam) {
        let (at, began, meter) = (self.ours.now(), Instant::now(), Arc::default());
        let outcome = run_job(&self.scheduler(seam, &meter), &seam.fuse, job).await;
        let round = Round { job, at, took: began.elapsed(), ended: outcome.is_some(), units: meter.consumed() };
        lock(&self.functions.usage).rounds.push(round);
        if let Some(Ok(outcome)) = outcome {
            outcome.accounts.iter().for_each(|account| self.nudge(account, Duration::ZERO));
        }
    }

    /// Sends a nudge for an account.
    pub(super) fn nudge(&self, account: &AccountId, delay: Duration) {
        // SQS counts whole seconds.
        let delay = Duration::from_secs(delay.as_secs() + u64::from(delay.subsec_nanos() > 0));
        self.queue.nudge(body(&QueueMessage::Wake { account_id: account.clone() }), delay);
    }

    /// A processor that remembers nothing yet.
    fn start_processor(&self) -> Process {
        let seam = self.seam();
        let (transport, graph) = self.systems_behind(&seam);
        let processor = Processor {
            store: self.tables(&seam, &self.functions.meter),
            sealer: self.sealer.clone(),
            hasher: hasher(),
            graph,
            transport,
            remonline_url: remonline_url(),
            min_interval: MIN_INTERVAL,
            retention_days: 30,
            clock: self.ours.clock(),
            timing: Timing::scaled(1.0),
            forms: FormCache::default(),
        };
        Process { processor, fuse: seam.fuse }
    }

    /// A scheduler that remembers nothing yet.
    fn scheduler(&self, seam: &Seam, meter: &Arc<Meter>) -> Scheduler {
        let (transport, graph) = self.systems_behind(seam);
        let (store, clock) = (self.tables(seam, meter), self.ours.clock());
        let systems = Systems {
            store: store.clone(),
            sealer: self.sealer.clone(),
            graph,
            transport,
            remonline_url: remonline_url(),
            min_interval: MIN_INTERVAL,
            clock: clock.clone(),
        };
        Scheduler { store, systems, clock, timing: Timing::scaled(1.0) }
    }

    fn systems_behind(&self, seam: &Seam) -> (Arc<dyn Transport>, Graph) {
        let wire = Wire { outside: Arc::clone(&self.outside), seam: seam.clone(), clock: self.ours.clock() };
        let transport: Arc<dyn Transport> = Arc::new(wire);
        let secrets = AppSecrets::parse(&SecretString::from(APP_SECRET)).expect("a secret");
        let graph_url = "https://graph.facebook.com/v26.0".parse().expect("a URL");
        (Arc::clone(&transport), Graph::new(transport, graph_url, None, secrets))
    }
}

fn remonline_url() -> Url {
    "https://api.roapp.io/v2".parse().expect("a URL")
}
