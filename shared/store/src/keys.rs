//! Every key of every table.
//!
//! A part of a key that orders is written with a fixed width. Ids hold no `#`, and nothing in a sort key lies above
//! `~`, so that a prefix `p` is the range `p..p~`.

use domain::{AccountId, LeadSource, LeadgenEvent, MetaId, Slug, State, Transaction, TransactionId};
use jiff::Timestamp;

use crate::database::Key;

/// Above every character that a sort key holds.
const LAST: char = '~';

/// The end of the range of sort keys that begin with `prefix`.
pub(crate) fn after_prefix(prefix: &str) -> String {
    format!("{prefix}{LAST}")
}

// Connections table

pub(crate) const CONNECTIONS: &str = "CONNECTION";

pub(crate) fn connection(id: &Slug) -> Key {
    Key::new(CONNECTIONS, id.as_str())
}

pub(crate) fn lease(account: &AccountId) -> Key {
    Key::new(format!("ACCOUNT#{account}"), "LEASE")
}

pub(crate) fn pace(account: &AccountId) -> Key {
    Key::new(format!("ACCOUNT#{account}"), "PACE")
}

pub(crate) fn breaker(account: &AccountId) -> Key {
    Key::new(format!("ACCOUNT#{account}"), "BREAKER")
}

pub(crate) fn hash_key() -> Key {
    Key::new("INSTALLATION", "HASH_KEY")
}

// Bundles table

pub(crate) const BUNDLES: &str = "BUNDLE";

pub(crate) fn bundle(id: &Slug) -> Key {
    Key::new(BUNDLES, id.as_str())
}

pub(crate) fn versions(bundle: &Slug) -> String {
    format!("VERSION#{bundle}")
}

pub(crate) fn version(bundle: &Slug, version: u32) -> Key {
    Key::new(versions(bundle), format!("{version:010}"))
}

pub(crate) fn page(page: &MetaId) -> String {
    format!("PAGE#{page}")
}

pub(crate) fn route(page_id: &MetaId, bundle: &Slug) -> Key {
    Key::new(page(page_id), bundle.as_str())
}

// Dedup table: a partition of its own for each row, since these are never listed

pub(crate) fn person(account: &AccountId, hash: &str) -> Key {
    Key::new(format!("PERSON#{account}#{hash}"), "PERSON")
}

pub(crate) fn latest_order(account: &AccountId, client_id: i64) -> Key {
    Key::new(format!("CLIENT#{account}#{client_id}"), "ORDER")
}

// Transactions table

/// What the sort keys of transactions begin with.
pub(crate) const TRANSACTIONS: &str = "BUNDLE#";

pub(crate) fn lead(leadgen_id: &MetaId) -> String {
    format!("LEAD#{leadgen_id}")
}

pub(crate) fn transaction(id: &TransactionId) -> Key {
    Key::new(lead(&id.leadgen_id), format!("{TRANSACTIONS}{}", id.bundle_id))
}

pub(crate) fn answers(id: &TransactionId) -> Key {
    Key::new(lead(&id.leadgen_id), format!("ANSWERS#{}", id.bundle_id))
}

/// Which of an account's due transactions go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Live,
    Backfill,
}

impl Lane {
    /// All lanes, the one to be worked on first in front.
    pub(crate) const ALL: [Self; 2] = [Self::Live, Self::Backfill];

    fn of(source: LeadSource) -> Self {
        match source {
            LeadSource::Webhook | LeadSource::Reconcile => Self::Live,
            LeadSource::Backfill => Self::Backfill,
        }
    }
}

pub(crate) fn due_list(account: &AccountId, lane: Lane) -> String {
    let lane = match lane {
        Lane::Live => "live",
        Lane::Backfill => "backfill",
    };
    format!("DUE#{account}#{lane}")
}

/// The end of the range of what is due at `now`.
pub(crate) fn due_until(now: Timestamp) -> String {
    after_prefix(&format!("{}#", instant(now)))
}

/// When the entry of a due list is due.
pub(crate) fn due_at(sort: &str) -> Option<Timestamp> {
    sort.split('#').next()?.parse().ok()
}

pub(crate) fn held_by_bundle(bundle: &Slug) -> String {
    format!("HELD#bundle#{bundle}")
}

pub(crate) fn held_by_connection(connection: &Slug) -> String {
    format!("HELD#connection#{connection}")
}

/// The one list in which a transaction stands, from its state alone: due, held by its bundle or held by a
/// connection. Final ones, and those that wait for a person to decide on them alone, stand in none.
pub(crate) fn list_entry(transaction: &Transaction) -> Option<Key> {
    let place = history_key(transaction);
    match (transaction.state, transaction.due_at, &transaction.blocked_by) {
        (State::Received | State::Running | State::Waiting, Some(due_at), _) => {
            let list = due_list(&transaction.account_id, Lane::of(transaction.source));
            Some(Key::new(list, format!("{}#{place}", instant(due_at))))
        }
        (State::Waiting, None, _) => Some(Key::new(held_by_bundle(&transaction.id.bundle_id), place)),
        (State::Parked, _, Some(connection)) => Some(Key::new(held_by_connection(connection), place)),
        _ => None,
    }
}

/// The place of a transaction in the history, which orders all of them by the time of receipt.
pub(crate) fn history_key(transaction: &Transaction) -> String {
    let TransactionId { leadgen_id, bundle_id } = &transaction.id;
    format!("{}#{leadgen_id}#{bundle_id}", instant(transaction.received_at))
}

/// The transaction at the end of a place in the history or in a list.
pub(crate) fn transaction_id(place: &str) -> Option<TransactionId> {
    let mut parts = place.rsplit('#');
    let (bundle_id, leadgen_id) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(TransactionId { leadgen_id, bundle_id })
}

/// Whether the text is a place in the history.
pub(crate) fn is_history_key(text: &str) -> bool {
    let received_at = text.split('#').next().and_then(|part| part.parse().ok());
    let rebuilt = received_at.zip(transaction_id(text)).map(|(at, id)| {
        let TransactionId { leadgen_id, bundle_id } = id;
        format!("{}#{leadgen_id}#{bundle_id}", instant(at))
    });
    rebuilt.as_deref() == Some(text)
}

/// The first place in the history that is not before `at`.
pub(crate) fn history_from(at: Timestamp) -> String {
    instant(at)
}

/// The month of a place in the history, as `2026-11`.
pub(crate) fn month(place: &str) -> &str {
    place.get(..7).unwrap_or(place)
}

pub(crate) const MONTHS: &str = "MONTH";

pub(crate) fn month_row(month: &str) -> Key {
    Key::new(MONTHS, month)
}

pub(crate) const UNROUTED: &str = "UNROUTED";

pub(crate) fn unrouted_form(page_id: &MetaId, form_id: &MetaId) -> String {
    format!("{page_id}#{form_id}#")
}

pub(crate) fn unrouted(event: &LeadgenEvent) -> Key {
    Key::new(UNROUTED, format!("{}{}", unrouted_form(&event.page_id, &event.form_id), event.leadgen_id))
}

/// A time as text that sorts like the time.
fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}
