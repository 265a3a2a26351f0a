//! The protocol around the story of a lead: messages, leases, the ends of invocations, and time.

use super::{
    safeguard::Safeguard,
    state::{Effect, Holder, Row, Shift, Stage, State, Step, Telling, Ticks, Worker},
};

/// The protocol for so many leads of one new person.
#[derive(Debug, Clone)]
pub struct Protocol<const LEADS: usize> {
    /// The pieces that are left out.
    pub without: Vec<Safeguard>,
    /// How long a lease lasts.
    pub lease: Ticks,
    /// How long after it was sent a create may still take effect.
    pub quiet_period: Ticks,
    /// Attempts whose outcome could not be settled before a person is asked.
    pub max_attempts: u8,
    /// Of states that differ only in which lead or which invocation is which, look at one.
    pub by_kind: bool,
}

impl<const LEADS: usize> Protocol<LEADS> {
    /// The protocol as the product has it. A lease of two units can be half over; a quiet period of one is the least.
    pub fn whole() -> Self {
        Self { without: Vec::new(), lease: 2, quiet_period: 1, max_attempts: 3, by_kind: true }
    }

    /// The protocol without some of its pieces.
    pub fn without(pieces: &[Safeguard]) -> Self {
        Self { without: pieces.to_vec(), ..Self::whole() }
    }

    pub(super) fn has(&self, piece: Safeguard) -> bool {
        !self.without.contains(&piece)
    }

    /// A repeated message finds its row and changes nothing.
    pub(super) fn deliver(&self, state: &mut State<LEADS>, lead: usize) {
        state.rows[lead].get_or_insert_with(Row::fetched);
    }

    /// Whether the lease would be given to somebody who asks now.
    pub(super) fn may_take(&self, state: &State<LEADS>) -> bool {
        let free = state.lease.holder == Holder::Nobody || state.lease.left == 0;
        free || !self.has(Safeguard::Exclusion)
    }

    pub(super) fn take(&self, state: &mut State<LEADS>, worker: usize) {
        state.lease.holder = Holder::Worker(worker);
        state.lease.left = self.lease;
        state.workers[worker] = Worker::OnShift(Shift { left: self.lease, telling: None });
    }

    /// The lead is taken in hand as it is stored.
    pub(super) fn read(&self, state: &mut State<LEADS>, worker: usize, lead: usize) {
        let (Some(row), Worker::OnShift(shift)) = (state.rows[lead], &mut state.workers[worker]) else { return };
        let step = match row.stage {
            Stage::Fetched => Step::ReadIndex,
            Stage::ClientIntent(_) => Step::LookUp(Effect::Client),
            Stage::ClientSet => Step::CheckTime(Effect::Order),
            Stage::OrderIntent(_) => Step::LookUp(Effect::Order),
            Stage::OrderSet => Step::Finish,
        };
        shift.telling = Some(Telling { lead, client: row.client, overtaken: false, step });
    }

    /// Who lost the lease leaves it alone.
    pub(super) fn give_back(&self, state: &mut State<LEADS>, worker: usize) {
        if state.lease.holder == Holder::Worker(worker) {
            state.lease.holder = Holder::Nobody;
            state.lease.left = 0;
        }
        state.remonline.hang_up(worker);
        state.workers[worker] = Worker::Idle;
    }

    pub(super) fn crash(&self, state: &mut State<LEADS>, worker: usize) {
        if state.lease.holder == Holder::Worker(worker) {
            state.lease.holder = if state.lease.left == 0 { Holder::Nobody } else { Holder::Gone };
        }
        state.remonline.hang_up(worker);
        state.workers[worker] = Worker::Idle;
    }

    pub(super) fn answer(&self, state: &mut State<LEADS>, place: usize) {
        let (request, id) = state.remonline.take_effect(place);
        if let Some(worker) = request.sender {
            state.set_step(worker, Step::Record(request.effect, id));
        }
    }

    pub(super) fn take_effect(&self, state: &mut State<LEADS>, place: usize) {
        state.remonline.take_effect(place);
    }

    pub(super) fn refuse(&self, state: &mut State<LEADS>, worker: usize) {
        if let Some(request) = state.remonline.refuse(worker) {
            state.set_step(worker, Step::Withdraw(request.effect));
        }
    }

    /// The request left at the latest now.
    pub(super) fn lose_answer(&self, state: &mut State<LEADS>, worker: usize) {
        let Some(Step::Await(effect)) = state.telling(worker).map(|telling| telling.step) else { return };
        state.remonline.hang_up(worker);
        let doubt = Step::Doubt(effect, self.quiet_period);
        state.set_step(worker, if self.has(Safeguard::Doubt) { doubt } else { Step::Send(effect) });
    }

    pub(super) fn tick(&self, state: &mut State<LEADS>) {
        state.lease.left = state.lease.left.saturating_sub(1);
        if state.lease.left == 0 && state.lease.holder == Holder::Gone {
            state.lease.holder = Holder::Nobody;
        }
        for worker in &mut state.workers {
            let Worker::OnShift(shift) = worker else { continue };
            shift.left = shift.left.saturating_sub(1);
            if let Some(Telling { step: Step::Doubt(_, quiet_in), .. }) = &mut shift.telling {
                *quiet_in = quiet_in.saturating_sub(1);
            }
        }
        for row in state.rows.iter_mut().flatten() {
            if let Stage::ClientIntent(attempt) | Stage::OrderIntent(attempt) = &mut row.stage {
                attempt.quiet_in = attempt.quiet_in.saturating_sub(1);
            }
        }
        state.remonline.tick(self.has(Safeguard::FreshSearch));
    }
}
