//! How a step of a lead is written: everything or nothing, under the conditions of the table.

use super::{
    protocol::Protocol,
    safeguard::Safeguard,
    state::{Effect, Holder, Id, Person, Row, Shift, State, Telling, Worker},
};

/// `store::SaveError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaveError {
    /// Somebody else changed the row.
    Conflict,
    /// Somebody else was given the lease.
    LeaseLost,
    /// Another lead is about to create the client, or did.
    PersonClaimed,
}

/// `store::PersonWrite`.
#[derive(Debug, Clone, Copy)]
pub(super) enum PersonWrite {
    /// The lead is about to create the client.
    Claim,
    /// This is the client.
    Settle(Id),
    /// The lead will not create the client after all.
    Release,
}

impl<const LEADS: usize> Protocol<LEADS> {
    /// `store::Store::save`. Whoever else has the lead in hand has an old revision of it from now on.
    pub(super) fn save(
        &self,
        state: &mut State<LEADS>,
        worker: usize,
        telling: &Telling,
        person: Option<PersonWrite>,
        change: impl FnOnce(&mut Row),
    ) -> Result<(), SaveError> {
        if self.has(Safeguard::Fence) && state.lease.holder != Holder::Worker(worker) {
            return Err(SaveError::LeaseLost);
        }
        if self.has(Safeguard::Revision) && telling.overtaken {
            return Err(SaveError::Conflict);
        }
        let before = state.rows[telling.lead].ok_or(SaveError::Conflict)?;
        if let Some(write) = person {
            state.person = self.write_person(state.person, write, telling.lead)?;
        }
        let mut after = before;
        change(&mut after);
        state.rows[telling.lead] = Some(after);
        state.id_changed |= Effect::ALL.iter().any(|effect| loses_id(&before, &after, *effect));
        state.rule_broken |= !before.stage.may_become(after.stage);
        overtake_others(state, worker, telling.lead);
        Ok(())
    }

    /// `store::dedup::person_write`.
    fn write_person(&self, person: Person, write: PersonWrite, lead: usize) -> Result<Person, SaveError> {
        if !self.has(Safeguard::Claim) {
            // Only who the client is gets known.
            return Ok(if let PersonWrite::Settle(client) = write { Person::Known(client) } else { person });
        }
        let ours = person == Person::Claimed(lead);
        let (allowed, written) = match write {
            PersonWrite::Claim => (ours || person == Person::Unknown, Person::Claimed(lead)),
            PersonWrite::Settle(client) => (ours || !matches!(person, Person::Claimed(_)), Person::Known(client)),
            PersonWrite::Release => (ours || person == Person::Unknown, Person::Unknown),
        };
        if allowed { Ok(written) } else { Err(SaveError::PersonClaimed) }
    }
}

fn loses_id(before: &Row, after: &Row, effect: Effect) -> bool {
    before.id(effect).is_some_and(|id| after.id(effect) != Some(id))
}

fn overtake_others<const LEADS: usize>(state: &mut State<LEADS>, worker: usize, lead: usize) {
    for (other, slot) in state.workers.iter_mut().enumerate() {
        let Worker::OnShift(Shift { telling: Some(telling), .. }) = slot else { continue };
        telling.overtaken |= other != worker && telling.lead == lead;
    }
}
