//! Orders and comments by their markers.

use std::collections::BTreeMap;

use domain::{OrderMode, OrderOutcome, State, Transaction, marker};
use serde_json::Value;

use super::shown;
use crate::{wire::Company, world::World};

/// How a marker begins.
const MARKER: &str = "[fb:";

/// What stands for the marker of a text that has none.
const NO_MARKER: &str = "";

/// Each transaction has at most one order, and exactly the one it names; no order belongs to nobody.
pub(super) fn breaches(world: &World, company: &Company, transactions: &[Transaction]) -> Vec<String> {
    let orders = company.remonline.orders();
    let mut by_marker: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for order in &orders {
        by_marker.entry(marker_in(order["manager_notes"].as_str().unwrap_or_default())).or_default().push(order);
    }
    let comments = comments(company, &orders);
    let here = transactions.iter().filter(|transaction| transaction.account_id.as_str() == company.name);
    let mut breaches = Vec::new();
    for transaction in here {
        let marker = marker(&transaction.id.leadgen_id, &transaction.id.bundle_id);
        let ours = by_marker.remove(marker.as_str()).unwrap_or_default();
        breaches.extend(wrong_orders(world, transaction, &ours));
        let comments = comments.get(&marker).copied().unwrap_or_default();
        let allowed = usize::from(transaction.order_outcome == Some(OrderOutcome::Commented));
        if comments > allowed {
            breaches.push(format!("{comments} comments of {}", shown(transaction)));
        }
    }
    breaches.extend(needless_orders(world, company, transactions));
    // Orders that the company made itself have none.
    by_marker.remove(NO_MARKER);
    breaches.extend(by_marker.keys().map(|marker| format!("an order of nobody at {}: {marker}", company.name)));
    breaches
}

fn wrong_orders(world: &World, transaction: &Transaction, ours: &[&Value]) -> Option<String> {
    let created = transaction.order_outcome == Some(OrderOutcome::Created);
    let is_right = match ours {
        [] => transaction.state != State::Done || !created,
        [order] if created => {
            transaction.order_id == order["id"].as_i64()
                && transaction.client_id == order["client"]["id"].as_i64()
                && (transaction.state != State::Done || has_wanted_status(world, transaction, order))
        }
        // It is not known to have been made, which is what the transaction says.
        [_] => transaction.state != State::Done,
        _ => false,
    };
    (!is_right).then(|| format!("{} orders of {}", ours.len(), shown(transaction)))
}

/// Orders that were made for a client who had one already, where the bundle makes one only if there is none: of two leads,
/// the later of which came when the earlier was done. Where closed orders do not count this is not looked at.
fn needless_orders(world: &World, company: &Company, transactions: &[Transaction]) -> Vec<String> {
    let made = transactions.iter().filter(|transaction| {
        transaction.account_id.as_str() == company.name && transaction.order_outcome == Some(OrderOutcome::Created)
    });
    let made = made.collect::<Vec<_>>();
    let one_is_enough = |transaction: &Transaction| {
        let bundle = world.bundles.iter().find(|bundle| bundle.id == transaction.id.bundle_id);
        let rules = bundle.and_then(|bundle| bundle.document.order.as_ref()).map(|rules| &rules.duplicates);
        rules.is_some_and(|rules| rules.mode == OrderMode::CreateIfMissing && !rules.only_open)
    };
    let is_needless = |later: &Transaction| {
        made.iter().any(|earlier| {
            let was_done = earlier.state == State::Done && earlier.updated_at < later.received_at;
            // By a clock that is wrong a lead may be done before it came.
            was_done && earlier.id != later.id && earlier.client_id == later.client_id
        })
    };
    let needless = made.iter().filter(|transaction| one_is_enough(transaction) && is_needless(transaction));
    needless.map(|transaction| format!("a needless order of {}", shown(transaction))).collect()
}

fn has_wanted_status(world: &World, transaction: &Transaction, order: &Value) -> bool {
    let bundle = world.bundles.iter().find(|bundle| bundle.id == transaction.id.bundle_id);
    let rules = bundle.and_then(|bundle| bundle.document.order.as_ref());
    match rules.and_then(|rules| rules.fields.status_id.as_ref()) {
        Some(domain::Value::Integer(wanted)) => order["status"]["id"] == *wanted,
        _ => true,
    }
}

/// How many comments there are with each marker.
fn comments(company: &Company, orders: &[Value]) -> BTreeMap<String, usize> {
    let mut by_marker = BTreeMap::new();
    for id in orders.iter().filter_map(|order| order["id"].as_i64()) {
        for comment in company.remonline.comments(id) {
            let text = comment["comment"].as_str().unwrap_or_default();
            *by_marker.entry(marker_in(text).to_owned()).or_default() += 1;
        }
    }
    by_marker
}

fn marker_in(text: &str) -> &str {
    text.rfind(MARKER).map_or(NO_MARKER, |at| &text[at..])
}
