//! Lambda on one machine: function processes that take their events from a Runtime API.

mod logs;
mod pool;
mod process;
mod runtime_api;

pub(crate) use self::logs::Logs;
pub(crate) use self::pool::Pool;
pub(crate) use self::process::{Handle, Launch};

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FunctionError {
    /// The handler failed and said so.
    #[error("the function failed: {0}")]
    Reported(String),
    /// The function could not get ready and said so.
    #[error("the function could not get ready: {0}")]
    InitFailed(String),
    /// The time-out was over; the process was killed.
    #[error("the function timed out")]
    TimedOut,
    /// The process ended before it answered.
    #[error("the function's process ended")]
    Exited {
        /// Whether it had taken the event.
        with_event: bool,
    },
    /// The process could not be started.
    #[error("the function could not be started: {0}")]
    NotStarted(String),
    /// The sandbox is shutting down.
    #[error("the sandbox is shutting down")]
    ShuttingDown,
}
