//! What can happen next, and what it changes.

use stateright::{Model, Property};

use super::{
    properties,
    protocol::Protocol,
    state::{Effect, Id, State, Step, WORKERS, Worker},
};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A lead's message is delivered, for the first time or again. `processor::record`
    Deliver(usize),
    /// An invocation asks for the lease and is given it. `processor::work`, `store::Store::acquire`
    Take(usize),
    /// An invocation takes a due lead in hand. `processor::Shift::walk`
    Read(usize, usize),
    /// An invocation does its next step. `processor::Shift::advance`
    Advance(usize),
    /// A create on its way, by its place, takes effect, and its sender hears of it.
    Answer(usize),
    /// A create on its way, by its place, takes effect, and nobody hears of it.
    TakeEffect(usize),
    /// RemOnline refuses what the invocation sent, and says so: 4xx, 429, no connection.
    Refuse(usize),
    /// The invocation hears nothing of use: time-out, 5xx, a broken connection. `remonline::Error::OutcomeUnknown`
    LoseAnswer(usize),
    /// Searches show a client, or a lead's order, from now on.
    Show(Effect, usize, Id),
    /// An invocation gives the lease back: no more work, or no answer from a table. `store::Store::release`
    GiveBack(usize),
    /// An invocation dies. Its lease stays.
    Crash(usize),
    /// Time passes.
    Tick,
}

impl<const LEADS: usize> Model for Protocol<LEADS> {
    type State = State<LEADS>;
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![State::new()]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        actions.extend((0..LEADS).map(Action::Deliver));
        for worker in 0..WORKERS {
            self.actions_of(state, worker, actions);
        }
        for (place, request) in state.remonline.requests.iter().enumerate() {
            actions.extend(request.sender.map(|_| Action::Answer(place)));
            actions.push(Action::TakeEffect(place));
        }
        actions.extend(state.remonline.hidden().map(|(effect, lead, id)| Action::Show(effect, lead, id)));
        actions.push(Action::Tick);
    }

    fn next_state(&self, last: &Self::State, action: Self::Action) -> Option<Self::State> {
        let mut state = last.clone();
        match action {
            Action::Deliver(lead) => self.deliver(&mut state, lead),
            Action::Take(worker) => self.take(&mut state, worker),
            Action::Read(worker, lead) => self.read(&mut state, worker, lead),
            Action::Advance(worker) => self.advance(&mut state, worker),
            Action::Answer(place) => self.answer(&mut state, place),
            Action::TakeEffect(place) => self.take_effect(&mut state, place),
            Action::Refuse(worker) => self.refuse(&mut state, worker),
            Action::LoseAnswer(worker) => self.lose_answer(&mut state, worker),
            Action::Show(effect, lead, id) => state.remonline.show(effect, lead, id),
            Action::GiveBack(worker) => self.give_back(&mut state, worker),
            Action::Crash(worker) => self.crash(&mut state, worker),
            Action::Tick => self.tick(&mut state),
        }
        (state != *last).then(|| if self.by_kind { state.representative() } else { state })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }

    /// A weakened protocol may go on creating for ever. What that leads to is seen long before.
    fn within_boundary(&self, state: &Self::State) -> bool {
        state.remonline.creates() <= 2 * (LEADS + 1)
    }
}

impl<const LEADS: usize> Protocol<LEADS> {
    fn actions_of(&self, state: &State<LEADS>, worker: usize, actions: &mut Vec<Action>) {
        let Worker::OnShift(shift) = &state.workers[worker] else {
            let wanted = state.open_leads().next().is_some() && self.may_take(state);
            return actions.extend(wanted.then_some(Action::Take(worker)));
        };
        match shift.telling.map(|telling| telling.step) {
            None if shift.left > 0 => actions.extend(state.open_leads().map(|lead| Action::Read(worker, lead))),
            None => {}
            Some(Step::Await(_)) => {
                actions.push(Action::LoseAnswer(worker));
                actions.extend(state.remonline.sent_by(worker).map(|_| Action::Refuse(worker)));
            }
            Some(_) => actions.push(Action::Advance(worker)),
        }
        actions.extend([Action::GiveBack(worker), Action::Crash(worker)]);
    }

    /// Whether an action is a mishap, and not what would happen if everything went well from here on.
    pub fn is_mishap(&self, state: &State<LEADS>, action: Action) -> bool {
        match action {
            Action::Deliver(_) | Action::Take(_) | Action::Read(..) | Action::Advance(_) => false,
            Action::Answer(_) | Action::Show(..) | Action::Tick => false,
            Action::TakeEffect(place) => state.remonline.requests[place].sender.is_some(),
            // What took effect unheard, or can no longer take effect, has no answer.
            Action::LoseAnswer(worker) => state.remonline.sent_by(worker).is_some(),
            Action::GiveBack(worker) => state.telling(worker).is_some(),
            Action::Refuse(_) | Action::Crash(_) => true,
        }
    }
}
