use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::process::{Handle, Process};
use super::{FunctionError, Launch};

/// Most processes of one function. Lambda has a thousand; one machine shows the same with a few.
const MAX_PROCESSES: u32 = 8;

/// A function with its processes, each of which has one event at a time.
#[derive(Debug)]
pub(crate) struct Pool {
    launch: Launch,
    slots: Semaphore,
    idle: Mutex<Vec<Process>>,
    all: Mutex<Vec<Handle>>,
}

impl Pool {
    pub(crate) fn new(launch: Launch) -> Arc<Self> {
        Arc::new(Self {
            launch,
            slots: Semaphore::new(MAX_PROCESSES as usize),
            idle: Mutex::new(Vec::new()),
            all: Mutex::new(Vec::new()),
        })
    }

    /// Name of the function.
    pub(crate) fn name(&self) -> &str {
        &self.launch.name
    }

    /// Runs the function on one event. It goes on when the caller no longer waits, as in Lambda.
    pub(crate) async fn invoke(self: &Arc<Self>, payload: Bytes) -> Result<Bytes, FunctionError> {
        let pool = Arc::clone(self);
        let outcome = tokio::spawn(async move { pool.invoke_here(payload).await }).await;
        outcome.unwrap_or(Err(FunctionError::ShuttingDown))
    }

    async fn invoke_here(&self, payload: Bytes) -> Result<Bytes, FunctionError> {
        let _slot = self.slots.acquire().await.map_err(|_| FunctionError::ShuttingDown)?;
        while let Some(mut process) = self.take_idle() {
            let outcome = process.invoke(payload.clone()).await;
            // It died while it was idle and has not seen the event: no harm done.
            if outcome == Err(FunctionError::Exited { with_event: false }) {
                continue;
            }
            return self.put_back(process, outcome);
        }
        let mut process = self.start().await?;
        let outcome = process.invoke(payload).await;
        self.put_back(process, outcome)
    }

    async fn start(&self) -> Result<Process, FunctionError> {
        if self.launch.stop.is_cancelled() {
            return Err(FunctionError::ShuttingDown);
        }
        let process = Process::start(&self.launch).await?;
        let mut all = lock(&self.all);
        all.retain(|handle| !handle.has_exited());
        all.push(process.handle().clone());
        Ok(process)
    }

    fn take_idle(&self) -> Option<Process> {
        let mut idle = lock(&self.idle);
        idle.retain(|process| !process.handle().has_exited());
        idle.pop()
    }

    /// A process that answered, if only with an error of its handler, serves again; any other is dropped.
    fn put_back(&self, process: Process, outcome: Result<Bytes, FunctionError>) -> Result<Bytes, FunctionError> {
        if matches!(outcome, Ok(_) | Err(FunctionError::Reported(_))) {
            lock(&self.idle).push(process);
        }
        outcome.inspect_err(|error| tracing::warn!(function = self.name(), %error, "invocation failed"))
    }

    /// Returns when no invocation runs.
    pub(crate) async fn quiet(&self) {
        // The semaphore is never closed.
        let _all_slots = self.slots.acquire_many(MAX_PROCESSES).await;
    }

    /// Ids of the processes alive.
    pub(crate) fn pids(&self) -> Vec<u32> {
        lock(&self.all).iter().filter(|handle| !handle.has_exited()).map(|handle| handle.pid).collect()
    }

    /// Ids of the processes that have an event, or are getting ready for one.
    pub(crate) fn pids_at_work(&self) -> Vec<u32> {
        let idle: Vec<u32> = lock(&self.idle).iter().map(|process| process.handle().pid).collect();
        self.pids().into_iter().filter(|pid| !idle.contains(pid)).collect()
    }

    /// Kills the process and returns when it is gone; false when there is none with this id.
    pub(crate) async fn kill(&self, pid: u32) -> bool {
        let handle = lock(&self.all).iter().find(|handle| handle.pid == pid && !handle.has_exited()).cloned();
        match handle {
            Some(handle) => {
                handle.kill().await;
                true
            }
            None => false,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
