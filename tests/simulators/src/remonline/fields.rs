use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::Refusal;
use super::query::{read_date, write_date};
use super::reference::find;
use super::state::{Row, State};

/// One field of a body.
pub(super) struct Field {
    name: &'static str,
    kind: Kind,
    required: bool,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Email,
    Flag,
    Date,
    Birthday,
    Phones,
    Tags,
    CustomFields(Owner),
    /// The id of something that exists.
    Id(Directory),
}

/// Whose custom fields.
#[derive(Clone, Copy)]
pub(super) enum Owner {
    Person,
    Organization,
    Order,
}

/// Where an id must be found.
#[derive(Clone, Copy)]
pub(super) enum Directory {
    Locations,
    Resources,
    Employees,
    OrderTypes,
    Statuses,
    Campaigns,
    Assets,
    Contacts,
}

pub(super) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

pub(super) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

/// Whether a body must be complete.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Of a create: required fields must be there.
    Whole,
    /// Of an update: only what changes.
    Partial,
}

/// Checks `body` against `fields` and keeps what they name; unknown properties are ignored.
pub(super) fn read(body: &Row, fields: &[Field], state: &State, extent: Body) -> Result<Row, Refusal> {
    let mut row = Row::new();
    let mut problems = BTreeMap::new();
    for field in fields {
        match field.read(body.get(field.name), state, extent) {
            Ok(Some(value)) => drop(row.insert(field.name.to_owned(), value)),
            Ok(None) => {}
            Err(problem) => drop(problems.insert(field.name.to_owned(), vec![problem])),
        }
        if let (Kind::CustomFields(owner), Body::Whole) = (field.kind, extent) {
            let missing = missing_custom_fields(body.get(field.name), owner, state);
            problems.extend(missing.map(|field| (field, vec!["Required field".to_owned()])));
        }
    }
    if problems.is_empty() { Ok(row) } else { Err(Refusal::Invalid(problems)) }
}

fn missing_custom_fields(given: Option<&Value>, owner: Owner, state: &State) -> impl Iterator<Item = String> {
    let required = known_custom_fields(owner, state).filter(|key| state.settings.required_custom_fields.contains(key));
    required.filter(move |key| given.is_none_or(|given| given[key].is_null()))
}

fn known_custom_fields(owner: Owner, state: &State) -> impl Iterator<Item = String> {
    let definitions = match owner {
        Owner::Person => &state.reference.person_fields,
        Owner::Organization => &state.reference.organization_fields,
        Owner::Order => &state.reference.order_fields,
    };
    definitions.iter().map(|definition| format!("f{}", definition["id"]))
}

impl Field {
    fn read(&self, value: Option<&Value>, state: &State, extent: Body) -> Result<Option<Value>, String> {
        let empty =
            value.is_some_and(|value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()));
        match value {
            None if self.required && extent == Body::Whole => Err("Required field".to_owned()),
            None => Ok(None),
            Some(_) if self.required && empty => Err("Required field".to_owned()),
            Some(Value::Null) => Ok(Some(self.kind.empty())),
            Some(value) => self.kind.read(value, state).map(Some),
        }
    }
}

impl Kind {
    /// What a field holds that was never filled in.
    fn empty(self) -> Value {
        match self {
            Self::Text | Self::Email => json!(""),
            Self::Flag => json!(false),
            Self::Phones | Self::Tags => json!([]),
            Self::CustomFields(_) => json!({}),
            Self::Date | Self::Birthday | Self::Id(_) => Value::Null,
        }
    }

