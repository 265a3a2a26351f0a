//! Named places at which a process of a function is killed.
//!
//! Whatever a function does to the world is a request: to AWS, to RemOnline, to Meta, or its answer to Lambda. With
//! [`Options::tripwires`](crate::Options::tripwires) all of them pass the process's own port here (`detour`), so
//! that it is known which process asks for what (`operation`), and an armed [`Failpoint`] can let it die right before
//! or right after any of them. The functions know nothing of it.

mod detour;
mod operation;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tokio::sync::watch;

pub(crate) use self::detour::Detour;
use crate::lambda::Handle;

/// The `nth` request of a function for an operation, counted over all its processes from when it is armed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failpoint {
    /// Name of the function.
    pub function: String,
    /// What is asked for, as [`Sandbox::operations`](crate::Sandbox::operations) names it.
    pub operation: String,
    /// Which of the requests, from 1.
    pub nth: usize,
    /// On which side of it the process dies.
    pub moment: Moment,
}

/// When a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// The request has left the process and is never handled.
    Before,
    /// The request is handled and the process does not hear the answer.
    After,
}

impl fmt::Display for Failpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, operation, nth, moment } = self;
        write!(formatter, "{function}, {moment} {operation} no. {nth}")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

/// A failpoint that lies in wait for one process; it is disarmed when this is dropped.
#[derive(Debug)]
pub struct Trap(watch::Receiver<bool>);

impl Trap {
    /// Whether it struck. The process is gone by then.
    pub fn has_struck(&self) -> bool {
        *self.0.borrow()
    }
}

/// The failpoints that are armed, and every request that passed.
#[derive(Debug, Default)]
pub(crate) struct Tripwires(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    armed: Vec<Armed>,
    passed: Vec<(String, String)>,
}

#[derive(Debug)]
struct Armed {
    failpoint: Failpoint,
    seen: usize,
    struck: watch::Sender<bool>,
}

impl Tripwires {
    pub(crate) fn arm(&self, failpoint: Failpoint) -> Trap {
        let (struck, trap) = watch::channel(false);
        self.with(|watched| watched.armed.push(Armed { failpoint, seen: 0, struck }));
        Trap(trap)
    }

    /// What `function` asked for so far, in order.
    pub(crate) fn operations(&self, function: &str) -> Vec<String> {
        let of_function = |(by, operation): &(String, String)| (by == function).then(|| operation.clone());
        self.with(|watched| watched.passed.iter().filter_map(of_function).collect())
    }

    /// Notes a request; gives the failpoint that strikes at it, if one does.
    fn pass(&self, function: &str, operation: &str) -> Option<Armed> {
        self.with(|watched| {
            watched.passed.push((function.to_owned(), operation.to_owned()));
            watched.armed.retain(|armed| !armed.struck.is_closed());
            let mut due = None;
            for (position, armed) in watched.armed.iter_mut().enumerate() {
                if armed.is_at(function, operation) {
                    armed.seen += 1;
                    due = due.or((armed.seen >= armed.failpoint.nth).then_some(position));
                }
            }
            due.map(|position| watched.armed.remove(position))
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Watched) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Armed {
    fn is_at(&self, function: &str, operation: &str) -> bool {
        self.failpoint.function == function && self.failpoint.operation == operation
    }
}

/// One process at its tripwires.
#[derive(Debug, Clone)]
struct Wired {
    tripwires: Arc<Tripwires>,
    function: String,
    process: Handle,
}

/// Puts the tripwires before everything that `router` answers to a process of `function`.
pub(crate) fn guard(router: Router, tripwires: &Arc<Tripwires>, function: &str, process: &Handle) -> Router {
    let wired = Wired { tripwires: Arc::clone(tripwires), function: function.to_owned(), process: process.clone() };
    router.layer(from_fn_with_state(wired, step))
}

async fn step(State(wired): State<Wired>, request: Request, next: Next) -> Response {
    let operation = operation::of(request.method(), request.uri().path(), request.headers());
    let Some(armed) = wired.tripwires.pass(&wired.function, &operation) else { return next.run(request).await };
    // A task of its own: this one ends with the connection, which is the first thing to die.
    tokio::spawn(async move {
        if armed.failpoint.moment == Moment::After {
            next.run(request).await;
        }
        wired.process.kill().await;
        armed.struck.send_replace(true);
    });
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn failpoint(operation: &str, nth: usize) -> Failpoint {
        let (function, operation) = ("processor".to_owned(), operation.to_owned());
        Failpoint { function, operation, nth, moment: Moment::Before }
    }

    /// One letter a request: struck or passed.
    fn strikes(tripwires: &Tripwires, requests: &[(&str, &str)]) -> String {
        let strikes = |(function, operation): &(&str, &str)| tripwires.pass(function, operation).is_some();
        requests.iter().map(strikes).map(|struck| if struck { 's' } else { 'p' }).collect()
    }

    const REQUESTS: [(&str, &str); 5] =
        [("ingest", "a"), ("processor", "a"), ("processor", "b"), ("processor", "a"), ("processor", "a")];

    #[rstest]
    #[case("a", 1, "pspppp")]
    #[case("a", 2, "pppspp")]
    #[case("b", 1, "ppsppp")]
    #[case("b", 2, "pppppp")]
    #[case("c", 1, "pppppp")]
    fn strikes_once_at_the_request_it_names(#[case] operation: &str, #[case] nth: usize, #[case] expected: &str) {
        let tripwires = Tripwires::default();
        let _trap = tripwires.arm(failpoint(operation, nth));
        let requests = [&REQUESTS[..], &[("processor", "c d")]].concat();
        assert_eq!(strikes(&tripwires, &requests), expected);
    }

    #[test]
    fn two_that_wait_for_the_same_request_strike_one_after_the_other() {
        let tripwires = Tripwires::default();
        let _traps = [tripwires.arm(failpoint("a", 1)), tripwires.arm(failpoint("a", 1))];
        assert_eq!(strikes(&tripwires, &REQUESTS), "pspsp");
    }

    #[test]
    fn a_trap_that_is_dropped_is_disarmed() {
        let tripwires = Tripwires::default();
        drop(tripwires.arm(failpoint("a", 1)));
        assert_eq!(strikes(&tripwires, &REQUESTS), "ppppp");
        assert_eq!(tripwires.operations("processor"), ["a", "b", "a", "a"]);
    }
}
