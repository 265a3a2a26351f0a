//! The write-once protocol as a bounded model: every order in which things can happen, looked through to the end.
//!
//! It holds the protocol's shape, not the code. Each action and step names the function it stands for:
//!
//! | model | code |
//! |---|---|
//! | [`Action::Deliver`] | `processor::record`, then `processor::fetch` |
//! | [`Action::Take`] | `processor::work`, `store::Store::acquire` |
//! | [`Action::Read`] | `processor::Shift::walk`, `settle_client`, `settle_order`: which step a stage begins with |
//! | [`Step::ReadIndex`] | `processor::Shift::known`, `await_other_claims` |
//! | [`Step::Search`] | `processor::Shift::find_client`, `domain::decide_client` |
//! | [`Step::CheckTime`] | `processor::Shift::out_of_time`, at the head of `intend` |
//! | [`Step::Intend`] | the rest of `processor::Shift::intend`, with the claim of `create_client` |
//! | [`Step::Send`] | `remonline::Pacer::not_after`, then `remonline::Client::create_person`, `create_order` |
//! | [`Step::Await`], [`Action::Answer`], [`Action::Refuse`], [`Action::LoseAnswer`] | the answer, a known failure, `OutcomeUnknown` |
//! | [`Step::Record`] | `processor::Shift::client_is` and its save, `order_is` |
//! | [`Step::Doubt`] | `processor::Shift::doubt`, and the save of `set_aside` |
//! | [`Step::Withdraw`] | the last arm of `create_client` and `create_order`, and the save of `set_aside` |
//! | [`Step::LookUp`] | `processor::Shift::made_since`, the search of `resolve_order` |
//! | [`Step::Miss`] | `processor::Shift::missed`, `MAX_ATTEMPTS`, and the save of `set_aside` |
//! | [`Step::Finish`] | the end of `processor::Shift::advance` |
//! | [`Action::GiveBack`] | `store::Store::release`: at the end, or because a table gave no answer |
//! | every write | `store::Store::save`, `store::dedup::person_write` |
//! | [`Action::Crash`] | an invocation that dies between any two effects |
//! | [`Action::TakeEffect`], [`Action::Show`] | RemOnline: late, unheard, and not yet found by a search |
//!
//! `domain::Attempt::miss` and `domain::Stage::may_become` are not modelled but called.
//!
//! # Bounds
//!
//! Two invocations, so many leads of one person whom RemOnline does not know, and as many attempts as the product makes.
//! Crashes, lost leases, lost answers, refusals and repeated messages are not bounded: they may happen at every point
//! and any number of times. Time counts in units: a lease lasts two, a create takes effect within one of being sent.
//! States are told apart by 64-bit fingerprints; that two of ten million share one has a chance of 1 in 300,000.
//!
//! # What it leaves out
//!
//! * B1 to B5 of the protocol are taken for granted: RemOnline carries out a create within the quiet period or never,
//!   its searches show by then what took effect, nobody removes a marker or writes the same client by hand, and a
//!   conditional write happens as a whole or not at all. What B2 and B4 are worth is seen by leaving them out.
//! * One clock. Clocks that differ, and `CLOCK_SKEW`, belong to the seeded simulation.
//! * One phone number. Several keys, their conflicts, several matches, updates and `create_always` clients are decided
//!   by pure functions with tests of their own. Orders are those of `create_always`: each lead wants one.
//! * Reading leads from Meta, planning, pacing, parking, pausing and the due list with its times: a lead that is open
//!   may be taken in hand at any moment, which is more than the product does.
//! * A save whose answer is lost is an invocation that gives its lease back before or after the save, which may happen
//!   anywhere.
//! * A story that runs out of time with a client just found in the index forgets it, where the product stores it.
//! * A look-up that finds nothing in the quiet period counts for nothing, so it is not stored; two look-ups may follow
//!   each other at once, where the product waits 10 s.
//! * A client found for another lead is not looked up by its id. An order without a marker does not exist.
//! * What a person decides about a lead in review. Leads of the same person wait for that, and count as settled.

mod action;
mod findings;
mod liveness;
pub mod properties;
mod protocol;
mod remonline;
mod rule;
mod safeguard;
mod save;
mod state;
mod story;
mod symmetry;
mod wording;

pub use action::Action;
pub use findings::Findings;
pub use liveness::Reachable;
pub use protocol::Protocol;
pub use remonline::{Record, RemOnline, Request};
pub use safeguard::{NO_LEASE, Safeguard};
pub use state::{
    Attempt, Effect, Holder, Id, Lease, Outcome, Person, Row, Shift, Stage, State, Step, Telling, Ticks, WORKERS,
    Worker,
};
