//! Processes of the functions: what one remembers dies with it, what it stored stays.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::Clock;
use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use processor::{Handled, Invocation, Message, Processor};
use scheduler::{Job, Outcome, Scheduler};
use tokio::sync::Notify;

/// How long Lambda lets an invocation of the processor run.
const PROCESSOR_TIME: Duration = Duration::from_secs(60);

/// How long it lets one of the scheduler run.
const SCHEDULER_TIME: Duration = Duration::from_secs(300);

/// Ends a process in the middle of its work.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    blown: Notify,
    frozen: AtomicBool,
}

impl Fuse {
    /// The process dies here.
    pub(crate) async fn blow(&self) -> Infallible {
        self.blown.notify_one();
        std::future::pending().await
    }

    /// The process is a zombie: it stood still, and Lambda did not end it in time.
    pub(crate) fn freeze(&self) {
        self.frozen.store(true, Ordering::Relaxed);
    }

    /// What the work gives; `None` when the process died of it or was ended after `time`.
    async fn survive<T>(&self, work: impl Future<Output = T>, time: Duration) -> Option<T> {
        match select(std::pin::pin!(work), std::pin::pin!(self.burnt(time))).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }

    async fn burnt(&self, time: Duration) {
        let ended = async {
            tokio::time::sleep(time).await;
            if self.frozen.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        select(std::pin::pin!(self.blown.notified()), std::pin::pin!(ended)).await;
    }
}

/// A process of the processor, which may be invoked again and again.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) processor: Processor,
    pub(crate) fuse: Arc<Fuse>,
}

impl Process {
    /// Handles a batch; `None` when the process died of it.
    pub(crate) async fn invoke(&self, request_id: String, messages: Vec<Message>) -> Option<Handled> {
        let invocation = Invocation { request_id, deadline: deadline(&self.processor.clock, PROCESSOR_TIME) };
        self.fuse.survive(self.processor.handle(messages, &invocation), PROCESSOR_TIME).await
    }
}

/// Does a job of the scheduler; `None` when its process died of it.
pub(crate) async fn run_job(scheduler: &Scheduler, fuse: &Fuse, job: Job) -> Option<anyhow::Result<Outcome>> {
    let deadline = deadline(&scheduler.clock, SCHEDULER_TIME);
    fuse.survive(scheduler.handle(job, deadline), SCHEDULER_TIME).await
}

fn deadline(clock: &Clock, time: Duration) -> Timestamp {
    clock.now() + SignedDuration::try_from(time).unwrap_or_default()
}
