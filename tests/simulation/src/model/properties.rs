//! What must hold in every state, and what must be possible for that to mean something.

use stateright::Property;

use super::{
    protocol::Protocol,
    state::{Effect, Holder, Outcome, Stage, State, Worker},
};

/// The person has at most one client.
pub const ONE_CLIENT: &str = "one client for the person";
/// Each lead has at most one order.
pub const ONE_ORDER: &str = "one order for each lead";
/// I7.
pub const IDS_STAY: &str = "an id once recorded never changes";
/// I7, by the product's own rule.
pub const STAGES_MOVE_BY_THE_RULE: &str = "stages move only as the product's rule allows";
/// Ids are those of what is in RemOnline, and a lead that is done has both.
pub const RECORDS_ARE_TRUE: &str = "what is recorded is true";
/// I6.
pub const ONE_UNRESOLVED: &str = "one unresolved request for each effect";

/// Every lead ends well.
pub const ALL_DONE: &str = "every lead is done";
/// A person is asked, after the last attempt.
pub const REVIEW: &str = "a lead needs a person";
/// A doubt ends in another attempt.
pub const LAST_ATTEMPT: &str = "the last attempt is made";
/// A create takes effect that nobody waits for any more.
pub const LATE_EFFECT: &str = "a create takes effect while its lead is in doubt";
/// An invocation goes on after somebody else was given its lease.
pub const ZOMBIE: &str = "an invocation works on without its lease";

/// All of them.
pub fn all<const LEADS: usize>() -> Vec<Property<Protocol<LEADS>>> {
    vec![
        Property::always(ONE_CLIENT, |_, state: &State<LEADS>| state.remonline.clients.len() <= 1),
        Property::always(ONE_ORDER, |_, state: &State<LEADS>| state.remonline.orders.iter().all(|of| of.len() <= 1)),
        Property::always(IDS_STAY, |_, state: &State<LEADS>| !state.id_changed),
        Property::always(STAGES_MOVE_BY_THE_RULE, |_, state: &State<LEADS>| !state.rule_broken),
        Property::always(RECORDS_ARE_TRUE, |_, state| records_are_true(state)),
        Property::always(ONE_UNRESOLVED, |_, state| one_unresolved(state)),
        Property::sometimes(ALL_DONE, |_, state: &State<LEADS>| {
            state.rows.iter().all(|row| row.is_some_and(|row| row.outcome == Outcome::Done))
        }),
        Property::sometimes(REVIEW, |_, state: &State<LEADS>| {
            state.rows.iter().flatten().any(|row| row.outcome == Outcome::Review)
        }),
        Property::sometimes(LAST_ATTEMPT, last_attempt),
        Property::sometimes(LATE_EFFECT, |_, state| late_effect(state)),
        Property::sometimes(ZOMBIE, |_, state| zombie(state)),
    ]
}

fn records_are_true<const LEADS: usize>(state: &State<LEADS>) -> bool {
    let mut rows = state.rows.iter().enumerate().filter_map(|(lead, row)| row.map(|row| (lead, row)));
    rows.all(|(lead, row)| {
        let is_true = |effect| row.id(effect).map(|id| state.remonline.has(effect, lead, id));
        Effect::ALL.iter().all(|effect| is_true(*effect).unwrap_or(row.outcome != Outcome::Done))
    })
}

fn one_unresolved<const LEADS: usize>(state: &State<LEADS>) -> bool {
    // They are in order.
    state.remonline.requests.windows(2).all(|two| (two[0].lead, two[0].effect) != (two[1].lead, two[1].effect))
}

fn last_attempt<const LEADS: usize>(model: &Protocol<LEADS>, state: &State<LEADS>) -> bool {
    let mut attempts = state.rows.iter().flatten().filter_map(|row| row.stage.attempt());
    attempts.any(|attempt| attempt.number == model.max_attempts)
}

fn late_effect<const LEADS: usize>(state: &State<LEADS>) -> bool {
    let told =
        |lead| (0..state.workers.len()).any(|worker| state.telling(worker).is_some_and(|telling| telling.lead == lead));
    state.rows.iter().enumerate().any(|(lead, row)| {
        let in_doubt = matches!(row, Some(row) if matches!(row.stage, Stage::OrderIntent(_)));
        in_doubt && !told(lead) && state.remonline.has(Effect::Order, lead, 0)
    })
}

fn zombie<const LEADS: usize>(state: &State<LEADS>) -> bool {
    let works_without_lease = |(worker, slot): (usize, &Worker)| {
        matches!(slot, Worker::OnShift(shift) if shift.telling.is_some())
            && state.lease.holder != Holder::Worker(worker)
    };
    state.workers.iter().enumerate().any(works_without_lease)
}
