//! The story of one lead, one effect at a time: what each step of an invocation reads, sends and writes.

use super::{
    protocol::Protocol,
    remonline::Request,
    safeguard::Safeguard,
    save::{PersonWrite, SaveError},
    state::{Attempt, Effect, Id, Outcome, Person, Shift, Stage, State, Step, Telling, Ticks, Worker},
};

/// What comes after a step: another one, or the next lead.
type Next = Result<Option<Step>, SaveError>;

/// An invocation with a lead in hand. What it remembers may be out of date.
struct Teller {
    worker: usize,
    /// Time in which it may send.
    left: Ticks,
    telling: Telling,
}

impl<const LEADS: usize> Protocol<LEADS> {
    /// The invocation does its next step. One that lost the lease stops; whatever else went wrong, it takes the next
    /// lead.
    pub(super) fn advance(&self, state: &mut State<LEADS>, worker: usize) {
        let Worker::OnShift(shift) = state.workers[worker] else { return };
        let Some(telling) = shift.telling else { return };
        let mut teller = Teller { worker, left: shift.left, telling };
        let next = self.step(state, &mut teller);
        if next == Err(SaveError::LeaseLost) {
            return self.give_back(state, worker);
        }
        let telling = next.ok().flatten().map(|step| Telling { step, ..teller.telling });
        state.workers[worker] = Worker::OnShift(Shift { telling, ..shift });
    }

    fn step(&self, state: &mut State<LEADS>, teller: &mut Teller) -> Next {
        match teller.telling.step {
            Step::ReadIndex => Ok(self.read_index(state, teller)),
            Step::Search => Ok(Some(self.search(state, teller))),
            Step::CheckTime(effect) => Ok((teller.left > 0).then_some(Step::Intend(effect))),
            Step::Intend(effect) => self.intend(state, teller, effect),
            Step::Send(effect) => Ok(Some(self.send(state, teller, effect))),
            Step::Await(effect) => Ok(Some(Step::Await(effect))),
            Step::Record(effect, id) => self.record(state, teller, effect, id),
            Step::Doubt(effect, quiet_in) => self.doubt(state, teller, effect, quiet_in),
            Step::Withdraw(effect) => self.withdraw(state, teller, effect),
            Step::LookUp(effect) => Ok(Some(self.look_up(state, teller, effect))),
            Step::Miss(effect) => self.miss(state, teller, effect),
            Step::Finish => self.finish(state, teller),
        }
    }

    fn read_index(&self, state: &State<LEADS>, teller: &mut Teller) -> Option<Step> {
        match state.person {
            Person::Claimed(by) if by != teller.telling.lead => None,
            Person::Claimed(_) | Person::Unknown => Some(Step::Search),
            Person::Known(id) => {
                teller.telling.client = Some(id);
                Some(Step::CheckTime(Effect::Order))
            }
        }
    }

    /// Whoever is found is used, else a client is made.
    fn search(&self, state: &State<LEADS>, teller: &mut Teller) -> Step {
        teller.telling.client = state.remonline.find(Effect::Client, teller.telling.lead);
        Step::CheckTime(if teller.telling.client.is_some() { Effect::Order } else { Effect::Client })
    }

    fn intend(&self, state: &mut State<LEADS>, teller: &Teller, effect: Effect) -> Next {
        if self.has(Safeguard::Intent) {
            let until_latest_send = if self.has(Safeguard::LeaseEnd) { teller.left } else { 0 };
            let quiet_in = until_latest_send + self.quiet_period;
            let person = match (effect, teller.telling.client) {
                (Effect::Client, _) => Some(PersonWrite::Claim),
                (Effect::Order, client) => client.filter(|_| is_new(state, teller)).map(PersonWrite::Settle),
            };
            self.save(state, teller.worker, &teller.telling, person, |row| {
                let number = row.stage.attempt_at(effect).map_or(0, |attempt| attempt.number) + 1;
                row.stage = effect.intent(Attempt { number, quiet_in, missed: false });
                row.client = teller.telling.client;
            })?;
        }
        Ok(Some(Step::Send(effect)))
    }

