use domain::{ExistingClient, Phone};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer::Page;
use crate::row::{Row, spelled};
use crate::{Client, Error};

/// A client card. Its fields have RemOnline's names, also when serialized, so that an update can be compared with it
/// field by field; what RemOnline left out is empty.
///
/// A client can be an organization too. Those are other objects with other ids, and nothing here finds them.
/// Source: RO App API v2, `/contacts/people`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Person {
    /// RemOnline's id.
    pub id: i64,
    /// First name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// The only address.
    pub email: String,
    /// Every number, as stored.
    pub phones: Vec<PersonPhone>,
    /// Notes on the client.
    pub notes: String,
    /// Postal address.
    pub address: String,
    /// Birthday.
    pub birthday: Option<Birthday>,
    /// Whether the client is a supplier too.
    pub supplier: bool,
    /// The employee in charge.
    pub manager_id: Option<i64>,
    /// The advertising campaign the client came by.
    pub ad_campaign_id: Option<i64>,
    /// Discount card.
    pub discount_code: String,
    /// Tax number.
    pub tax_identification_number: String,
    /// The account's own fields by id (`f5001`).
    pub custom_fields: Map<String, Value>,
    /// Tags.
    pub tags: Vec<String>,
    /// When the card was made.
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    pub modified_at: Option<Timestamp>,
}

/// One number of a client card with all that RemOnline keeps beside it (title, messengers), so that it can be sent
/// back unharmed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct PersonPhone(Map<String, Value>);

/// A birthday, whose year may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Birthday {
    /// 1 to 31.
    pub day: i8,
    /// 1 to 12.
    pub month: i8,
    /// The year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<i16>,
}

impl PersonPhone {
    /// A number to be added, in E.164.
    pub fn new(e164: &str) -> Self {
        Self(Map::from_iter([("title".to_owned(), "".into()), ("phone".to_owned(), e164.into())]))
    }

    /// The number as it is stored.
    pub fn number(&self) -> &str {
        self.0.get("phone").and_then(Value::as_str).unwrap_or_default()
    }

    /// Reads `{"phone": ".."}`, or the bare text that v1 has.
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Object(phone) => Some(Self(phone.clone())),
            Value::String(number) => Some(Self::new(number)),
            _ => None,
        }
    }
}

impl Birthday {
    /// Reads `{"day": 1, "month": 2, "year": 1990}`, or a date as text.
    fn read(value: &Value) -> Option<Self> {
        if let Some(date) = value.as_str().and_then(|text| text.parse::<Date>().ok()) {
            return Some(Self { day: date.day(), month: date.month(), year: Some(date.year()) });
        }
        let row = Row(value.as_object()?.clone());
        let part = |name| row.integer(name);
        let year = part("year").and_then(|year| year.try_into().ok());
        Some(Self { day: part("day")?.try_into().ok()?, month: part("month")?.try_into().ok()?, year })
    }
}

impl Person {
    /// Whether one of the card's numbers is `phone`.
    pub fn has_phone(&self, phone: &Phone) -> bool {
        self.phones.iter().any(|stored| phone.is(stored.number()))
    }

    pub(crate) fn read(row: &Row) -> Option<Self> {
        Some(Self {
            id: row.id()?,
            first_name: row.text("first_name"),
            last_name: row.text("last_name"),
            email: row.text("email"),
            phones: row.list("phones").iter().filter_map(PersonPhone::read).collect(),
            notes: row.text("notes"),
            address: row.text("address"),
            birthday: row.0.get("birthday").and_then(Birthday::read),
            supplier: row.flag("supplier"),
            manager_id: row.id_of("manager"),
            ad_campaign_id: row.id_of("ad_campaign"),
            discount_code: row.text("discount_code"),
            tax_identification_number: row.text("tax_identification_number"),
            custom_fields: row.object("custom_fields").map(|fields| fields.0).unwrap_or_default(),
            tags: row.list("tags").iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
            created_at: row.time("created_at"),
            modified_at: row.time("modified_at"),
        })
    }
}

/// The card as the domain compares it.
impl From<&Person> for ExistingClient {
    fn from(person: &Person) -> Self {
        let phones = person.phones.iter().map(|phone| phone.number().to_owned()).collect();
        let card = match serde_json::to_value(person) {
            Ok(Value::Object(card)) => card,
            _ => Map::new(),
        };
        Self { id: person.id, phones, card }
    }
}

