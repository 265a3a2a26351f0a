//! The pieces that the protocol is made of. Each can be left out, to see what it is for.

/// One piece of the protocol, or of what it takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Safeguard {
    /// I4: the lease is given only when nobody holds it, or its time is over: `store::Store::acquire`
    Exclusion,
    /// I8: every write checks the lease's owner and epoch: `store::Lease::check`
    Fence,
    /// I4: what cannot be heard of before the lease can end is not sent: `remonline::Pacer::not_after`
    SendMargin,
    /// I6: an intent's latest send is the end of its lease, not the moment of the note: `domain::Attempt::first`
    LeaseEnd,
    /// Every write checks the row's revision: `store::Change::writes`
    Revision,
    /// I6: who is about to create a client claims the person first: `store::PersonWrite::Claim`
    Claim,
    /// I5: the intent is stored before the request is sent: `processor::Shift::intend`
    Intent,
    /// I6: an unknown outcome is a doubt, and the create is not just sent again: `processor::Shift::doubt`
    Doubt,
    /// I6: what an intent may have made is looked up: `processor::Shift::resolve_client`, `resolve_order`
    LookUp,
    /// I6: a look-up that finds nothing counts only after the quiet period: `domain::Attempt::miss`
    QuietPeriod,
    /// I6: it takes a second look-up that finds nothing: `domain::Attempt::miss`
    SecondMiss,
    /// B2, which is RemOnline's: searches show within the quiet period what took effect
    FreshSearch,
}

/// No lease at all: several invocations work at once, no write is fenced, and there is no end by which to send or from
/// which to count the quiet period.
pub const NO_LEASE: [Safeguard; 4] =
    [Safeguard::Exclusion, Safeguard::Fence, Safeguard::SendMargin, Safeguard::LeaseEnd];
