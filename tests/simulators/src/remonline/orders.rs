use serde_json::{Value, json};

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::contacts::client_card;
use super::fields::{self, Body, Directory, Field, Kind, Owner, optional, required};
use super::filter::{self, Filter};
use super::query::write_date;
use super::reference::find;
use super::state::{Record, Row, State, stamp, take_id};

const ORDER: &[Field] = &[
    required("branch_id", Kind::Id(Directory::Locations)),
    required("order_type_id", Kind::Id(Directory::OrderTypes)),
    required("client_id", Kind::Id(Directory::Contacts)),
    optional("manager_id", Kind::Id(Directory::Employees)),
    optional("assignee_id", Kind::Id(Directory::Employees)),
    optional("asset_id", Kind::Id(Directory::Assets)),
    optional("payer_id", Kind::Id(Directory::Contacts)),
    optional("ad_campaign_id", Kind::Id(Directory::Campaigns)),
    optional("resource_id", Kind::Id(Directory::Resources)),
    optional("scheduled_for", Kind::Date),
    optional("scheduled_to", Kind::Date),
    optional("due_date", Kind::Date),
    optional("malfunction", Kind::Text),
    optional("manager_notes", Kind::Text),
    optional("engineer_notes", Kind::Text),
    optional("resume", Kind::Text),
    optional("estimated_price", Kind::Text),
    optional("urgent", Kind::Flag),
    optional("custom_fields", Kind::CustomFields(Owner::Order)),
];

const STATUS_CHANGE: &[Field] =
    &[required("status_id", Kind::Id(Directory::Statuses)), optional("comment", Kind::Text)];

/// Body of a comment, on an order or a contact.
pub(super) const COMMENT: &[Field] = &[required("comment", Kind::Text), optional("is_private", Kind::Flag)];

/// Parameters that compare with a stored field.
const EQUAL: [(&str, &str); 6] = [
    ("ids", "id"),
    ("numbers", "number"),
    ("types", "order_type_id"),
    ("branches", "branch_id"),
    ("statuses", "status_id"),
    ("managers", "manager_id"),
];

const DATES: [&str; 5] = ["created_at", "modified_at", "scheduled_for", "due_date", "closed_at"];

/// Status groups that mean done, closed successfully and closed unsuccessfully.
const DONE: i64 = 4;
const CLOSED: [i64; 2] = [6, 7];

pub(super) fn list(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let (query, settings) = (&call.query, &state.settings);
    let (mut filter, mut client_filter) = (Filter::default(), Filter::default());
    filter.equal(query, settings, &EQUAL);
    filter.equal(query, settings, &[("clients_ids", "client_id")]);
    filter.within(query, settings, &DATES)?;
    client_filter.name(query, settings, "client_names");
    client_filter.phone(query, settings, "client_phones");
    let (now, delay) = (state.now(), settings.order_search_delay_ms);
    let listed = state.orders.values().filter(|record| record.is_listed(now, delay)).map(|record| &record.row);
    let client = |row: &Row| client_card(state, row.get("client_id")?.as_i64()?);
    let of_client = |row: &Row| {
        let accepts = |card: &Value| card.as_object().is_some_and(|card| client_filter.accepts(card));
        client_filter.is_empty() || client(row).is_none_or(|card| accepts(&card))
    };
    let rows = listed.filter(|row| filter.accepts(row) && of_client(row));
    Ok(filter::page(rows.collect(), query, |row| shown(state, row)))
}

pub(super) fn show(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let record = state.orders.get(&call.id()?).ok_or(Refusal::NotFound)?;
    Ok(Reply::Object(shown(state, &record.row)))
}

pub(super) fn create(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let row = fields::read(&call.body()?, ORDER, state, Body::Whole)?;
    let id = insert(state, row);
    Ok(Reply::Created(shown(state, &state.orders[&id].row)))
}

pub(super) fn update(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let id = existing(state, call)?;
    let changes = fields::read(&call.body()?, ORDER, state, Body::Partial)?;
    Ok(Reply::Written(change(state, id, changes)))
}

pub(super) fn delete(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let id = existing(state, call)?;
    state.orders.remove(&id);
    Ok(Reply::Written(json!({ "id": id })))
}

pub(super) fn set_status(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let id = existing(state, call)?;
    let body = fields::read(&call.body()?, STATUS_CHANGE, state, Body::Whole)?;
    if let Some(text) = body.get("comment") {
        state.comment(id, text, true);
    }
    let changes = entering(state, &body["status_id"]);
    Ok(Reply::Written(change(state, id, changes)))
}

pub(super) fn comment(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let id = existing(state, call)?;
    let body = fields::read(&call.body()?, COMMENT, state, Body::Whole)?;
    let private = body.get("is_private") == Some(&Value::Bool(true));
    Ok(Reply::Created(state.comment(id, &body["comment"], private)))
}