    fn read(self, value: &Value, state: &State) -> Result<Value, String> {
        let kept = |right: bool, problem: &str| if right { Ok(value.clone()) } else { Err(problem.to_owned()) };
        match self {
            Self::Text => kept(value.is_string(), "must be a string"),
            Self::Email => kept(value.as_str().is_some_and(is_email), "must be a valid email"),
            Self::Flag => kept(value.is_boolean(), "must be a boolean"),
            Self::Birthday => kept(is_birthday(value), "must be an object with day and month"),
            Self::Tags => kept(is_array_of(value, Value::is_string), "must be an array of strings"),
            Self::Date => {
                let text = value.as_str().ok_or("must be a string")?;
                read_date(text, &state.settings).map(|date| write_date(date).into())
            }
            Self::Phones => read_phones(value),
            Self::CustomFields(owner) => read_custom_fields(value, owner, state),
            Self::Id(directory) => {
                let id = value.as_i64().ok_or("must be an integer")?;
                kept(directory.has(id, state), "does not exist")
            }
        }
    }
}

impl Directory {
    fn has(self, id: i64, state: &State) -> bool {
        let reference = &state.reference;
        let rows = match self {
            Self::Locations => &reference.locations,
            Self::Resources => &reference.resources,
            Self::Employees => &reference.employees,
            Self::OrderTypes => &reference.order_types,
            Self::Statuses => &reference.statuses,
            Self::Campaigns => &reference.campaigns,
            Self::Assets => &reference.assets,
            Self::Contacts => return state.people.contains_key(&id) || state.organizations.contains_key(&id),
        };
        find(rows, id).is_some()
    }
}

fn is_array_of(value: &Value, right: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(right))
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.split_once('@') else { return false };
    let labels = || host.split('.');
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    plain(name) && labels().count() > 1 && labels().all(plain)
}

fn is_birthday(value: &Value) -> bool {
    let within = |key: &str, last| value[key].as_i64().is_some_and(|number| (1..=last).contains(&number));
    within("day", 31) && within("month", 12) && (value["year"].is_null() || value["year"].is_i64())
}

fn read_phones(value: &Value) -> Result<Value, String> {
    let named = |item: &Value| item["phone"].as_str().is_some_and(|phone| !phone.trim().is_empty());
    if !is_array_of(value, named) {
        return Err("must be an array of objects with a phone".to_owned());
    }
    let complete = |item: &Value| {
        let mut phone = json!({ "title": "", "notify": false, "has_viber": false, "has_whatsapp": false });
        for (key, value) in item.as_object().into_iter().flatten() {
            phone[key] = value.clone();
        }
        phone
    };
    Ok(value.as_array().into_iter().flatten().map(complete).collect())
}

fn read_custom_fields(value: &Value, owner: Owner, state: &State) -> Result<Value, String> {
    let given = value.as_object().ok_or("must be an object")?;
    if let Some((key, _)) = given.iter().find(|(_, value)| value.is_array() || value.is_object()) {
        return Err(format!("{key}: must be a string, a number or a boolean"));
    }
    let known: Vec<_> = known_custom_fields(owner, state).collect();
    let unknown = given.keys().find(|key| !known.contains(key));
    if let Some(key) = unknown.filter(|_| state.settings.refuse_unknown_custom_fields) {
        return Err(format!("{key}: does not exist"));
    }
    let kept = given.iter().filter(|(key, _)| known.contains(key));
    Ok(Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("olena@example.com", true)]
    #[case("o.k+fb@mail.example.com", true)]
    #[case("", false)]
    #[case("olena", false)]
    #[case("olena@example", false)]
    #[case("olena@@example.com", false)]
    #[case("olena @example.com", false)]
    fn knows_emails(#[case] text: &str, #[case] right: bool) {
        assert_eq!(is_email(text), right);
    }

    #[rstest]
    #[case(json!({ "day": 1, "month": 2 }), true)]
    #[case(json!({ "day": 1, "month": 2, "year": 1990 }), true)]
    #[case(json!({ "day": 1, "month": 13 }), false)]
    #[case(json!("1990-02-01"), false)]
    fn knows_birthdays(#[case] value: Value, #[case] right: bool) {
        assert_eq!(is_birthday(&value), right);
    }
}
