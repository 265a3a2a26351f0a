//! What an account offers to choose from.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use url::Url;

use crate::orders::group_type;
use crate::row::Row;
use crate::{Client, Error};

/// So many pages of a list are read at most.
const MOST_PAGES: u32 = 20;

/// The company behind a key. RemOnline documents no id of it.
/// Source: RO App API v2, `GET /company`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Company {
    /// An id, should RemOnline give one.
    pub id: Option<i64>,
    /// Its name.
    pub name: String,
    /// Its address for mail.
    pub email: String,
    /// Country code.
    pub country: String,
    /// Currency code.
    pub currency: String,
    /// IANA time zone.
    pub timezone: String,
    /// When the company was registered with RemOnline; with the name it tells companies apart.
    pub created_at: Option<Timestamp>,
}

/// One entry of a drop-down.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// What a bundle refers to.
    pub id: ChoiceId,
    /// What a person reads.
    pub title: String,
    /// What helps to choose, see the method that gives the list.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What a bundle refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum ChoiceId {
    /// The id of an object.
    Number(i64),
    /// The key of a custom field: `f` and its id.
    Field(String),
}

impl Choice {
    fn read(row: &Row, extra: &[&str]) -> Option<Self> {
        let id = ChoiceId::Number(row.id()?);
        let title = [row.text("title"), row.text("name")].into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        let kept = extra.iter().filter_map(|name| Some(((*name).to_owned(), row.0.get(*name)?.clone())));
        Some(Self { id, title, extra: kept.collect() })
    }

    fn read_status(row: &Row) -> Option<Self> {
        let mut choice = Self::read(row, &["color"])?;
        choice.extra.insert("group".to_owned(), group_type(row).into());
        Some(choice)
    }

    fn read_employee(row: &Row) -> Option<Self> {
        let mut choice = Self::read(row, &["position", "is_active"])?;
        let full_name = format!("{} {}", row.text("first_name"), row.text("last_name"));
        let names = [full_name.trim().to_owned(), choice.title, row.text("login")];
        choice.title = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        Some(choice)
    }

    fn read_field(row: &Row) -> Option<Self> {
        let id = row.text("id");
        let number = id.strip_prefix('f').unwrap_or(&id).parse::<u64>().ok()?;
        let mut numbered = row.clone();
        numbered.0.insert("id".to_owned(), number.into());
        let choice = Self::read(&numbered, &["type", "required"])?;
        Some(Self { id: ChoiceId::Field(format!("f{number}")), ..choice })
    }
}

