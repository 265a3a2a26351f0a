use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};

use crate::{
    BundleDocument, Contact, Email, Fault, Lead, MappingError, OrderFields, Phone, Reason, TestLeads, Value,
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
        let timezone =
            TimeZone::get(&document.timezone).map_err(|_| vec![MappingError::new("/timezone", Fault::NoTimeZone)])?;
        let templates = Templates::of(lead, &contact, &document.default_region, &timezone);
        let plan = || Self::fill(document, &contact, &templates, &timezone);
        if document.test_leads == TestLeads::Skip && lead.is_test() {
            return Ok(Planned::Skip { reason: Reason::TestLead, plan: plan().ok() });
        }
        let wanted = document.filter.as_ref().map_or(Ok(true), |filter| templates.holds(filter));
        match wanted.map_err(|fault| vec![MappingError::new("/filter", fault.into())])? {
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
                self.errors.push(MappingError::new(pointer, Fault::CameOutEmpty));
            }
            return None;
        }
        let read = field.kind.read(&text, self.timezone);
        read.map_err(|fault| self.errors.push(MappingError::new(pointer, fault))).ok()
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
                rendered.map_err(|fault| self.errors.push(MappingError::new(pointer, fault.into()))).ok()
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

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;
    use crate::fixtures::{document, document_with, lead, lead_with};

    const MARKER: &str = "[fb:900000000000001:repair]";

    fn plan(document: &BundleDocument, lead: &Lead) -> Plan {
        match Plan::make(document, lead) {
            Ok(Planned::Go(plan)) => plan,
            other => panic!("{other:?}"),
        }
    }

    fn client(pointer: &str, value: Json) -> Json {
        plan(&document_with(pointer, value), &lead()).client.create_body()
    }

    fn order(pointer: &str, value: Json) -> Json {
        plan(&document_with(pointer, value), &lead()).order.unwrap().create_body(31_000_001, MARKER)
    }

    #[test]
    fn the_example_of_the_interface_becomes_a_client_and_an_order() {
        let plan = plan(&document(), &lead());
        insta::assert_json_snapshot!("client", plan.client.create_body());
        let order = plan.order.unwrap();
        assert_eq!(order.status_id, Some(12));
        insta::assert_json_snapshot!("order", order.create_body(31_000_001, MARKER));
    }

    #[test]
    fn without_order_rules_only_the_client_is_made() {
        assert_eq!(plan(&document_with("/order", Json::Null), &lead()).order, None);
    }

    #[rstest]
    #[case("/client/fields/birthday", json!("1990-03-31"), "birthday", json!({"day": 31, "month": 3, "year": 1990}))]
    #[case("/client/fields/supplier", json!("так"), "supplier", json!(true))]
    #[case("/client/fields/supplier", json!(false), "supplier", json!(false))]
    #[case("/client/fields/manager_id", json!("{{ 9001 }}"), "manager_id", json!(9001))]
    #[case("/client/fields/discount_code", json!(15), "discount_code", json!("15"))]
    #[case("/client/fields/custom_fields", json!({"f1": 5, "f2": true, "f3": "{{ 5 }}", "f4": ""}), "custom_fields", json!({"f1": 5, "f2": true, "f3": "5"}))]
    fn client_fields_have_their_types(
        #[case] pointer: &str,
        #[case] value: Json,
        #[case] name: &str,
        #[case] expected: Json,
    ) {
        assert_eq!(client(pointer, value)[name], expected);
    }

    #[rstest]
    #[case("/order/fields/due_date", json!("2026-03-31 15:00"), "due_date", json!("2026-03-31T12:00:00Z"))]
    #[case("/order/fields/scheduled_for", json!("{{ lead.created_at }}"), "scheduled_for", json!("2026-11-20T09:30:00Z"))]
    #[case("/order/fields/scheduled_to", json!("2026-12-01"), "scheduled_to", json!("2026-11-30T22:00:00Z"))]
    #[case("/order/fields/urgent", json!("1"), "urgent", json!(true))]
    #[case("/order/fields/branch_id", json!("{{ answers.city | choice({'Київ': 15002}) }}"), "branch_id", json!(15002))]
    #[case("/order/fields/estimated_price", json!(500), "estimated_price", json!("500"))]
    #[case("/order/fields/manager_notes", json!("Call at ten"), "manager_notes", json!("Call at ten\n[fb:900000000000001:repair]"))]
    fn order_fields_have_their_types(
        #[case] pointer: &str,
        #[case] value: Json,
        #[case] name: &str,
        #[case] expected: Json,
    ) {
        assert_eq!(order(pointer, value)[name], expected);
    }

    #[rstest]
    #[case("/client/fields/notes", "notes")]
    #[case("/client/fields/manager_id", "manager_id")]
    #[case("/client/fields/birthday", "birthday")]
    #[case("/client/fields/supplier", "supplier")]
    #[case("/client/fields/email", "email")]
    #[case("/client/fields/custom_fields/f5001", "custom_fields")]
    fn an_optional_field_that_is_empty_is_left_out(#[case] pointer: &str, #[case] name: &str) {
        assert_eq!(client(pointer, json!("{{ answers.nobody_asked }}")).get(name), None);
    }

    #[rstest]
    #[case("/client/fields/first_name", json!("{{ answers.nobody_asked }}"), "required")]
    #[case("/client/fields/first_name", Json::Null, "required")]
    #[case("/order/fields/branch_id", json!("{{ answers.nobody_asked }}"), "required")]
    #[case("/order/fields/order_type_id", json!("{{ answers.city }}"), "number of something")]
    #[case("/order/fields/manager_id", json!(-1), "number of something")]
    #[case("/order/fields/manager_id", json!("1.5"), "number of something")]
    #[case("/order/fields/due_date", json!("{{ answers.city }}"), "date and time")]
    #[case("/order/fields/urgent", json!("{{ answers.city }}"), "true or false")]
    #[case("/client/fields/birthday", json!("{{ answers.city }}"), "a date such as")]
    #[case("/client/fields/notes", json!("{{ answers.city | date('%d') }}"), "no date")]
    #[case("/client/fields/custom_fields/f5001", json!("{{ answrs.city }}"), "no `answrs`")]
    #[case("/filter", json!("answrs.city"), "no `answrs`")]
    #[case("/timezone", json!("Kyiv"), "time zone")]
    fn errors_name_the_field_and_hold_no_answer(#[case] pointer: &str, #[case] value: Json, #[case] part: &str) {
        let errors = Plan::make(&document_with(pointer, value), &lead()).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].pointer, pointer);
        let told = errors[0].fault.to_string();
        assert!(told.contains(part) && !told.contains("Київ"), "{errors:?}");
    }

    #[test]
    fn all_errors_are_told_at_once() {
        let mut document = document_with("/client/fields/first_name", json!(""));
        document.order.as_mut().unwrap().fields.branch_id = Value::Integer(0);
        let errors = Plan::make(&document, &lead()).unwrap_err();
        let pointers = errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>();
        assert_eq!(pointers, ["/client/fields/first_name", "/order/fields/branch_id"]);
    }

    #[rstest]
    #[case(json!("Facebook"), json!("Facebook\nPhone: 12 345"))]
    #[case(Json::Null, json!("Phone: 12 345"))]
    fn a_phone_that_is_none_goes_to_the_notes(#[case] notes: Json, #[case] expected: Json) {
        let document = document_with("/client/fields/notes", notes);
        let client = plan(&document, &lead_with(&[("question2", &["12 345"])])).client;
        assert_eq!(client.phone, None);
        assert_eq!(client.email.as_ref().unwrap().as_str(), "olena@example.com");
        assert_eq!(client.create_body().get("phones"), None);
        assert_eq!(client.create_body()["notes"], expected);
    }

    #[test]
    fn a_phone_from_another_question_is_read_too() {
        let document = document_with("/client/fields/phone", json!("{{ answers.second_phone }}"));
        let right = plan(&document, &lead_with(&[("second_phone", &["(050) 111-22-44"])])).client;
        assert_eq!(right.phone.unwrap().e164(), "+380501112244");
        let wrong = plan(&document, &lead_with(&[("second_phone", &["at noon"])])).client;
        assert_eq!(wrong.fields["notes"], json!("Facebook: Screen repair\nPhone: at noon"));
    }

    #[test]
    fn an_email_that_is_none_is_left_out() {
        let client = plan(&document(), &lead_with(&[("email", &["none"])])).client;
        assert_eq!(client.create_body().get("email"), None);
    }

    #[test]
    fn a_lead_that_the_filter_refuses_is_left_out() {
        let planned = Plan::make(&document(), &lead_with(&[("city", &["Львів"])])).unwrap();
        let Planned::Skip { reason: Reason::Filtered, plan: Some(plan) } = planned else { panic!("{planned:?}") };
        assert_eq!(plan.client.fields["first_name"], json!("Олена"));
    }

    #[test]
    fn test_leads_are_left_out_unless_asked_for() {
        let dummy = lead_with(&[("question1", &["<test lead: dummy data for question1>"])]);
        let planned = Plan::make(&document(), &dummy).unwrap();
        assert!(matches!(planned, Planned::Skip { reason: Reason::TestLead, plan: Some(_) }), "{planned:?}");
        let unfilled = document_with("/client/fields/first_name", json!(""));
        let planned = Plan::make(&unfilled, &dummy).unwrap();
        assert_eq!(planned, Planned::Skip { reason: Reason::TestLead, plan: None });
        let planned = Plan::make(&document_with("/test_leads", json!("process")), &dummy).unwrap();
        assert!(matches!(planned, Planned::Go(_)), "{planned:?}");
    }

    #[test]
    fn long_texts_are_cut_and_the_marker_stays_whole() {
        let long = "ї".repeat(5_000);
        let lead = lead_with(&[("long", &[long.as_str()]), ("question2", &["12 345"])]);
        let mut document = document_with("/client/fields/notes", json!("{{ answers.long }}"));
        document.order.as_mut().unwrap().fields.manager_notes = Some(Value::Template("{{ answers.long }}".to_owned()));
        let plan = plan(&document, &lead);
        let notes = plan.client.create_body()["notes"].as_str().unwrap().to_owned();
        assert!(notes.ends_with("ї\nPhone: 12 345") && notes.chars().count() == 2_000, "{notes}");
        let notes = plan.order.unwrap().create_body(1, MARKER)["manager_notes"].as_str().unwrap().to_owned();
        assert!(notes.ends_with(&format!("ї\n{MARKER}")) && notes.chars().count() == 2_000, "{notes}");
    }

    #[test]
    fn a_comment_tells_what_the_order_would_have() {
        let order = plan(&document_with("/order/fields/manager_notes", json!("Call")), &lead()).order.unwrap();
        assert_eq!(order.comment(MARKER), format!("Екран, Батарея\nCall\n{MARKER}"));
        assert_eq!(NewOrder::default().comment(MARKER), MARKER);
    }
}
