use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::handle::LoggedRequest;
use super::limits::Key;
use super::query::write_date;
use super::reference::Reference;
use super::settings::Settings;
use crate::Faults;

/// A JSON object.
pub(super) type Row = Map<String, Value>;

/// A person, an organization or an order.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) created: Timestamp,
    pub(super) row: Row,
}

impl Record {
    /// Whether lists show it `delay_ms` after it was made; without a delay at once, even when the clock was set back.
    pub(super) fn is_listed(&self, now: Timestamp, delay_ms: u64) -> bool {
        if delay_ms == 0 {
            return true;
        }
        let delay = SignedDuration::from_millis(i64::try_from(delay_ms).unwrap_or(i64::MAX));
        now.duration_since(self.created) >= delay
    }

    /// Writes `changes` over it; of the custom fields only those that are named.
    pub(super) fn change(&mut self, mut changes: Row, now: Timestamp) {
        if let (Some(Value::Object(old)), Some(Value::Object(new))) =
            (self.row.get_mut("custom_fields"), changes.get_mut("custom_fields"))
        {
            old.append(new);
            changes.remove("custom_fields");
        }
        self.row.extend(changes);
        self.row.insert("modified_at".to_owned(), write_date(now).into());
    }
}

/// Everything the server knows.
pub(super) struct State {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    pub(super) settings: Settings,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) reference: Reference,
    pub(super) people: BTreeMap<i64, Record>,
    pub(super) organizations: BTreeMap<i64, Record>,
    pub(super) orders: BTreeMap<i64, Record>,
    pub(super) comments: BTreeMap<i64, Vec<Value>>,
    pub(super) requests: Vec<LoggedRequest>,
    pub(super) faults: Faults,
    /// Last id of a person or organization: they share one sequence.
    pub(super) last_contact: i64,
    pub(super) last_order: i64,
    last_comment: i64,
}

impl State {
    pub(super) fn new(clock: Box<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self {
            clock,
            settings: Settings::default(),
            keys: BTreeMap::new(),
            reference: Reference::default(),
            people: BTreeMap::new(),
            organizations: BTreeMap::new(),
            orders: BTreeMap::new(),
            comments: BTreeMap::new(),
            requests: Vec::new(),
            faults: Faults::default(),
            last_contact: 31_000_000,
            last_order: 41_000_000,
            last_comment: 51_000_000,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Leaves a comment on whatever has this id.
    pub(super) fn comment(&mut self, id: i64, text: &Value, private: bool) -> Value {
        self.last_comment += 1;
        let comment = json!({
            "id": self.last_comment, "comment": text, "is_private": private, "created_at": write_date(self.now()),
        });
        self.comments.entry(id).or_default().push(comment.clone());
        comment
    }
}

/// The next id of a sequence, or the one asked for.
pub(super) fn take_id(last: &mut i64, row: &Row) -> i64 {
    let id = row.get("id").and_then(Value::as_i64).unwrap_or(*last + 1);
    *last = id.max(*last);
    id
}

/// Completes a new row with its id and dates; `created_at` may have been given.
pub(super) fn stamp(row: &mut Row, id: i64, now: Timestamp) -> Timestamp {
    let given = row.get("created_at").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let created = given.unwrap_or(now);
    row.insert("id".to_owned(), id.into());
    row.insert("created_at".to_owned(), write_date(created).into());
    row.entry("modified_at").or_insert_with(|| write_date(created).into());
    created
}
