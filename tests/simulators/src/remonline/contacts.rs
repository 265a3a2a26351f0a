use std::collections::BTreeMap;

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::fields::{self, Body, Directory, Field, Kind, Owner, optional, required};
use super::filter::{self, Filter};
use super::orders::COMMENT;
use super::query::Query;
use super::reference::{definitions, find};
use super::settings::{EmailMatch, Settings};
use super::state::{Record, Row, State, stamp, take_id};
use super::{RemOnline, on};

/// The two sorts of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contact {
    Person,
    Organization,
}

const PERSON: &[Field] = &[
    required("first_name", Kind::Text),
    optional("last_name", Kind::Text),
    optional("email", Kind::Email),
    optional("phones", Kind::Phones),
    optional("birthday", Kind::Birthday),
    optional("notes", Kind::Text),
    optional("address", Kind::Text),
    optional("supplier", Kind::Flag),
    optional("manager_id", Kind::Id(Directory::Employees)),
    optional("ad_campaign_id", Kind::Id(Directory::Campaigns)),
    optional("discount_code", Kind::Text),
    optional("tax_identification_number", Kind::Text),
    optional("custom_fields", Kind::CustomFields(Owner::Person)),
    optional("tags", Kind::Tags),
];

const ORGANIZATION: &[Field] = &[
    required("name", Kind::Text),
    optional("email", Kind::Email),
    optional("phones", Kind::Phones),
    optional("notes", Kind::Text),
    optional("address", Kind::Text),
    optional("supplier", Kind::Flag),
    optional("manager_id", Kind::Id(Directory::Employees)),
    optional("ad_campaign_id", Kind::Id(Directory::Campaigns)),
    optional("discount_code", Kind::Text),
    optional("tax_identification_number", Kind::Text),
    optional("business_registration_number", Kind::Text),
    optional("custom_fields", Kind::CustomFields(Owner::Organization)),
    optional("tags", Kind::Tags),
];

impl Contact {
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Person => PERSON,
            Self::Organization => ORGANIZATION,
        }
    }

    fn rows(self, state: &State) -> &BTreeMap<i64, Record> {
        match self {
            Self::Person => &state.people,
            Self::Organization => &state.organizations,
        }
    }

    fn rows_mut(self, state: &mut State) -> &mut BTreeMap<i64, Record> {
        match self {
            Self::Person => &mut state.people,
            Self::Organization => &mut state.organizations,
        }
    }

    /// A row with nothing filled in.
    fn blank(self) -> Row {
        let common = json!({
            "email": "", "phones": [], "notes": "", "address": "", "supplier": false, "manager_id": null,
            "ad_campaign_id": null, "ad_campaign": null, "discount_code": "", "tax_identification_number": "",
            "custom_fields": {}, "tags": [],
        });
        let own = match self {
            Self::Person => json!({ "first_name": "", "last_name": "", "birthday": null }),
            Self::Organization => json!({ "name": "", "business_registration_number": "" }),
        };
        [common, own]
            .iter()
            .filter_map(Value::as_object)
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }
}

/// The calls of one sort of contact below `path`.
pub(super) fn routes(path: &str, contact: Contact) -> Router<RemOnline> {
    let all = get(on(move |state, call| list(state, call, contact)));
    let one = get(on(move |state, call| show(state, call, contact)));
    Router::new()
        .route(path, all.post(on(move |state, call| create(state, call, contact))))
        .route(&format!("{path}/custom-fields"), get(on(move |state, _| Ok(custom_fields(state, contact)))))
        .route(
            &format!("{path}/{{id}}"),
            one.patch(on(move |state, call| update(state, call, contact)))
                .delete(on(move |state, call| delete(state, call, contact))),
        )
        .route(&format!("{path}/{{id}}/comments"), post(on(move |state, call| comment(state, call, contact))))
}

fn custom_fields(state: &State, contact: Contact) -> Reply {
    Reply::List(match contact {
        Contact::Person => definitions(state, &state.reference.person_fields),
        Contact::Organization => definitions(state, &state.reference.organization_fields),
    })
}

fn list(state: &State, call: &Call, contact: Contact) -> Result<Reply, Refusal> {
    let filter = asked_for(&call.query, &state.settings)?;
    let (now, delay) = (state.now(), state.settings.people_search_delay_ms);
    let listed = contact.rows(state).values().filter(|record| record.is_listed(now, delay));
    let rows = listed.map(|record| &record.row).filter(|row| filter.accepts(row));
    Ok(filter::page(rows.collect(), &call.query, |row| row.clone().into()))
}

