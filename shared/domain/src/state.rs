use serde::{Deserialize, Serialize};

/// What the user is told about a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Recorded, not yet worked on.
    Received,
    /// Being worked on.
    Running,
    /// Goes on by itself at `due_at`, or when its bundle is started.
    Waiting,
    /// Needs a person; nothing unclear was sent.
    Parked,
    /// Needs a person, because it is unclear what RemOnline has.
    Review,
    /// Left out on purpose.
    Skipped,
    /// Client and order are as the bundle says.
    Done,
    /// Personal data removed at the person's wish; never processed again.
    Erased,
}

/// Why a transaction stands where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// RemOnline 429; Graph 4, 17, 32, 613, 80001, 80005.
    Throttled,
    /// RemOnline does not answer, or 500 to 504.
    RemonlineUnavailable,
    /// Meta does not answer, or says it cannot.
    GraphUnavailable,
    /// Meta announced the lead and does not show it yet.
    LeadNotReady,
    /// A create was sent and its answer is unknown.
    OutcomeUnknown,
    /// The bundle is stopped.
    BundleStopped,
    /// A template failed or a required field came out empty; nothing was sent.
    Mapping,
    /// RemOnline refused the data: 400, 404, 422.
    Rejected,
    /// RemOnline refused the key: 401.
    KeyRejected,
    /// The key or token lacks a right: RemOnline 403, 405; Graph 10, 200-299.
    Forbidden,
    /// Meta refused the token: Graph 190.
    GraphToken,
    /// Meta does not show the lead: deleted, older than 90 days, or kept from us.
    LeadUnreadable,
    /// 14 days of tries.
    Expired,
    /// The program failed on this lead twice.
    Panicked,
    /// A person paused the connection.
    Paused,
    /// RemOnline has an order that may be this one.
    SuspectedDouble,
    /// The bundle's filter said no.
    Filtered,
    /// One of Meta's dummy test leads.
    TestLead,
    /// `update_only` and no client was found.
    NoClient,
    /// Older than Meta keeps leads.
    Stale,
    /// A person decided so.
    Dismissed,
}

impl Reason {
    /// Whether the closed list of reasons allows this one in `state`.
    pub fn fits(self, state: State) -> bool {
        use Reason as R;
        match state {
            State::Received | State::Running | State::Done | State::Erased => false,
            State::Waiting => matches!(
                self,
                R::Throttled
                    | R::RemonlineUnavailable
                    | R::GraphUnavailable
                    | R::LeadNotReady
                    | R::OutcomeUnknown
                    | R::BundleStopped
            ),
            State::Parked => matches!(
                self,
                R::Mapping
                    | R::Rejected
                    | R::KeyRejected
                    | R::Forbidden
                    | R::GraphToken
                    | R::LeadUnreadable
                    | R::Expired
                    | R::Panicked
                    | R::Paused
            ),
            State::Review => matches!(self, R::OutcomeUnknown | R::SuspectedDouble),
            State::Skipped => matches!(self, R::Filtered | R::TestLead | R::NoClient | R::Stale | R::Dismissed),
        }
    }
}
