use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};

use crate::{
    BundleDocument, Contact, Email, Lead, MappingError, OrderFields, Phone, Reason, TestLeads, Value,
    fields::{Field, Kind},
    mapping::Templates,
    text::{first_characters, with_last_line},
};

/// What a bundle makes of a lead.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The client to look for, and to create or update.
    pub client: NewClient,
    /// The order to create; `None` when the bundle wants none.
    pub order: Option<NewOrder>,
}

/// Whether a plan is carried out.
#[derive(Debug, Clone, PartialEq)]
pub enum Planned {
    /// It is.
    Go(Plan),
    /// The bundle leaves this lead out.
    Skip {
        /// [`Reason::TestLead`] or [`Reason::Filtered`].
        reason: Reason,
        /// What would have been sent, where the lead is enough for it.
        plan: Option<Plan>,
    },
}

/// The client card as the bundle fills it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewClient {
    /// The phone number: a key to look the client up by.
    pub phone: Option<Phone>,
    /// The e-mail address: a key to look the client up by.
    pub email: Option<Email>,
    /// The other fields by RemOnline's names, typed as RemOnline wants them, without empty ones.
    pub fields: Map<String, Json>,
    /// The account's own fields by id (`f5001`), without empty ones.
    pub custom_fields: Map<String, Json>,
}

/// The order as the bundle fills it, without client and marker.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewOrder {
    /// The fields by RemOnline's names, typed as RemOnline wants them, without empty ones.
    pub fields: Map<String, Json>,
    /// The account's own fields by id (`f6001`), without empty ones.
    pub custom_fields: Map<String, Json>,
    /// The status to set after creation: RemOnline takes none with it.
    pub status_id: Option<i64>,
}

/// A phone as typed is no longer than this where it is kept, in characters.
const LONGEST_PHONE: usize = 200;

impl Plan {
    /// Applies a bundle to a lead. Nothing is looked up and nothing is sent; the same input gives the same plan.
    pub fn make(document: &BundleDocument, lead: &Lead) -> Result<Planned, Vec<MappingError>> {
        let contact = Contact::of(lead, &document.default_region);
        let timezone = TimeZone::get(&document.timezone)
            .map_err(|_| vec![error("/timezone", "is no time zone; write one such as Europe/Kyiv")])?;
        let templates = Templates::of(lead, &contact, &document.default_region, &timezone);
        let plan = || Self::fill(document, &contact, &templates, &timezone);
        if document.test_leads == TestLeads::Skip && lead.is_test() {
            return Ok(Planned::Skip { reason: Reason::TestLead, plan: plan().ok() });
        }
        let wanted = document.filter.as_ref().map_or(Ok(true), |filter| templates.holds(filter));
        match wanted.map_err(|fault| vec![error("/filter", fault)])? {
            true => plan().map(Planned::Go),
            false => Ok(Planned::Skip { reason: Reason::Filtered, plan: plan().ok() }),
        }
    }

    fn fill(
        document: &BundleDocument,
        contact: &Contact,
        templates: &Templates,
        timezone: &TimeZone,
    ) -> Result<Self, Vec<MappingError>> {
        let mut filling = Filling { templates, timezone, errors: Vec::new() };
        let client = filling.client(document, contact);
        let order = document.order.as_ref().map(|rules| filling.order(&rules.fields));
        if filling.errors.is_empty() { Ok(Self { client, order }) } else { Err(filling.errors) }
    }
}

impl NewClient {
    /// The body that creates the client.
    /// Source: RO App API v2, `POST /contacts/people`.
    pub fn create_body(&self) -> Json {
        let mut body = self.fields.clone();
        if let Some(email) = &self.email {
            body.insert("email".to_owned(), json!(email.as_str()));
        }
        if let Some(phone) = &self.phone {
            body.insert("phones".to_owned(), json!([phone_object(phone.e164())]));
        }
        insert_custom(&mut body, &self.custom_fields);
        Json::Object(body)
    }
}

impl NewOrder {
    /// The body that creates the order for a client, with the marker at the end of `manager_notes`.
    /// Source: RO App API v2, `POST /orders`.
    pub fn create_body(&self, client_id: i64, marker: &str) -> Json {
        let mut body = self.fields.clone();
        let notes = with_last_line(self.text("manager_notes"), marker);
        body.insert("client_id".to_owned(), json!(client_id));
        body.insert("manager_notes".to_owned(), json!(notes));
        insert_custom(&mut body, &self.custom_fields);
        Json::Object(body)
    }