fn asked_for(query: &Query, settings: &Settings) -> Result<Filter, Refusal> {
    let mut filter = Filter::default();
    filter.name(query, settings, "names");
    filter.phone(query, settings, "phones");
    filter.equal(query, settings, &[("managers", "manager_id")]);
    if settings.email_match == EmailMatch::Exact {
        filter.equal(query, settings, &[("emails", "email")]);
    }
    filter.within(query, settings, &["created_at", "modified_at"])?;
    Ok(filter)
}

fn show(state: &State, call: &Call, contact: Contact) -> Result<Reply, Refusal> {
    let record = contact.rows(state).get(&call.id()?).ok_or(Refusal::NotFound)?;
    Ok(Reply::Object(record.row.clone().into()))
}

fn create(state: &mut State, call: &Call, contact: Contact) -> Result<Reply, Refusal> {
    let row = fields::read(&call.body()?, contact.fields(), state, Body::Whole)?;
    if state.settings.refuse_duplicates {
        refuse_duplicate(contact.rows(state), &row)?;
    }
    let id = insert(state, contact, row);
    Ok(Reply::Created(contact.rows(state)[&id].row.clone().into()))
}

fn refuse_duplicate(known: &BTreeMap<i64, Record>, new: &Row) -> Result<(), Refusal> {
    let numbers = |row: &Row| filter::phones(row).map(filter::digits).collect::<Vec<_>>();
    let (phones, email) = (numbers(new), new.get("email"));
    for record in known.values() {
        if numbers(&record.row).iter().any(|phone| phones.contains(phone)) {
            return Err(Refusal::invalid("phones", "already exists"));
        }
        if email.is_some() && email == record.row.get("email") {
            return Err(Refusal::invalid("email", "already exists"));
        }
    }
    Ok(())
}

fn update(state: &mut State, call: &Call, contact: Contact) -> Result<Reply, Refusal> {
    let id = call.id()?;
    contact.rows(state).get(&id).ok_or(Refusal::NotFound)?;
    let mut changes = fields::read(&call.body()?, contact.fields(), state, Body::Partial)?;
    name_campaign(state, &mut changes);
    let now = state.now();
    let record = contact.rows_mut(state).get_mut(&id).ok_or(Refusal::NotFound)?;
    record.change(changes, now);
    Ok(Reply::Written(record.row.clone().into()))
}

fn delete(state: &mut State, call: &Call, contact: Contact) -> Result<Reply, Refusal> {
    let id = call.id()?;
    contact.rows_mut(state).remove(&id).ok_or(Refusal::NotFound)?;
    Ok(Reply::Written(json!({ "id": id })))
}

fn comment(state: &mut State, call: &Call, contact: Contact) -> Result<Reply, Refusal> {
    let id = call.id()?;
    contact.rows(state).get(&id).ok_or(Refusal::NotFound)?;
    let body = fields::read(&call.body()?, COMMENT, state, Body::Whole)?;
    let private = body.get("is_private") == Some(&Value::Bool(true));
    Ok(Reply::Created(state.comment(id, &body["comment"], private)))
}

/// Adds a contact without checking it. Answers its id.
pub(super) fn insert(state: &mut State, contact: Contact, given: Row) -> i64 {
    let id = take_id(&mut state.last_contact, &given);
    let mut row = contact.blank();
    row.extend(given);
    name_campaign(state, &mut row);
    let created = stamp(&mut row, id, state.now());
    contact.rows_mut(state).insert(id, Record { created, row });
    id
}

/// Puts the campaign's name beside its id, if the row has one.
fn name_campaign(state: &State, row: &mut Row) {
    let Some(id) = row.get("ad_campaign_id") else { return };
    let campaign = id.as_i64().and_then(|id| find(&state.reference.campaigns, id));
    let named = campaign.map_or(Value::Null, |campaign| json!({ "id": campaign["id"], "name": campaign["name"] }));
    row.insert("ad_campaign".to_owned(), named);
}

/// A contact as an order shows its client.
pub(super) fn client_card(state: &State, id: i64) -> Option<Value> {
    let person = state.people.get(&id).map(|record| (false, record));
    let (is_organization, record) = person.or_else(|| state.organizations.get(&id).map(|record| (true, record)))?;
    let row = &record.row;
    let mut card = json!({
        "id": id, "is_organization": is_organization, "name": filter::name(row), "phone": filter::phones(row).collect::<Vec<_>>(),
    });
    for key in ["first_name", "last_name", "email", "address", "discount_code", "custom_fields"] {
        card[key] = row.get(key).cloned().unwrap_or_else(|| "".into());
    }
    Some(card)
}

#[cfg(test)]
mod tests;
