use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MetaId, Slug};

/// The rules as a user writes them: which form, how the client card is filled, how duplicates are treated, which
/// order is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleDocument {
    /// Shown to people.
    pub title: String,
    /// Where the leads come from.
    pub source: Source,
    /// An expression; a lead for which it is false is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What to do with Meta's dummy test leads.
    #[serde(default)]
    pub test_leads: TestLeads,
    /// Region for phone numbers without a country code, ISO 3166 alpha-2.
    #[serde(default = "default_region")]
    #[schemars(extend("pattern" = "^[A-Z]{2}$"))]
    pub default_region: String,
    /// IANA time zone of the `date` filter and of dates that name none.
    #[serde(default = "default_timezone")]
    pub timezone: String,
    /// The client card.
    pub client: ClientRules,
    /// The order; without it only the client is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderRules>,
}

/// Where the leads of a bundle come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A Facebook connection.
    pub connection: Slug,
    /// The form's id, or `*` for every form of the page that no other active bundle names.
    #[schemars(extend("pattern" = "^([0-9]{1,20}|\\*)$"))]
    pub form_id: String,
}

/// What to do with Meta's dummy test leads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestLeads {
    /// Record what would have been sent, send nothing.
    #[default]
    Skip,
    /// Treat them like any other lead.
    Process,
}

/// A literal, or a template that makes one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, a whole number, true or false")]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text in Jinja syntax.
    Template(String),
}

/// How the client card is filled and how existing clients are treated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientRules {
    /// A RemOnline connection. The order goes to the same account.
    pub connection: Slug,
    /// The card.
    pub fields: ClientFields,
    /// Existing clients.
    #[serde(default)]
    pub duplicates: ClientDuplicates,
}

/// The fields of a client card.
/// Source: RO App API v2, `POST /contacts/people`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientFields {
    /// Required by RemOnline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Value>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Value>,
    /// One phone number in any spelling; sent in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Value>,
    /// One address; left out when it is not one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Value>,
    /// Notes on the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Value>,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Value>,
    /// A date as `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub birthday: Option<Value>,
    /// Whether the client is a supplier too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supplier: Option<Value>,
    /// The employee in charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager_id: Option<Value>,
    /// The advertising campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_campaign_id: Option<Value>,
    /// Discount card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount_code: Option<Value>,
    /// Tax number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_identification_number: Option<Value>,
    /// The account's own fields, by id: `f5001`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<String, Value>,
}

/// How existing clients are found and treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientDuplicates {
    /// What makes two clients the same, tried in this order.
    pub match_on: Vec<MatchKey>,
    /// Whether one key is enough.
    #[serde(rename = "match")]
    pub match_keys: Match,
    /// What to do.
    pub mode: ClientMode,
    /// For each field of the card, by its name (custom fields by id): what an update does. Default: overwrite.
    /// Phones are always united, never lost.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub on_update: BTreeMap<String, OnUpdate>,
}

impl Default for ClientDuplicates {
    fn default() -> Self {
        Self {
            match_on: vec![MatchKey::Phone, MatchKey::Email],
            match_keys: Match::Any,
            mode: ClientMode::UpdateOrCreate,
            on_update: BTreeMap::new(),
        }
    }
}

impl ClientDuplicates {
    /// Whether only a client with both the phone number and the e-mail address counts: then the two together are a key too.
    pub fn wants_both(&self) -> bool {
        let by_both = self.match_on.contains(&MatchKey::Phone) && self.match_on.contains(&MatchKey::Email);
        by_both && self.match_keys == Match::All && self.mode != ClientMode::CreateAlways
    }
}

/// What makes two clients the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchKey {
    /// The phone number, in any spelling.
    Phone,
    /// The e-mail address, in any case.
    Email,
}

/// Whether one matching key is enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// One key is enough; the first in `match_on` wins.
    #[default]
    Any,
    /// Every key that the lead has must lead to the same client.
    All,
}

/// What to do with a client that exists or does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientMode {
    /// Always make a new client.
    CreateAlways,
    /// Use the one that exists as it is, else make one.
    CreateIfMissing,
    /// Update the one that exists, else make one.
    #[default]
    UpdateOrCreate,
    /// Update the one that exists, else skip the lead.
    UpdateOnly,
}

