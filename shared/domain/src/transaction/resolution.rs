//! What a person decides on a lead in review. I7 holds here too: what was recorded stays.

use jiff::Timestamp;

use super::{ClientOutcome, IllegalTransition, OrderOutcome, Transaction};
use crate::{Reason, Stage, State};

impl Transaction {
    /// A person says which client this is; the order is settled next. The client may be recorded already, and is then
    /// no other.
    pub fn link_client(&mut self, client_id: i64, now: Timestamp) -> Result<(), IllegalTransition> {
        self.decided("linked to a client")?;
        if matches!(self.stage, Stage::OrderIntent(_) | Stage::OrderSet) {
            return Err(IllegalTransition { from: self.state, to: "linked to a client before its order is settled" });
        }
        self.name_client(client_id)?;
        self.stage = Stage::ClientSet;
        self.go_on(now);
        Ok(())
    }

    /// A person says which order this is, and whose: nothing more is to be done.
    pub fn link_order(&mut self, client_id: i64, order_id: i64, now: Timestamp) -> Result<(), IllegalTransition> {
        self.decided("linked to an order")?;
        if self.order_id.is_some_and(|known| known != order_id) {
            return Err(IllegalTransition { from: self.state, to: "linked to another order" });
        }
        self.name_client(client_id)?;
        self.stage = Stage::OrderSet;
        self.order_id = Some(order_id);
        self.order_outcome = self.order_outcome.or(Some(OrderOutcome::Found));
        self.enter(State::Done, None, None, now);
        Ok(())
    }

    /// A person says that RemOnline has nothing of it: the next attempt is the first of a new series.
    pub fn create_again(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.decided("created again")?;
        self.stage = match &self.stage {
            Stage::ClientIntent(attempt) => Stage::ClientIntent(attempt.cleared(now)),
            Stage::OrderIntent(attempt) => Stage::OrderIntent(attempt.cleared(now)),
            settled => settled.clone(),
        };
        self.go_on(now);
        Ok(())
    }

    /// A person says that nothing is to be made of it.
    pub fn dismiss(&mut self, now: Timestamp) -> Result<(), IllegalTransition> {
        self.decided("dismissed")?;
        self.skip(Reason::Dismissed, now)
    }

    fn decided(&self, to: &'static str) -> Result<(), IllegalTransition> {
        if self.state == State::Review { Ok(()) } else { Err(IllegalTransition { from: self.state, to }) }
    }

    fn name_client(&mut self, client_id: i64) -> Result<(), IllegalTransition> {
        if self.client_id.is_some_and(|known| known != client_id) {
            return Err(IllegalTransition { from: self.state, to: "linked to another client" });
        }
        self.client_id = Some(client_id);
        self.client_outcome = self.client_outcome.or(Some(ClientOutcome::Found));
        Ok(())
    }

    fn go_on(&mut self, now: Timestamp) {
        self.tries = 0;
        self.enter(State::Received, None, Some(now), now);
    }
}
