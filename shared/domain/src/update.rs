use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::{
    ExistingClient, NewClient, OnUpdate,
    plan::phone_object,
    text::{LONGEST_TEXT, first_characters},
};

/// What must be sent to change an existing client as the bundle says: only the fields that change, `None` when none
/// does. Phones are always united, whatever `on_update` says; custom fields that the bundle does not fill are left
/// alone.
/// Source: RO App API v2, `PATCH /contacts/people/{id}`, where `phones` replaces the whole list.
pub fn client_change(
    existing: &ExistingClient,
    new: &NewClient,
    on_update: &BTreeMap<String, OnUpdate>,
) -> Option<Json> {
    let mut fields = new.fields.clone();
    if let Some(email) = new.email.as_ref().filter(|email| !existing.has_email(email)) {
        fields.insert("email".to_owned(), json!(email.as_str()));
    }
    let mut change = changes(|name| old_value(&existing.card, name), &fields, on_update);
    if let Some(phones) = united_phones(existing, new) {
        change.insert("phones".to_owned(), phones);
    }
    let old_custom = existing.card.get("custom_fields");
    let custom = changes(|key| old_custom?.get(key).cloned(), &new.custom_fields, on_update);
    if !custom.is_empty() {
        change.insert("custom_fields".to_owned(), Json::Object(custom));
    }
    (!change.is_empty()).then_some(Json::Object(change))
}

fn changes(
    old: impl Fn(&str) -> Option<Json>,
    new: &Map<String, Json>,
    on_update: &BTreeMap<String, OnUpdate>,
) -> Map<String, Json> {
    let changed = new.iter().filter_map(|(name, value)| {
        let rule = on_update.get(name).copied().unwrap_or_default();
        Some((name.clone(), changed(&old(name).unwrap_or(Json::Null), value, rule)?))
    });
    changed.collect()
}

/// The new value of one field, `None` when the old one stays.
fn changed(old: &Json, new: &Json, rule: OnUpdate) -> Option<Json> {
    match (rule, old, new) {
        (OnUpdate::Keep, _, _) => None,
        (OnUpdate::Fill, _, _) if !is_empty(old) => None,
        (OnUpdate::Append, Json::String(old), Json::String(new)) => appended(old, new).map(Json::from),
        _ => (!is_same(old, new)).then(|| new.clone()),
    }
}

/// `old` with those lines of `new` that it lacks. What would make it too long is cut off the new lines.
fn appended(old: &str, new: &str) -> Option<String> {
    let mut text = old.trim_end().to_owned();
    for line in new.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let known = text.lines().any(|old| old.trim() == line);
        let separator = if text.is_empty() { "" } else { "\n" };
        let room = LONGEST_TEXT.saturating_sub(text.chars().count() + separator.len());
        if !known && room > 0 {
            text = format!("{text}{separator}{}", first_characters(line, room));
        }
    }
    (text != old.trim_end()).then_some(text)
}

/// All old phones as they are and the new one, `None` when it is among them. v2 takes phones as objects, so one
/// that was answered as a text becomes an object with that text.
fn united_phones(existing: &ExistingClient, new: &NewClient) -> Option<Json> {
    let phone = new.phone.as_ref().filter(|phone| !existing.has_phone(phone))?;
    let mut phones = match existing.card.get("phones") {
        Some(Json::Array(phones)) => phones.clone(),
        _ => existing.phones.iter().map(|number| json!(number)).collect(),
    };
    for old in &mut phones {
        if let Json::String(number) = old {
            *old = phone_object(number);
        }
    }
    phones.push(phone_object(phone.e164()));
    Some(Json::Array(phones))
}

/// A field of the card; ids of linked things come as `manager_id` or within `manager`.
fn old_value(card: &Map<String, Json>, name: &str) -> Option<Json> {
    let linked = || card.get(name.strip_suffix("_id")?)?.get("id");
    card.get(name).filter(|value| !is_empty(value)).or_else(linked).cloned()
}

/// RemOnline leaves out, nulls or empties what is not set.
fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Whether two values mean the same: RemOnline may answer a number as text, and more keys than were sent.
fn is_same(old: &Json, new: &Json) -> bool {
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            new.iter().all(|(key, value)| is_same(old.get(key).unwrap_or(&Json::Null), value))
        }
        _ => plain(old).is_some() && plain(old) == plain(new),
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(text.trim().to_owned()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        Json::Array(_) | Json::Object(_) => None,
    }
}