/// What an update does to one field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUpdate {
    /// The lead's value replaces the old one.
    #[default]
    Overwrite,
    /// The lead's value is used where there is none.
    Fill,
    /// The lead's value is added as a line, once.
    Append,
    /// The old value stays, even an empty one.
    Keep,
}

/// How the order is filled and how existing orders are treated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRules {
    /// The order.
    pub fields: OrderFields,
    /// Existing orders.
    #[serde(default)]
    pub duplicates: OrderDuplicates,
}

/// The fields of an order; `client_id` is filled in by itself.
/// Source: RO App API v2, `POST /orders`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderFields {
    /// The location.
    pub branch_id: Value,
    /// The order type.
    pub order_type_id: Value,
    /// Set after creation when it differs from the status the order was created with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_id: Option<Value>,
    /// The employee responsible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_id: Option<Value>,
    /// The technician.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Value>,
    /// The device, made beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<Value>,
    /// The client that pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer_id: Option<Value>,
    /// The advertising campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad_campaign_id: Option<Value>,
    /// A calendar resource of the location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<Value>,
    /// Begin of the visit: a date and time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_for: Option<Value>,
    /// End of the visit: a date and time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_to: Option<Value>,
    /// When the work is due: a date and time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Value>,
    /// What is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malfunction: Option<Value>,
    /// Internal note; the marker is added at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager_notes: Option<Value>,
    /// The technician's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engineer_notes: Option<Value>,
    /// The conclusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Value>,
    /// Price or range, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_price: Option<Value>,
    /// Whether it is urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgent: Option<Value>,
    /// The account's own fields, by id: `f6001`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_fields: BTreeMap<String, Value>,
}

/// How existing orders are found and treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrderDuplicates {
    /// What makes two orders the same.
    pub match_on: Vec<OrderMatchKey>,
    /// What to do.
    pub mode: OrderMode,
    /// Only orders created within so many days count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3650))]
    pub within_days: Option<u16>,
    /// Closed orders do not count.
    pub only_open: bool,
    /// What to do with an order that is found.
    pub when_found: WhenFound,
}

impl Default for OrderDuplicates {
    fn default() -> Self {
        Self {
            match_on: vec![OrderMatchKey::ClientId],
            mode: OrderMode::CreateAlways,
            within_days: None,
            only_open: false,
            when_found: WhenFound::Skip,
        }
    }
}

/// What makes two orders the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderMatchKey {
    /// They belong to the same client.
    ClientId,
}

/// What to do when the client has an order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderMode {
    /// Always make a new order.
    #[default]
    CreateAlways,
    /// Make one only if there is none.
    CreateIfMissing,
}

/// What to do with an order that is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFound {
    /// Nothing: the lead is done with it.
    #[default]
    Skip,
    /// Leave a comment on it.
    Comment,
}

/// A bundle document with what the product knows about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// Chosen by the user or made from the title.
    pub id: Slug,
    /// Counts up with every change of the document.
    pub version: u32,
    /// Whether its leads are processed.
    pub state: BundleState,
    /// The page of the source connection.
    pub page_id: MetaId,
    /// When it was started for the first time.
    pub first_started_at: Option<Timestamp>,
    /// When this version was made.
    pub created_at: Timestamp,
    /// The rules.
    pub document: BundleDocument,
}

/// Whether the leads of a bundle are processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleState {
    /// Its leads wait.
    Stopped,
    /// Its leads are processed.
    Active,
}

impl Bundle {
    /// Whether the document names this very form.
    pub fn names_form(&self, form_id: &MetaId) -> bool {
        self.document.source.form_id == form_id.as_str()
    }

    /// Whether the document takes every form that no other active bundle names.
    pub fn takes_any_form(&self) -> bool {
        self.document.source.form_id == "*"
    }

    /// Those of a page's bundles that take a form: the ones that name it and, unless an active one of them does, the
    /// ones for any form.
    pub fn takers<'b>(bundles: &'b [Self], form_id: &MetaId) -> Vec<&'b Self> {
        let named = bundles.iter().any(|bundle| bundle.names_form(form_id) && bundle.state == BundleState::Active);
        bundles.iter().filter(|bundle| bundle.names_form(form_id) || (bundle.takes_any_form() && !named)).collect()
    }
}

fn default_region() -> String {
    "UA".to_owned()
}

fn default_timezone() -> String {
    "UTC".to_owned()
}

#[cfg(test)]
mod tests;