fn existing(state: &State, call: &Call) -> Result<i64, Refusal> {
    let id = call.id()?;
    if state.orders.contains_key(&id) { Ok(id) } else { Err(Refusal::NotFound) }
}

/// What changes in an order that enters a status.
fn entering(state: &State, status: &Value) -> Row {
    let found = status.as_i64().and_then(|id| find(&state.reference.statuses, id));
    let group = found.and_then(|status| status["group"]["type"].as_i64()).unwrap_or_default();
    let now = Value::from(write_date(state.now()));
    let mut changes = Row::from_iter([("status_id".to_owned(), status.clone())]);
    if group == DONE {
        changes.insert("done_at".to_owned(), now.clone());
    }
    let closed = CLOSED.contains(&group);
    changes.insert("closed_at".to_owned(), if closed { now } else { Value::Null });
    changes.insert("closed_by_id".to_owned(), if closed { key_owner(state) } else { Value::Null });
    changes
}

fn change(state: &mut State, id: i64, changes: Row) -> Value {
    let now = state.now();
    if let Some(record) = state.orders.get_mut(&id) {
        record.change(changes, now);
    }
    remember_client(state, id);
    state.orders.get(&id).map_or(Value::Null, |record| shown(state, &record.row))
}

/// Adds an order without checking it. Answers its id.
pub(super) fn insert(state: &mut State, given: Row) -> i64 {
    let id = take_id(&mut state.last_order, &given);
    let mut row = blank(state);
    row.extend(given);
    row.entry("number").or_insert_with(|| format!("A{:04}", id % 1_000_000).into());
    let created = stamp(&mut row, id, state.now());
    state.orders.insert(id, Record { created, row });
    remember_client(state, id);
    id
}

/// The client as the order shows it, kept for the time when the contact is gone.
fn remember_client(state: &mut State, id: i64) {
    let client = state.orders.get(&id).and_then(|record| client_card(state, record.row.get("client_id")?.as_i64()?));
    if let (Some(client), Some(record)) = (client, state.orders.get_mut(&id)) {
        record.row.insert("client".to_owned(), client);
    }
}

/// A row with nothing filled in: the account's first status of the group "new".
fn blank(state: &State) -> Row {
    let first = state.reference.statuses.iter().find(|status| status["group"]["type"] == 1);
    let blank = json!({
        "status_id": first.map(|status| &status["id"]), "status_overdue": false, "created_by_id": key_owner(state),
        "done_at": null, "closed_at": null, "closed_by_id": null, "branch_id": null, "order_type_id": null,
        "manager_id": null, "assignee_id": null, "asset_id": null, "client_id": null, "client": null, "payer_id": null,
        "scheduled_for": null, "scheduled_to": null, "resource_id": null, "malfunction": "", "manager_notes": "",
        "engineer_notes": "", "address": "", "resume": "", "estimated_price": "0.00", "due_date": null,
        "overdue": false, "discount_sum": 0, "payed": "0.00", "total": "0.00", "warranty_date": null, "urgent": false,
        "custom_fields": {}, "is_deduction_required": false, "ad_campaign_id": null,
    });
    blank.as_object().cloned().unwrap_or_default()
}

fn key_owner(state: &State) -> Value {
    state.reference.employees.first().map_or(Value::Null, |employee| employee["id"].clone())
}

/// An order as the API shows it: ids of other things become those things.
pub(super) fn shown(state: &State, row: &Row) -> Value {
    let reference = &state.reference;
    let mut row = row.clone();
    let mut take = |key| row.remove(key).and_then(|id| id.as_i64());
    let client = take("client_id").and_then(|id| client_card(state, id));
    let status = take("status_id").and_then(|id| find(&reference.statuses, id));
    let order_type = take("order_type_id").and_then(|id| find(&reference.order_types, id));
    let asset = take("asset_id").and_then(|id| find(&reference.assets, id));
    let payer = take("payer_id").and_then(|id| client_card(state, id));
    let resource = take("resource_id").and_then(|id| find(&reference.resources, id));
    let mut shown = Value::Object(row);
    if client.is_some() {
        shown["client"] = client.into();
    }
    shown["status"] = status.map(|row| json!({ "id": row["id"], "name": row["name"], "color": row["color"] })).into();
    shown["order_type"] = order_type.map(|row| json!({ "id": row["id"], "name": row["title"] })).into();
    shown["resource"] = resource.map(|row| json!({ "id": row["id"], "name": row["name"] })).into();
    shown["asset"] = asset.cloned().into();
    shown["payer"] = payer.into();
    shown
}

#[cfg(test)]
mod tests;