impl Client {
    /// One client card; `None` when there is none, as after a merge. One exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn person(&self, id: i64) -> Result<Option<Person>, Error> {
        let answer = match self.get(self.v2(&format!("/contacts/people/{id}")), &[]).await {
            Err(Error::NotFound(_)) => return Ok(None),
            answer => answer?,
        };
        let person = answer.object().and_then(|row| Person::read(&row)).filter(|person| person.id == id);
        person.map(Some).ok_or_else(|| answer.unreadable("person"))
    }

    /// Creates a client card. `fields` have RemOnline's names; `first_name` is required, `phones` is a list of
    /// [`PersonPhone`]s. RemOnline refuses no duplicate. What its answer leaves out is empty in the result. One
    /// exchange.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] also when the answer names no id.
    pub async fn create_person(&self, fields: &Map<String, Value>) -> Result<Person, Error> {
        let answer = self.post(self.v2("/contacts/people"), Value::Object(fields.clone())).await?;
        answer.object().and_then(|row| Person::read(&row)).ok_or_else(|| answer.unreadable("id of the new client"))
    }

    /// Changes the fields in `patch` and no others; lists are replaced whole. It may be repeated. One exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_person(&self, id: i64, patch: &Map<String, Value>) -> Result<(), Error> {
        let url = self.v2(&format!("/contacts/people/{id}"));
        self.patch(url, Value::Object(patch.clone())).await.map(drop)
    }

    /// One page of all client cards, counted from 1. One exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn list_people(&self, page: u32) -> Result<Page<Person>, Error> {
        self.people_page(&[], page).await
    }

    /// One page of the client cards made since `since`, newest first: for finding a card without a phone number after
    /// a lost answer. One exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn people_created_since(&self, since: Timestamp, page: u32) -> Result<Page<Person>, Error> {
        let filter = [("created_at", spelled(since)), ("sort", "-created_at".to_owned())];
        let filter = filter.each_ref().map(|(name, value)| (*name, value.as_str()));
        Ok(self.people_page(&filter, page).await?.since(since, |person| person.created_at))
    }

    pub(crate) async fn people_page(&self, filter: &[(&str, &str)], page: u32) -> Result<Page<Person>, Error> {
        self.page_of("/contacts/people", filter, page, Person::read).await
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::row::arbitrary_json;

    fn read(value: Value) -> Option<Person> {
        serde_json::from_value(value).ok().and_then(|fields| Person::read(&Row(fields)))
    }

    #[test]
    fn reads_a_full_card() {
        let person = read(json!({
            "id": 31000001, "first_name": "Olena", "last_name": "Koval",
            "birthday": { "day": 1, "month": 2, "year": 1990 }, "email": "olena@example.com",
            "phones": [{ "title": "Mobile", "phone": "+380501112233", "notify": false, "has_viber": true }],
            "notes": "Facebook lead form", "address": "", "supplier": false, "manager_id": null,
            "ad_campaign_id": 777, "ad_campaign": { "id": 777, "name": "Facebook" }, "discount_code": "",
            "custom_fields": { "f5001": "lead:1234567890" }, "tags": ["lead"], "tax_identification_number": "",
            "created_at": "2026-03-01T09:30:00Z", "modified_at": "2026-03-01T09:31:00.000+00:00",
        }))
        .unwrap();
        assert_eq!((person.id, person.first_name.as_str(), person.last_name.as_str()), (31_000_001, "Olena", "Koval"));
        assert_eq!(person.birthday, Some(Birthday { day: 1, month: 2, year: Some(1990) }));
        assert_eq!((person.email.as_str(), person.phones[0].number()), ("olena@example.com", "+380501112233"));
        assert_eq!((person.manager_id, person.ad_campaign_id), (None, Some(777)));
        assert_eq!(person.custom_fields["f5001"], "lead:1234567890");
        assert_eq!((person.tags.as_slice(), person.supplier), (["lead".to_owned()].as_slice(), false));
        assert_eq!(person.created_at, Some("2026-03-01T09:30:00Z".parse().unwrap()));
        assert_eq!(person.modified_at, Some("2026-03-01T09:31:00Z".parse().unwrap()));
    }

    #[test]
    fn every_field_but_the_id_may_be_missing_or_odd() {
        let empty = Person { id: 7, ..Person::default() };
        assert_eq!(read(json!({ "id": "7" })), Some(empty.clone()));
        let odd = json!({
            "id": 7, "first_name": null, "phones": null, "custom_fields": [], "tags": {}, "birthday": "",
            "ad_campaign": {}, "supplier": null, "created_at": "", "email": [],
        });
        assert_eq!(read(odd), Some(empty));
        assert_eq!(read(json!({ "first_name": "Olena" })), None);
    }

    #[rstest]
    #[case(json!({ "day": 1, "month": 2 }), json!({ "day": 1, "month": 2 }))]
    #[case(json!("1990-02-01"), json!({ "day": 1, "month": 2, "year": 1990 }))]
    #[case(json!({ "day": 1, "month": 2, "year": null }), json!({ "day": 1, "month": 2 }))]
    fn reads_birthdays(#[case] birthday: Value, #[case] expected: Value) {
        assert_eq!(serde_json::to_value(Birthday::read(&birthday)).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn reads_any_json(card in arbitrary_json(), phones in arbitrary_json()) {
            let _ = read(card);
            let _ = read(json!({ "id": 7, "phones": phones.clone(), "birthday": phones.clone(), "tags": phones }));
        }
    }
}
