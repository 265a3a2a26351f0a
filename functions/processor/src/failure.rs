//! The one place that decides what becomes of a lead that cannot go on: retry, park, review or skip.

use domain::{ConnectionState, IllegalTransition, MappingError, Reason, Slug, State, Timing, Transaction};
use facebook::graph::GraphError;
use jiff::{SignedDuration, Timestamp};
use store::{SaveError, SecretError, StoreError};

/// Reads of a lead that Meta announced and does not show, before a person is asked. They take an hour.
const READS_OF_A_FRESH_LEAD: u32 = 6;

/// Why a lead cannot go on now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Remonline(#[from] remonline::Error),
    #[error(transparent)]
    Graph(#[from] GraphError),
    #[error("the bundle cannot be applied: {}", pointers(.0))]
    Mapping(Vec<MappingError>),
    #[error("left out: {0:?}")]
    LeftOut(Reason),
    #[error("the bundle is stopped")]
    BundleStopped,
    #[error("connection {0} is {1:?}")]
    ConnectionClosed(Slug, ConnectionState),
    /// Another lead may be creating the same client.
    #[error("another lead of the same person is not settled")]
    PersonClaimed,
    /// A create was sent, or may have been, and it is not known yet whether it took effect.
    #[error("the outcome of a create is not settled")]
    Unsettled { look_again_at: Timestamp },
    #[error("a person has to look into RemOnline: {0:?}")]
    Unclear(Reason),
    /// The recorded client is in RemOnline no more; the lead begins again with looking for one.
    #[error("the client is gone")]
    ClientGone,
    /// RemOnline does not work, and nobody asks it before then.
    #[error("RemOnline does not answer and is not asked before {probe_at}")]
    HeldBack { probe_at: Timestamp },
    /// The invocation has too little time left to send anything.
    #[error("out of time")]
    OutOfTime,
    /// Somebody else changed the transaction, or took the lease: what they make of it holds.
    #[error("overtaken: {0}")]
    Overtaken(SaveError),
    #[error("the program failed on this lead")]
    Panicked,
    #[error("{0}")]
    Inconsistent(&'static str),
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What becomes of the transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It goes on by itself; a try that failed for a passing reason counts towards the end of its patience.
    Wait { reason: Reason, until: Option<Timestamp>, failed_try: bool },
    /// It waits for a person, who may have to mend a connection first.
    Park { reason: Reason, blocked_by: Option<Slug> },
    /// It waits for a person who looks into RemOnline.
    Review(Reason),
    /// It is left out.
    Skip(Reason),
    /// It stays as it is stored, and due.
    Leave,
}

impl From<SaveError> for Failure {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::PersonClaimed => Self::PersonClaimed,
            SaveError::Conflict | SaveError::LeaseLost => Self::Overtaken(error),
            SaveError::Store(error) => Self::Store(error),
        }
    }
}

impl Failure {
    /// What becomes of `transaction`, which failed with this at `now`.
    pub(crate) fn verdict(&self, transaction: &Transaction, timing: &Timing, now: Timestamp) -> Verdict {
        let retry = |reason| retry(reason, transaction, timing, now, SignedDuration::ZERO);
        match self {
            Self::Remonline(error) => remonline_verdict(error, transaction, timing, now),
            Self::Graph(error) => graph_verdict(error, transaction, timing, now),
            Self::Mapping(_) => Verdict::park(Reason::Mapping),
            Self::LeftOut(reason) => Verdict::Skip(*reason),
            Self::BundleStopped => Verdict::Wait { reason: Reason::BundleStopped, until: None, failed_try: false },
            Self::ConnectionClosed(id, state) => closed_verdict(id, *state, transaction),
            Self::PersonClaimed => retry(Reason::OutcomeUnknown),
            Self::Unsettled { look_again_at } => {
                Verdict::Wait { reason: Reason::OutcomeUnknown, until: Some(*look_again_at), failed_try: false }
            }
            Self::HeldBack { probe_at } => held_back_verdict(*probe_at, transaction, timing, now),
            Self::Unclear(reason) => Verdict::Review(*reason),
            Self::Panicked | Self::Inconsistent(_) | Self::Illegal(_) => Verdict::park(Reason::Panicked),
            Self::Secret(SecretError::Unopenable { connection }) => {
                closed_verdict(connection, ConnectionState::KeyRejected, transaction)
            }
            Self::Secret(SecretError::Unavailable(_)) => Verdict::Leave,
            Self::ClientGone | Self::OutOfTime | Self::Overtaken(_) | Self::Store(_) => Verdict::Leave,
        }
    }

    /// The connection that cannot be used until a person mends it, and the state it gets.
    pub(crate) fn closes_connection(&self, transaction: &Transaction) -> Option<(Slug, ConnectionState)> {
        let remonline = transaction.client_connection.clone();
        let facebook = transaction.source_connection.clone();
        match self {
            Self::Remonline(remonline::Error::KeyRejected(_)) => Some((remonline, ConnectionState::KeyRejected)),
            Self::Remonline(remonline::Error::Forbidden(_)) => Some((remonline, ConnectionState::Forbidden)),
            Self::Secret(SecretError::Unopenable { connection }) => {
                Some((connection.clone(), ConnectionState::KeyRejected))
            }
            Self::Graph(GraphError::TokenRejected(_)) => Some((facebook, ConnectionState::KeyRejected)),
            Self::Graph(GraphError::Forbidden { .. }) => Some((facebook, ConnectionState::Forbidden)),
            _ => None,
        }
    }

