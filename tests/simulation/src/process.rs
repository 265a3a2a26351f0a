//! One process of the processor function: what it remembers dies with it, what it stored stays.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{Either, select};
use jiff::SignedDuration;
use processor::{Handled, Invocation, Message, Processor};
use tokio::sync::Notify;

/// How long Lambda lets an invocation run.
const TIME_LIMIT: Duration = Duration::from_secs(60);

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

    pub(crate) async fn burnt(&self) {
        let death = async {
            tokio::time::sleep(TIME_LIMIT).await;
            if self.frozen.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        select(std::pin::pin!(self.blown.notified()), std::pin::pin!(death)).await;
    }
}

/// A process that may be invoked again and again.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) processor: Processor,
    pub(crate) fuse: Arc<Fuse>,
}

impl Process {
    /// Handles a batch; `None` when the process died of it.
    pub(crate) async fn invoke(&self, request_id: String, messages: Vec<Message>) -> Option<Handled> {
        let deadline = self.processor.clock.now() + SignedDuration::try_from(TIME_LIMIT).unwrap_or_default();
        let invocation = Invocation { request_id, deadline };
        let handled = self.processor.handle(messages, &invocation);
        match select(std::pin::pin!(handled), std::pin::pin!(self.fuse.burnt())).await {
            Either::Left((handled, _)) => Some(handled),
            Either::Right(_) => None,
        }
    }
}