    /// Nothing is sent when the lease might end before the answer is heard.
    fn send(&self, state: &mut State<LEADS>, teller: &Teller, effect: Effect) -> Step {
        if teller.left == 0 && self.has(Safeguard::SendMargin) {
            return Step::Withdraw(effect);
        }
        let (lead, sender) = (teller.telling.lead, Some(teller.worker));
        state.remonline.receive(Request { lead, effect, sender, left: self.quiet_period });
        Step::Await(effect)
    }

    fn record(&self, state: &mut State<LEADS>, teller: &mut Teller, effect: Effect, id: Id) -> Next {
        let (settle, next) = match effect {
            Effect::Client => {
                teller.telling.client = Some(id);
                (Some(PersonWrite::Settle(id)), Step::CheckTime(Effect::Order))
            }
            Effect::Order => (None, Step::Finish),
        };
        self.save(state, teller.worker, &teller.telling, settle, |row| {
            *row.id_mut(effect) = Some(id);
            row.stage = effect.after();
        })?;
        Ok(Some(next))
    }

    fn doubt(&self, state: &mut State<LEADS>, teller: &Teller, effect: Effect, quiet_in: Ticks) -> Next {
        self.save(state, teller.worker, &teller.telling, None, |row| {
            if let Some(attempt) = row.stage.attempt_at(effect) {
                row.stage = effect.intent(Attempt { quiet_in, ..attempt });
            }
        })?;
        Ok(None)
    }

    /// It is known that nothing took effect.
    fn withdraw(&self, state: &mut State<LEADS>, teller: &Teller, effect: Effect) -> Next {
        let release = (effect == Effect::Client).then_some(PersonWrite::Release);
        self.save(state, teller.worker, &teller.telling, release, |row| row.stage = effect.before())?;
        Ok(None)
    }

    /// A hit counts at once.
    fn look_up(&self, state: &State<LEADS>, teller: &Teller, effect: Effect) -> Step {
        let found = state.remonline.find(effect, teller.telling.lead).filter(|_| self.has(Safeguard::LookUp));
        found.map_or(Step::Miss(effect), |id| Step::Record(effect, id))
    }

    /// What RemOnline said may be out of date by now.
    fn miss(&self, state: &mut State<LEADS>, teller: &Teller, effect: Effect) -> Next {
        let row = state.rows[teller.telling.lead];
        let Some(attempt) = row.and_then(|row| row.stage.attempt_at(effect)) else { return Ok(None) };
        let mut noted = attempt;
        let settled = self.note_miss(&mut noted);
        if settled && attempt.number < self.max_attempts {
            return Ok(Some(Step::CheckTime(effect)));
        }
        if settled || noted != attempt {
            self.save(state, teller.worker, &teller.telling, None, |row| {
                row.stage = effect.intent(noted);
                row.outcome = if settled { Outcome::Review } else { row.outcome };
            })?;
        }
        Ok(None)
    }

    /// True when the absence is settled.
    fn note_miss(&self, attempt: &mut Attempt) -> bool {
        if !self.has(Safeguard::QuietPeriod) {
            attempt.quiet_in = 0;
        }
        let settled = attempt.miss(self.quiet_period);
        settled || (attempt.missed && !self.has(Safeguard::SecondMiss))
    }

    fn finish(&self, state: &mut State<LEADS>, teller: &Teller) -> Next {
        self.save(state, teller.worker, &teller.telling, None, |row| row.outcome = Outcome::Done)?;
        Ok(None)
    }
}

/// Whether the client was found just now, so that the index may not know it.
fn is_new<const LEADS: usize>(state: &State<LEADS>, teller: &Teller) -> bool {
    state.rows[teller.telling.lead].is_some_and(|row| row.stage == Stage::Fetched)
}