    /// Whether nothing more can be done in this invocation, for no lead: there is no time to send in, no key to be
    /// had, or the lease is somebody else's.
    pub(crate) fn stops_the_shift(&self) -> bool {
        matches!(
            self,
            Self::Remonline(remonline::Error::Pacing(_))
                | Self::Secret(SecretError::Unavailable(_))
                | Self::Overtaken(SaveError::LeaseLost)
        )
    }
}

impl Verdict {
    fn park(reason: Reason) -> Self {
        Self::Park { reason, blocked_by: None }
    }

    /// Applies it to the transaction.
    pub(crate) fn apply(&self, transaction: &mut Transaction, now: Timestamp) -> Result<(), IllegalTransition> {
        match self {
            Self::Wait { reason, until, failed_try } => {
                transaction.wait(*reason, *until, now)?;
                transaction.tries = if *failed_try { transaction.tries + 1 } else { transaction.tries };
                Ok(())
            }
            Self::Park { reason, blocked_by } => transaction.park(*reason, blocked_by.clone(), now),
            Self::Review(reason) => transaction.review(*reason, now),
            Self::Skip(reason) => transaction.skip(*reason, now),
            Self::Leave => Ok(()),
        }
    }
}

fn remonline_verdict(error: &remonline::Error, transaction: &Transaction, timing: &Timing, now: Timestamp) -> Verdict {
    use remonline::Error as E;
    let blocked_by = Some(transaction.client_connection.clone());
    match error {
        E::Rejected(_) | E::NotFound(_) => Verdict::park(Reason::Rejected),
        E::KeyRejected(_) => Verdict::Park { reason: Reason::KeyRejected, blocked_by },
        E::Forbidden(_) => Verdict::Park { reason: Reason::Forbidden, blocked_by },
        // Nobody calls before the account's own time; the pace of the account says when that is.
        E::Throttled { retry_after, .. } => {
            let wait = retry_after.unwrap_or_else(|| timing.throttle(transaction.tries));
            retry(Reason::Throttled, transaction, timing, now, wait)
        }
        E::Unavailable(_) | E::OutcomeUnknown(_) => {
            retry(Reason::RemonlineUnavailable, transaction, timing, now, SignedDuration::ZERO)
        }
        E::Pacing(_) => Verdict::Leave,
    }
}

/// Waiting for RemOnline costs a try like any other, so that an outage of 14 days is told to a person.
fn held_back_verdict(probe_at: Timestamp, transaction: &Transaction, timing: &Timing, now: Timestamp) -> Verdict {
    retry(Reason::RemonlineUnavailable, transaction, timing, now, now.duration_until(probe_at))
}

fn graph_verdict(error: &GraphError, transaction: &Transaction, timing: &Timing, now: Timestamp) -> Verdict {
    let blocked_by = Some(transaction.source_connection.clone());
    let retry = |reason, at_least| retry(reason, transaction, timing, now, at_least);
    match error {
        GraphError::TokenRejected(_) => Verdict::Park { reason: Reason::GraphToken, blocked_by },
        GraphError::Forbidden { .. } => Verdict::Park { reason: Reason::Forbidden, blocked_by },
        GraphError::Throttled { wait, .. } => {
            let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            retry(Reason::Throttled, timing.of_millis(millis))
        }
        GraphError::NotFound(_) if transaction.tries + 1 >= READS_OF_A_FRESH_LEAD => {
            Verdict::park(Reason::LeadUnreadable)
        }
        GraphError::NotFound(_) => retry(Reason::LeadNotReady, SignedDuration::ZERO),
        GraphError::Unavailable(_) | GraphError::ReduceData(_) | GraphError::Bug(_) => {
            retry(Reason::GraphUnavailable, SignedDuration::ZERO)
        }
    }
}

fn closed_verdict(connection: &Slug, state: ConnectionState, transaction: &Transaction) -> Verdict {
    let reason = match state {
        ConnectionState::KeyRejected if *connection == transaction.source_connection => Reason::GraphToken,
        ConnectionState::KeyRejected => Reason::KeyRejected,
        ConnectionState::Forbidden => Reason::Forbidden,
        ConnectionState::Active | ConnectionState::Paused => Reason::Paused,
    };
    Verdict::Park { reason, blocked_by: Some(connection.clone()) }
}

/// Waits for the next try, at least `at_least`; gives up after 14 days of them.
fn retry(
    reason: Reason,
    transaction: &Transaction,
    timing: &Timing,
    now: Timestamp,
    at_least: SignedDuration,
) -> Verdict {
    let tries =
        if transaction.state == State::Waiting && transaction.reason != Some(reason) { 0 } else { transaction.tries };
    match timing.retry(tries) {
        Some(wait) => Verdict::Wait { reason, until: Some(now + wait.max(at_least)), failed_try: true },
        None => Verdict::park(Reason::Expired),
    }
}

/// Every place of the bundle that is to be mended, with what is wrong there.
fn pointers(errors: &[MappingError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
