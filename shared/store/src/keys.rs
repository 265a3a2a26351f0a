//! Every key of every table.
//!
//! A part of a key that orders is written with a fixed width. Ids hold no `#`, and nothing in a sort key lies above
//! `~`, so that a prefix `p` is the range `p..p~`.

use domain::{AccountId, LeadSource, LeadgenEvent, MetaId, Slug, State, Transaction, TransactionId};
use jiff::Timestamp;

use crate::{Subject, database::Key};

/// Above every character that a sort key holds.
const LAST: char = '~';

/// The end of the range of sort keys that begin with `prefix`.
pub(crate) fn after_prefix(prefix: &str) -> String {
    format!("{prefix}{LAST}")
}

/// A row that no table has.
pub(crate) fn nothing() -> Key {
    Key::new("NOTHING", "NOTHING")
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

pub(crate) fn told() -> Key {
    Key::new("INSTALLATION", "TOLD")
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

/// The states off the straight way, which an index lists.
pub(crate) fn listed_state(state: State) -> Option<&'static str> {
    match state {
        State::Received | State::Running | State::Done => None,
        State::Waiting => Some("waiting"),
        State::Parked => Some("parked"),
        State::Review => Some("review"),
        State::Skipped => Some("skipped"),
        State::Erased => Some("erased"),
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

/// When the transaction of a place in the history was received.
pub(crate) fn received_at(place: &str) -> Option<Timestamp> {
    place.split('#').next()?.parse().ok()
}

/// The day of a place in the history, as `2026-11-26` in UTC.
pub(crate) fn day(place: &str) -> &str {
    place.get(..10).unwrap_or(place)
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

/// What the unrouted leads of a page begin with.
pub(crate) fn unrouted_page(page_id: &MetaId) -> String {
    format!("{page_id}#")
}

pub(crate) fn unrouted(event: &LeadgenEvent) -> Key {
    Key::new(UNROUTED, format!("{}{}", unrouted_form(&event.page_id, &event.form_id), event.leadgen_id))
}

pub(crate) fn watermarks(page_id: &MetaId) -> String {
    format!("WATERMARK#{page_id}")
}

pub(crate) fn watermark(page_id: &MetaId, form_id: &MetaId) -> Key {
    Key::new(watermarks(page_id), form_id.as_str())
}

pub(crate) const FINDINGS: &str = "FINDING";

pub(crate) fn finding(kind: &str, transaction: &TransactionId, ids: &str) -> Key {
    let TransactionId { leadgen_id, bundle_id } = transaction;
    Key::new(FINDINGS, format!("{kind}#{leadgen_id}#{bundle_id}#{ids}"))
}

pub(crate) const BACKFILLS: &str = "BACKFILL";

pub(crate) fn backfill(bundle: &Slug, form_id: &MetaId) -> Key {
    Key::new(BACKFILLS, format!("{bundle}#{form_id}"))
}

/// What keeps an erased lead from being recorded anew.
pub(crate) fn tombstone(leadgen_id: &MetaId) -> Key {
    Key::new(lead(leadgen_id), "ERASED")
}

pub(crate) const ERASURES: &str = "ERASURE";

pub(crate) fn erasure(subject: &Subject) -> Key {
    let whose = match subject {
        Subject::Phone(hash) => format!("phone#{hash}"),
        Subject::Email(hash) => format!("email#{hash}"),
        Subject::Lead(lead) => format!("lead#{lead}"),
    };
    Key::new(ERASURES, whose)
}

/// A time as text that sorts like the time.
fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}

#[cfg(test)]
mod tests {
    use domain::{Bundle, BundleState, Reason, Stage};
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn transaction(lead: &str, bundle: &str, received_at: Timestamp) -> Transaction {
        let document = json!({
            "title": "t", "source": {"connection": "page", "form_id": "*"},
            "client": {"connection": "shop", "fields": {}},
        });
        let (leadgen_id, page_id) = (lead.parse::<MetaId>().unwrap(), "1".parse::<MetaId>().unwrap());
        let bundle = Bundle {
            id: bundle.parse().unwrap(),
            version: 1,
            state: BundleState::Active,
            page_id: page_id.clone(),
            first_started_at: None,
            created_at: received_at,
            document: serde_json::from_value(document).unwrap(),
        };
        let event = LeadgenEvent { leadgen_id, form_id: page_id.clone(), page_id };
        Transaction::received(&event, &bundle, AccountId::new("company-1"), LeadSource::Webhook, received_at)
    }

    /// From 1970 to 2200, to the nanosecond, many of them close to each other.
    fn any_time() -> impl Strategy<Value = Timestamp> {
        let seconds = prop_oneof![0..7_258_118_400_i64, 1_795_000_000..1_795_000_003_i64];
        let nanoseconds =
            prop_oneof![Just(0), 0..1_000_000_000_i32, prop::sample::select(vec![1, 10, 1_000, 999_999_999])];
        (seconds, nanoseconds).prop_map(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).unwrap())
    }

    fn any_transaction() -> impl Strategy<Value = Transaction> {
        ("[0-9]{1,20}", "[a-z0-9-]{1,40}", any_time()).prop_map(|(lead, bundle, at)| transaction(&lead, &bundle, at))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(10_000)))]

        #[test]
        fn a_place_in_the_history_names_its_transaction(it in any_transaction()) {
            let place = history_key(&it);
            prop_assert_eq!(transaction_id(&place), Some(it.id.clone()));
            prop_assert!(is_history_key(&place));
            prop_assert_eq!(month(&place), it.received_at.strftime("%Y-%m").to_string());
            prop_assert!(place.chars().all(|c| c < LAST));
        }

        #[test]
        fn the_history_is_in_the_order_of_time(one in any_transaction(), other in any_transaction()) {
            if one.received_at != other.received_at {
                prop_assert_eq!(history_key(&one).cmp(&history_key(&other)), one.received_at.cmp(&other.received_at));
            }
            prop_assert_eq!(history_key(&one) >= history_from(other.received_at), one.received_at >= other.received_at);
        }

        #[test]
        fn what_is_due_stands_before_the_end_of_its_range(it in any_transaction(), due in any_time(), now in any_time()) {
            let mut it = it;
            it.due_at = Some(due);
            let entry = list_entry(&it).unwrap();
            prop_assert_eq!(transaction_id(&entry.sort), Some(it.id.clone()));
            prop_assert_eq!(due_at(&entry.sort), Some(due));
            prop_assert_eq!(entry.sort < due_until(now), due <= now);
        }

        #[test]
        fn no_text_is_taken_for_a_place_that_is_none(text in "(2026-11-23T10:00:00(\\.[0-9]{0,9})?Z|\\PC{0,9})#[0-9]{0,3}#[a-z]{0,3}") {
            if is_history_key(&text) {
                let id = transaction_id(&text).unwrap();
                let at = text.split('#').next().unwrap().parse().unwrap();
                prop_assert_eq!(history_key(&transaction(id.leadgen_id.as_str(), id.bundle_id.as_str(), at)), text);
            }
        }
    }

    #[test]
    fn a_transaction_stands_in_one_list_or_none() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let mut it = transaction("9", "repair", now);
        it.run(Stage::Fetched, now).unwrap();
        assert_eq!(list_entry(&it).unwrap().partition, "DUE#company-1#live");
        it.wait(Reason::BundleStopped, None, now).unwrap();
        assert_eq!(list_entry(&it).unwrap().partition, "HELD#bundle#repair");
        it.park(Reason::KeyRejected, Some("shop".parse().unwrap()), now).unwrap();
        assert_eq!(list_entry(&it).unwrap().partition, "HELD#connection#shop");
        it.park(Reason::Mapping, None, now).unwrap();
        assert_eq!(list_entry(&it), None);
    }
}
