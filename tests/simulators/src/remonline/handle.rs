use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::contacts::{self, Contact};
use super::limits::{Area, Key, busiest_second};
use super::state::Row;
use super::{Reference, RemOnline, Settings, orders};
use crate::Fault;

/// A request as it arrived. The key is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    /// Method in capitals.
    pub method: String,
    /// Path, version included.
    pub path: String,
    /// Query as written, without the question mark.
    pub query: String,
    /// Body as written.
    pub body: String,
    /// When it arrived, by the server's clock.
    pub arrived_at: Timestamp,
    /// Status of the answer; none when no answer reached the caller.
    pub status: Option<u16>,
}

/// What a test sees and does behind the API's back.
impl RemOnline {
    /// All people, by id, as the API shows them.
    pub fn people(&self) -> Vec<Value> {
        self.state().people.values().map(|person| person.row.clone().into()).collect()
    }

    /// All organizations, by id, as the API shows them.
    pub fn organizations(&self) -> Vec<Value> {
        self.state().organizations.values().map(|organization| organization.row.clone().into()).collect()
    }

    /// All orders, by id, as the API shows them.
    pub fn orders(&self) -> Vec<Value> {
        let state = self.state();
        state.orders.values().map(|order| orders::shown(&state, &order.row)).collect()
    }

    /// One person.
    pub fn person(&self, id: i64) -> Option<Value> {
        self.state().people.get(&id).map(|person| person.row.clone().into())
    }

    /// One order.
    pub fn order(&self, id: i64) -> Option<Value> {
        let state = self.state();
        state.orders.get(&id).map(|order| orders::shown(&state, &order.row))
    }

    /// The comments on an order, a person or an organization, oldest first.
    pub fn comments(&self, id: i64) -> Vec<Value> {
        self.state().comments.get(&id).cloned().unwrap_or_default()
    }

    /// Adds a person as if made in the web application: nothing is checked, what is missing is empty, `id` and
    /// `created_at` may be given. Answers its id.
    ///
    /// # Panics
    /// When `person` is no JSON object.
    pub fn insert_person(&self, person: Value) -> i64 {
        contacts::insert(&mut self.state(), Contact::Person, object(person))
    }

    /// Adds an organization in the same way.
    ///
    /// # Panics
    /// When `organization` is no JSON object.
    pub fn insert_organization(&self, organization: Value) -> i64 {
        contacts::insert(&mut self.state(), Contact::Organization, object(organization))
    }

    /// Adds an order in the same way. It is written as for the API (`client_id`, `branch_id`, ...), and `number` and
    /// `status_id` may be given too.
    ///
    /// # Panics
    /// When `order` is no JSON object.
    pub fn insert_order(&self, order: Value) -> i64 {
        orders::insert(&mut self.state(), object(order))
    }

    /// Removes a person; its orders stay. Whether there was one.
    pub fn delete_person(&self, id: i64) -> bool {
        self.state().people.remove(&id).is_some()
    }

    /// Removes an order. Whether there was one.
    pub fn delete_order(&self, id: i64) -> bool {
        self.state().orders.remove(&id).is_some()
    }

    /// Changes the account's own lists: locations, statuses, custom fields and so on.
    pub fn update_reference(&self, change: impl FnOnce(&mut Reference)) {
        change(&mut self.state().reference);
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state().requests.clone()
    }

    /// How many requests arrived with this method on paths that begin so.
    pub fn count(&self, method: &str, path_prefix: &str) -> usize {
        let state = self.state();
        state.requests.iter().filter(|seen| seen.method == method && seen.path.starts_with(path_prefix)).count()
    }

    /// Largest number of requests within less than a second that were not answered 429.
    pub fn busiest_second(&self) -> usize {
        let state = self.state();
        let served = state.requests.iter().filter(|request| request.status != Some(429));
        let moments: Vec<_> = served.map(|request| request.arrived_at).collect();
        busiest_second(&moments)
    }

    /// Makes `key` an API key of the account.
    pub fn add_key(&self, key: &str) {
        self.state().keys.insert(key.to_owned(), Key::default());
    }

    /// `key` is unknown from now on.
    pub fn revoke_key(&self, key: &str) {
        self.state().keys.remove(key);
    }

    /// Bars a known `key` from `area`.
    pub fn remove_permission(&self, key: &str, area: Area) {
        if let Some(key) = self.state().keys.get_mut(key) {
            key.barred.insert(area);
        }
    }

    /// Lets `key` into `area` again.
    pub fn restore_permission(&self, key: &str, area: Area) {
        if let Some(key) = self.state().keys.get_mut(key) {
            key.barred.remove(&area);
        }
    }

    /// The switches as they stand.
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Turns switches.
    pub fn update_settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// Adds a fault behind those already waiting. Faults strike requests with a good key within the rate.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.inject(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }
}

fn object(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        other => panic!("a JSON object is needed, not {other}"),
    }
}