    /// What is left as a comment where the order itself is not made: its texts and the marker.
    pub fn comment(&self, marker: &str) -> String {
        let texts = [self.text("malfunction"), self.text("manager_notes")];
        let texts = texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        with_last_line(&texts.join("\n"), marker)
    }

    fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Json::as_str).unwrap_or_default()
    }
}

/// A phone as v2 takes it.
pub(crate) fn phone_object(number: &str) -> Json {
    json!({ "title": "", "phone": number })
}

/// Fills fields one after the other and gathers what went wrong, so that a person sees everything at once.
struct Filling<'a> {
    templates: &'a Templates,
    timezone: &'a TimeZone,
    errors: Vec<MappingError>,
}

impl Filling<'_> {
    fn client(&mut self, document: &BundleDocument, contact: &Contact) -> NewClient {
        let rules = &document.client.fields;
        let mut fields = self.fields("/client/fields", &rules.listed());
        let custom_fields = self.custom_fields("/client/fields", &rules.custom_fields);
        let phone_text = take_text(&mut fields, "phone");
        let phone = phone_text.as_ref().and_then(|text| Phone::parse(text, &document.default_region));
        let email = take_text(&mut fields, "email").and_then(|text| Email::parse(&text));
        if phone.is_none() && rules.phone.is_some() {
            note_phone(&mut fields, phone_text.as_ref().or(contact.phone_as_typed.as_ref()));
        }
        NewClient { phone, email, fields, custom_fields }
    }

    fn order(&mut self, rules: &OrderFields) -> NewOrder {
        let mut fields = self.fields("/order/fields", &rules.listed());
        let custom_fields = self.custom_fields("/order/fields", &rules.custom_fields);
        let status_id = fields.remove("status_id").and_then(|id| id.as_i64());
        NewOrder { fields, custom_fields, status_id }
    }

    fn fields(&mut self, place: &str, fields: &[Field<'_>]) -> Map<String, Json> {
        let filled = fields.iter().filter_map(|field| {
            let value = self.field(&format!("{place}/{}", field.name), field)?;
            Some((field.name.to_owned(), value))
        });
        filled.collect()
    }

    fn field(&mut self, pointer: &str, field: &Field<'_>) -> Option<Json> {
        let text = field.value.map_or(Some(String::new()), |value| self.text(pointer, value))?;
        if text.is_empty() {
            if field.required {
                self.errors.push(error(pointer, "is required and came out empty; give it a fixed value or a default"));
            }
            return None;
        }
        let read = field.kind.read(&text, self.timezone);
        read.map_err(|what| self.errors.push(error(pointer, what))).ok()
    }

    fn custom_fields(&mut self, place: &str, values: &BTreeMap<String, Value>) -> Map<String, Json> {
        let filled = values.iter().filter_map(|(key, value)| {
            let filled = match value {
                Value::Bool(flag) => json!(flag),
                Value::Integer(number) => json!(number),
                Value::Template(_) => self.custom_text(&format!("{place}/custom_fields/{key}"), value)?,
            };
            Some((key.clone(), filled))
        });
        filled.collect()
    }

    fn custom_text(&mut self, pointer: &str, value: &Value) -> Option<Json> {
        let text = self.text(pointer, value).filter(|text| !text.is_empty())?;
        Kind::Text.read(&text, self.timezone).ok()
    }

    /// The value as text; `None` when its template failed.
    fn text(&mut self, pointer: &str, value: &Value) -> Option<String> {
        match value {
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Template(template) => {
                let rendered = self.templates.render(template);
                rendered.map_err(|fault| self.errors.push(error(pointer, fault))).ok()
            }
        }
    }
}

/// Keeps a phone that is no valid number in the notes: a person may still make sense of it.
fn note_phone(fields: &mut Map<String, Json>, typed: Option<&String>) {
    if let Some(typed) = typed {
        let line = format!("Phone: {}", first_characters(typed, LONGEST_PHONE));
        let notes = take_text(fields, "notes").unwrap_or_default();
        fields.insert("notes".to_owned(), json!(with_last_line(&notes, &line)));
    }
}

fn take_text(fields: &mut Map<String, Json>, name: &str) -> Option<String> {
    fields.remove(name).and_then(|value| value.as_str().map(str::to_owned))
}

fn insert_custom(body: &mut Map<String, Json>, custom_fields: &Map<String, Json>) {
    if !custom_fields.is_empty() {
        body.insert("custom_fields".to_owned(), Json::Object(custom_fields.clone()));
    }
}

fn error(pointer: &str, detail: impl ToString) -> MappingError {
    MappingError { pointer: pointer.to_owned(), detail: detail.to_string() }
}
