//! Attempted = done + parked + review + skipped, and nothing stands still in silence.

use std::collections::BTreeSet;

use domain::{Reason, Stage, State, Transaction};

use super::shown;
use crate::world::World;

/// Every lead that was announced has a transaction for every bundle of its form, and each rests where it may.
pub(super) async fn breaches(world: &World, transactions: &[Transaction]) -> Vec<String> {
    let mut breaches = Vec::new();
    let known: BTreeSet<_> = transactions.iter().map(|it| (&it.id.leadgen_id, &it.id.bundle_id)).collect();
    let mut attempted = 0;
    for event in world.leads() {
        for bundle in world.takers(&event) {
            attempted += 1;
            if !known.contains(&(&event.leadgen_id, &bundle.id)) {
                breaches.push(format!("lost: lead {} has no transaction for {}", event.leadgen_id, bundle.id));
            }
        }
    }
    if transactions.len() > attempted {
        breaches.push(format!("{} transactions for {attempted} that were attempted", transactions.len()));
    }
    for transaction in transactions {
        if !rests(world, transaction, transactions).await {
            breaches.push(format!("does not rest: {}", shown(transaction)));
        }
    }
    breaches
}

/// Whether a transaction may stay where it is when nothing is broken any more.
async fn rests(world: &World, transaction: &Transaction, all: &[Transaction]) -> bool {
    match (transaction.state, transaction.reason) {
        (State::Done | State::Skipped, _) => true,
        (State::Review, Some(Reason::OutcomeUnknown | Reason::SuspectedDouble)) => true,
        (State::Parked, Some(Reason::Mapping | Reason::LeadUnreadable | Reason::Expired)) => true,
        (State::Waiting, Some(Reason::OutcomeUnknown)) => stands_behind_one_in_doubt(world, transaction, all).await,
        _ => false,
    }
}

/// Whether the person's client may have been made for another lead, of which somebody has to say whether it was.
async fn stands_behind_one_in_doubt(world: &World, transaction: &Transaction, all: &[Transaction]) -> bool {
    let hashes = transaction.phone_hash.iter().chain(&transaction.email_hash);
    for hash in hashes {
        let entry = world.store.person(&transaction.account_id, hash).await.expect("rows in memory");
        let claimer = entry.and_then(|entry| entry.claimed_by).filter(|claimer| *claimer != transaction.id);
        let claimer = claimer.and_then(|claimer| all.iter().find(|other| other.id == claimer));
        if claimer.is_some_and(|other| matches!(other.state, State::Review | State::Parked) && in_doubt(&other.stage)) {
            return true;
        }
    }
    false
}

fn in_doubt(stage: &Stage) -> bool {
    matches!(stage, Stage::ClientIntent(_))
}
