use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use crate::{
    ClientFields, Fault, OrderFields, Value,
    moment::parse_moment,
    text::{LONGEST_TEXT, first_characters},
};

/// One field of a card or an order, with what the bundle says for it.
pub(crate) struct Field<'a> {
    /// Its name, the same in the bundle and in RemOnline.
    pub name: &'static str,
    pub kind: Kind,
    /// RemOnline refuses the request without it.
    pub required: bool,
    pub value: Option<&'a Value>,
}

/// What RemOnline takes in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Text in the bundle, a list in RemOnline.
    Phone,
    Email,
    /// The id of something in RemOnline.
    Id,
    Flag,
    Moment,
    Birthday,
}

impl<'a> Field<'a> {
    fn of(name: &'static str, kind: Kind, value: &'a Option<Value>) -> Self {
        Self { name, kind, required: false, value: value.as_ref() }
    }
}

impl ClientFields {
    /// Every field but the account's own.
    /// Source: RO App API v2, `POST /contacts/people`.
    pub(crate) fn listed(&self) -> Vec<Field<'_>> {
        vec![
            Field { required: true, ..Field::of("first_name", Kind::Text, &self.first_name) },
            Field::of("last_name", Kind::Text, &self.last_name),
            Field::of("phone", Kind::Phone, &self.phone),
            Field::of("email", Kind::Email, &self.email),
            Field::of("notes", Kind::Text, &self.notes),
            Field::of("address", Kind::Text, &self.address),
            Field::of("birthday", Kind::Birthday, &self.birthday),
            Field::of("supplier", Kind::Flag, &self.supplier),
            Field::of("manager_id", Kind::Id, &self.manager_id),
            Field::of("ad_campaign_id", Kind::Id, &self.ad_campaign_id),
            Field::of("discount_code", Kind::Text, &self.discount_code),
            Field::of("tax_identification_number", Kind::Text, &self.tax_identification_number),
        ]
    }
}

impl OrderFields {
    /// Every field but the account's own.
    /// Source: RO App API v2, `POST /orders`, and `POST /orders/{id}/status` for the status.
    pub(crate) fn listed(&self) -> Vec<Field<'_>> {
        let required = |name, value| Field { name, kind: Kind::Id, required: true, value: Some(value) };
        vec![
            required("branch_id", &self.branch_id),
            required("order_type_id", &self.order_type_id),
            Field::of("status_id", Kind::Id, &self.status_id),
            Field::of("manager_id", Kind::Id, &self.manager_id),
            Field::of("assignee_id", Kind::Id, &self.assignee_id),
            Field::of("asset_id", Kind::Id, &self.asset_id),
            Field::of("payer_id", Kind::Id, &self.payer_id),
            Field::of("ad_campaign_id", Kind::Id, &self.ad_campaign_id),
            Field::of("resource_id", Kind::Id, &self.resource_id),
            Field::of("scheduled_for", Kind::Moment, &self.scheduled_for),
            Field::of("scheduled_to", Kind::Moment, &self.scheduled_to),
            Field::of("due_date", Kind::Moment, &self.due_date),
            Field::of("malfunction", Kind::Text, &self.malfunction),
            Field::of("manager_notes", Kind::Text, &self.manager_notes),
            Field::of("engineer_notes", Kind::Text, &self.engineer_notes),
            Field::of("resume", Kind::Text, &self.resume),
            Field::of("estimated_price", Kind::Text, &self.estimated_price),
            Field::of("urgent", Kind::Flag, &self.urgent),
        ]
    }
}

impl Kind {
    /// Turns a text that is not empty into what RemOnline takes, or says what the text should have been.
    pub(crate) fn read(self, text: &str, timezone: &TimeZone) -> Result<Json, Fault> {
        match self {
            Self::Text | Self::Phone | Self::Email => Ok(json!(first_characters(text, LONGEST_TEXT))),
            Self::Id => id(text).map(Json::from).ok_or(Fault::NoNumber),
            Self::Flag => flag(text).map(Json::from).ok_or(Fault::NoFlag),
            Self::Moment => moment(text, timezone).ok_or(Fault::NoMoment),
            Self::Birthday => birthday(text, timezone).ok_or(Fault::NoDate),
        }
    }
}

/// Whether the key is one of an account's own field: the letter `f` and its number.
pub(crate) fn is_custom_key(key: &str) -> bool {
    key.strip_prefix('f').is_some_and(|id| (1..=18).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()))
}

fn id(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id > 0)
}

fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "так" | "да" | "✓" => Some(true),
        "false" | "0" | "no" | "off" | "ні" | "нет" => Some(false),
        _ => None,
    }
}

/// v2 takes UTC to the second; milliseconds may be refused.
fn moment(text: &str, timezone: &TimeZone) -> Option<Json> {
    let moment = parse_moment(text, timezone)?.timestamp();
    Some(json!(moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()))
}

fn birthday(text: &str, timezone: &TimeZone) -> Option<Json> {
    let date = parse_moment(text, timezone)?.date();
    Some(json!({ "day": date.day(), "month": date.month(), "year": date.year() }))
}
