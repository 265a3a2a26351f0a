//! Judges a run by what it left behind: the ledgers of the simulators, the tables, the logs. It knows nothing of what
//! befell whom.

mod audit;
mod clients;
mod orders;
mod privacy;
mod rate;
mod states;

use std::collections::BTreeMap;

use domain::{State, Transaction};

use crate::world::World;

/// What is to be said of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Everything that must not be; empty after a good run.
    pub breaches: Vec<String>,
    /// Transactions by the state they ended in.
    pub states: BTreeMap<&'static str, usize>,
}

/// Judges a run.
pub async fn judge(world: &World, logs: &str) -> Verdict {
    let transactions = world.transactions().await;
    let mut breaches = world.breaches();
    if world.effects.go_round_in_circles() {
        breaches.push(format!("goes round in circles: {} effects", world.effects.trace().0));
    }
    breaches.extend(states::breaches(world, &transactions).await);
    for company in &world.outside.companies {
        breaches.extend(orders::breaches(world, company, &transactions));
        breaches.extend(clients::breaches(world, company, &transactions));
        breaches.extend(rate::breaches(company));
    }
    breaches.extend(audit::breaches(world).await);
    breaches.extend(privacy::breaches(world, &transactions, logs));
    let mut states = BTreeMap::new();
    for transaction in &transactions {
        *states.entry(name(transaction.state)).or_default() += 1;
    }
    Verdict { breaches, states }
}

fn name(state: State) -> &'static str {
    match state {
        State::Received => "received",
        State::Running => "running",
        State::Waiting => "waiting",
        State::Parked => "parked",
        State::Review => "review",
        State::Skipped => "skipped",
        State::Done => "done",
        State::Erased => "erased",
    }
}

/// A transaction as a breach names it.
fn shown(transaction: &Transaction) -> String {
    let Transaction { id, state, reason, stage, client_outcome, order_outcome, .. } = transaction;
    format!("{id} ({state:?}, {reason:?}, {stage:?}, client {client_outcome:?}, order {order_outcome:?})")
}