impl Client {
    /// The company behind the key: the usual way to try one. One exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn company(&self) -> Result<Company, Error> {
        let answer = self.get(self.v2("/company"), &[]).await?;
        let row = answer.object().filter(|row| !row.text("name").is_empty());
        let row = row.ok_or_else(|| answer.unreadable("company"))?;
        Ok(Company {
            id: row.id(),
            name: row.text("name"),
            email: row.text("email"),
            country: row.text("country"),
            currency: row.text("currency"),
            timezone: row.text("timezone"),
            created_at: row.time("created_at"),
        })
    }

    /// The locations; extra: `is_archived`. One exchange a page.
    /// Source: RO App API v2, `GET /company/locations`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn branches(&self) -> Result<Vec<Choice>, Error> {
        self.choices(self.v2("/company/locations"), |row| Choice::read(row, &["is_archived"])).await
    }

    /// The order types. One exchange a page.
    /// Source: RO App API v2, `GET /orders/types`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn order_types(&self) -> Result<Vec<Choice>, Error> {
        self.choices(self.v2("/orders/types"), |row| Choice::read(row, &[])).await
    }

    /// The statuses of orders; extra: `group` (its number, see [`crate::OrderStatus::group`]) and `color`. One
    /// exchange a page.
    /// Source: RO App API v2, `GET /orders/statuses`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn statuses(&self) -> Result<Vec<Choice>, Error> {
        self.choices(self.v2("/orders/statuses"), Choice::read_status).await
    }

    /// The employees; extra: `position`, `is_active`. One exchange a page.
    /// Source: RO App API v2, `GET /company/employees`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn employees(&self) -> Result<Vec<Choice>, Error> {
        self.choices(self.v2("/company/employees"), Choice::read_employee).await
    }

    /// The advertising campaigns; extra: `branch_ids`, empty for all locations. They are not part of v2 and may
    /// disappear: [`Error::NotFound`] then, and campaigns are named by number. One exchange a page.
    /// Source: RemOnline API 1.0, `GET /marketing/campaigns/`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn campaigns(&self) -> Result<Vec<Choice>, Error> {
        self.choices(self.unversioned("/marketing/campaigns/"), |row| Choice::read(row, &["branch_ids"])).await
    }

    /// The account's own fields of a client card; extra: `type` and `required`. One exchange a page.
    /// Source: RO App API v2, `GET /contacts/people/custom-fields`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn client_fields(&self) -> Result<Vec<Choice>, Error> {
        self.choices(self.v2("/contacts/people/custom-fields"), Choice::read_field).await
    }

    /// The account's own fields of an order; extra: `type` and `required`. One exchange a page.
    /// Source: RO App API v2, `GET /orders/custom-fields`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn order_fields(&self) -> Result<Vec<Choice>, Error> {
        self.choices(self.v2("/orders/custom-fields"), Choice::read_field).await
    }

    /// A whole list. A row that cannot be chosen is left out. A page that repeats what is known ends the list: its
    /// number was ignored then.
    async fn choices(&self, url: Url, read: impl Fn(&Row) -> Option<Choice>) -> Result<Vec<Choice>, Error> {
        let mut choices = Vec::new();
        let mut known = HashSet::new();
        for number in 1..=MOST_PAGES {
            let number_text = number.to_string();
            let query = [("page", number_text.as_str())];
            let answer = self.get(url.clone(), if number == 1 { &[] } else { &query }).await?;
            let rows = answer.rows()?;
            let before = choices.len();
            choices.extend(rows.iter().filter_map(&read).filter(|choice| known.insert(choice.id.clone())));
            if choices.len() == before || !answer.has_more(number, rows.len()) {
                break;
            }
        }
        Ok(choices)
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

    fn row(value: Value) -> Row {
        serde_json::from_value(value).map(Row).unwrap()
    }

    #[rstest]
    #[case(json!({ "id": 21001, "title": "Repair" }), json!({ "id": 21001, "title": "Repair" }))]
    #[case(json!({ "id": "21001", "name": "Repair", "title": null }), json!({ "id": 21001, "title": "Repair" }))]
    #[case(
        json!({ "id": 1, "name": "Main", "is_archived": false, "address": "1 High St" }),
        json!({ "id": 1, "title": "Main", "is_archived": false })
    )]
    fn reads_choices(#[case] from: Value, #[case] expected: Value) {
        let choice = Choice::read(&row(from), &["is_archived"]);
        assert_eq!(serde_json::to_value(choice).unwrap(), expected);
    }

    #[rstest]
    #[case(json!({ "type": 1, "name": "New" }), json!(1))]
    #[case(json!(6), json!(6))]
    #[case(json!(null), json!(null))]
    fn reads_statuses(#[case] group: Value, #[case] expected: Value) {
        let choice = Choice::read_status(&row(json!({ "id": 12, "name": "New", "group": group })));
        assert_eq!(serde_json::to_value(choice).unwrap(), json!({ "id": 12, "title": "New", "group": expected }));
    }

    #[rstest]
    #[case(json!({ "id": 9001, "first_name": "Ivan", "last_name": "Petrenko" }), "Ivan Petrenko")]
    #[case(json!({ "id": 9001, "first_name": "Ivan", "last_name": null }), "Ivan")]
    #[case(json!({ "id": 9001, "name": "Ivan P." }), "Ivan P.")]
    #[case(json!({ "id": 9001, "login": "ivan" }), "ivan")]
    fn names_employees(#[case] from: Value, #[case] title: &str) {
        assert_eq!(Choice::read_employee(&row(from)).unwrap().title, title);
    }

    #[rstest]
    #[case(json!(5001), Some("f5001"))]
    #[case(json!("5001"), Some("f5001"))]
    #[case(json!("f5001"), Some("f5001"))]
    #[case(json!("phone"), None)]
    fn spells_custom_fields(#[case] id: Value, #[case] expected: Option<&str>) {
        let field = Choice::read_field(&row(json!({ "id": id, "title": "Source form", "type": 1, "required": false })));
        let expected = expected.map(|id| json!({ "id": id, "title": "Source form", "type": 1, "required": false }));
        assert_eq!(serde_json::to_value(field).unwrap(), json!(expected));
    }

    proptest! {
        #[test]
        fn reads_any_json(value in arbitrary_json()) {
            if let Value::Object(object) = value {
                let row = Row(object);
                let _ = (Choice::read_status(&row), Choice::read_employee(&row), Choice::read_field(&row));
            }
        }
    }
}
