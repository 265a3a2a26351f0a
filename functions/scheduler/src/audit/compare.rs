//! What orders and records say of each other.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Bundle, ClientMode, ClientOutcome, Match, MatchKey, OrderOutcome, State, Transaction, TransactionId, marked,
};
use remonline::Order;
use store::FindingKind;

/// What was found, of which transaction, and the ids in RemOnline.
pub(super) type Found = (FindingKind, TransactionId, BTreeSet<i64>);

/// The orders of each transaction, by the marker in their notes.
pub(super) fn by_marker(orders: &[Order]) -> BTreeMap<TransactionId, BTreeSet<i64>> {
    let mut marked_orders: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for order in orders {
        if let Some((leadgen_id, bundle_id)) = marked(&order.manager_notes) {
            marked_orders.entry(TransactionId { leadgen_id, bundle_id }).or_default().insert(order.id);
        }
    }
    marked_orders
}

/// Orders that are one too many, and orders of no transaction of ours. `known` are the transactions of the markers.
pub(super) fn orders(marked: &BTreeMap<TransactionId, BTreeSet<i64>>, known: &[Transaction]) -> Vec<Found> {
    let known: BTreeMap<_, _> = known.iter().map(|transaction| (&transaction.id, transaction)).collect();
    let judged = marked.iter().filter_map(|(id, orders)| {
        let recorded = known.get(id).map(|transaction| made_order(transaction));
        let all = orders.iter().copied().chain(recorded.flatten()).collect::<BTreeSet<_>>();
        match recorded {
            _ if all.len() > 1 => Some((FindingKind::OrderDoubled, id.clone(), all)),
            None => Some((FindingKind::OrderUnexpected, id.clone(), all)),
            Some(_) => None,
        }
    });
    judged.collect()
}

/// The orders of leads that are done which are not listed.
pub(super) fn unlisted(recorded: &[Transaction], listed: &[Order]) -> Vec<(TransactionId, i64)> {
    let listed = listed.iter().map(|order| order.id).collect::<BTreeSet<_>>();
    let done = recorded.iter().filter(|transaction| transaction.state == State::Done);
    let made = done.filter_map(|transaction| Some((transaction.id.clone(), made_order(transaction)?)));
    made.filter(|(_, order_id)| !listed.contains(order_id)).collect()
}

/// The order that we made for a lead. One that was found is of whoever made it.
fn made_order(transaction: &Transaction) -> Option<i64> {
    transaction.order_id.filter(|_| transaction.order_outcome == Some(OrderOutcome::Created))
}

/// Clients that we made for somebody who, by the rules of the bundle, was another client already. RemOnline counts its
/// ids up: of two clients the one with the lower id is the older.
pub(super) fn doubled_clients(recorded: &[Transaction], bundles: &[Bundle]) -> Vec<Found> {
    let mut clients: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for (hash, client_id) in recorded.iter().flat_map(sure_keys) {
        clients.entry(hash).or_default().insert(client_id);
    }
    let doubled = recorded.iter().filter(|transaction| transaction.client_outcome == Some(ClientOutcome::Created));
    let doubled = doubled.filter_map(|transaction| {
        let hashes = keys(transaction, bundles).into_iter();
        let mut same = hashes.filter_map(|hash| clients.get(hash));
        let same = same.find(|clients| clients.first().copied() < transaction.client_id)?;
        Some((FindingKind::ClientDoubled, transaction.id.clone(), same.clone()))
    });
    // Two that were made for one person are one finding: that of the later lead.
    let mut by_clients = BTreeMap::new();
    for (kind, id, clients) in doubled {
        by_clients.entry(clients.clone()).or_insert((kind, id, clients));
    }
    by_clients.into_values().collect()
}

/// The keyed hashes that belong to a transaction's client without doubt: both, where we made it of them. Of two keys of a
/// client that was found one may belong to somebody else.
fn sure_keys(transaction: &Transaction) -> impl Iterator<Item = (&str, i64)> {
    let hashes = transaction.phone_hash.iter().chain(&transaction.email_hash);
    let made = transaction.client_outcome == Some(ClientOutcome::Created);
    let client_id = transaction.client_id.filter(|_| made || hashes.clone().count() == 1);
    hashes.filter_map(move |hash| Some((hash.as_str(), client_id?)))
}

/// The keyed hashes of which one makes a known client of the lead. None where the bundle makes a client for every lead,
/// or wants all keys to agree.
fn keys<'t>(transaction: &'t Transaction, bundles: &[Bundle]) -> Vec<&'t str> {
    let bundle = bundles.iter().find(|bundle| bundle.id == transaction.id.bundle_id);
    let rules = bundle.map(|bundle| &bundle.document.client.duplicates);
    let rules = rules.filter(|rules| rules.mode != ClientMode::CreateAlways && rules.match_keys == Match::Any);
    let keys = rules.into_iter().flat_map(|rules| &rules.match_on);
    let hash = |key: &MatchKey| match key {
        MatchKey::Phone => transaction.phone_hash.as_deref(),
        MatchKey::Email => transaction.email_hash.as_deref(),
    };
    keys.filter_map(hash).collect()
}
