use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::{
    BundleDocument, ClientDuplicates, ClientMode, Fault, MappingError, MetaId, OnUpdate, OrderDuplicates, OrderMode,
    Value,
    fields::{Field, Kind, is_custom_key},
    filters::is_region,
    mapping::{check_expression, check_template},
};

impl BundleDocument {
    /// What keeps this bundle from working, as far as the document alone tells. Whether its ids exist in RemOnline
    /// is for the caller to ask.
    pub fn problems(&self) -> Vec<MappingError> {
        let mut problems = Problems(Vec::new());
        problems.head(self);
        problems.fields("/client/fields", &self.client.fields.listed(), &self.client.fields.custom_fields);
        problems.client_duplicates(&self.client.duplicates, &self.client.fields.listed());
        if let Some(order) = &self.order {
            problems.fields("/order/fields", &order.fields.listed(), &order.fields.custom_fields);
            problems.order_duplicates(&order.duplicates);
        }
        problems.0
    }
}

/// The JSON Schema of [`BundleDocument`].
pub fn bundle_schema() -> serde_json::Value {
    schemars::schema_for!(BundleDocument).to_value()
}

struct Problems(Vec<MappingError>);

impl Problems {
    fn add(&mut self, pointer: &str, fault: Fault) {
        self.0.push(MappingError::new(pointer, fault));
    }

    fn unless(&mut self, right: bool, pointer: &str, fault: Fault) {
        if !right {
            self.add(pointer, fault);
        }
    }

    fn head(&mut self, document: &BundleDocument) {
        let form = &document.source.form_id;
        let names_form = form == "*" || form.parse::<MetaId>().is_ok();
        let knows_timezone = TimeZone::get(&document.timezone).is_ok();
        self.unless(!document.title.trim().is_empty(), "/title", Fault::Empty);
        self.unless(names_form, "/source/form_id", Fault::NoFormId);
        self.unless(is_region(&document.default_region), "/default_region", Fault::NoCountry);
        self.unless(knows_timezone, "/timezone", Fault::NoTimeZone);
        if let Some(Err(fault)) = document.filter.as_deref().map(check_expression) {
            self.add("/filter", fault.into());
        }
    }

    fn fields(&mut self, place: &str, fields: &[Field<'_>], custom_fields: &BTreeMap<String, Value>) {
        for field in fields {
            self.field(&format!("{place}/{}", field.name), field);
        }
        for (key, value) in custom_fields {
            let pointer = format!("{place}/custom_fields/{}", escaped(key));
            self.unless(is_custom_key(key), &pointer, Fault::NoCustomKey);
            self.template(&pointer, value);
        }
    }

    fn field(&mut self, pointer: &str, field: &Field<'_>) {
        let literal = match field.value {
            None => Some(String::new()),
            Some(Value::Bool(flag)) => Some(flag.to_string()),
            Some(Value::Integer(number)) => Some(number.to_string()),
            Some(Value::Template(text)) => (!is_template(text)).then(|| text.trim().to_owned()),
        };
        match literal {
            Some(text) if text.is_empty() => self.unless(!field.required, pointer, Fault::Required),
            Some(text) => {
                if let Err(fault) = field.kind.read(&text, &TimeZone::UTC) {
                    self.add(pointer, fault);
                }
            }
            None => field.value.into_iter().for_each(|value| self.template(pointer, value)),
        }
    }

    fn template(&mut self, pointer: &str, value: &Value) {
        if let Value::Template(text) = value
            && let Err(fault) = check_template(text)
        {
            self.add(pointer, fault.into());
        }
    }

    fn client_duplicates(&mut self, rules: &ClientDuplicates, fields: &[Field<'_>]) {
        let place = "/client/duplicates";
        let needs_keys = rules.mode != ClientMode::CreateAlways;
        let repeated = (1..rules.match_on.len()).any(|at| rules.match_on[..at].contains(&rules.match_on[at]));
        let match_on = format!("{place}/match_on");
        self.unless(!needs_keys || !rules.match_on.is_empty(), &match_on, Fault::NoClientKey);
        self.unless(!repeated, &match_on, Fault::RepeatedKey);
        for (name, rule) in &rules.on_update {
            let kind = fields.iter().find(|field| field.name == name).map(|field| field.kind);
            let kind = kind.or_else(|| is_custom_key(name).then_some(Kind::Text));
            let appends_text = *rule != OnUpdate::Append || matches!(kind, Some(Kind::Text | Kind::Phone) | None);
            let pointer = format!("{place}/on_update/{}", escaped(name));
            self.unless(kind.is_some(), &pointer, Fault::NoClientField);
            self.unless(appends_text, &pointer, Fault::NotAppendable);
        }
    }

    fn order_duplicates(&mut self, rules: &OrderDuplicates) {
        let place = "/order/duplicates";
        let needs_keys = rules.mode != OrderMode::CreateAlways;
        let named = !needs_keys || !rules.match_on.is_empty();
        let repeated = rules.match_on.len() > 1;
        let in_range = rules.within_days.is_none_or(|days| (1..=3650).contains(&days));
        self.unless(named, &format!("{place}/match_on"), Fault::NoOrderKey);
        self.unless(!repeated, &format!("{place}/match_on"), Fault::RepeatedKey);
        self.unless(in_range, &format!("{place}/within_days"), Fault::NoDays);
    }
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|opening| text.contains(opening))
}

/// A key as it stands in a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::fixtures::{document, document_json, document_with, replaced};

    #[test]
    fn the_example_of_the_interface_is_right() {
        assert_eq!(document().problems(), []);
        assert_eq!(serde_json::to_value(document()).unwrap(), document_json());
    }

    #[test]
    fn what_may_be_left_out_has_a_default() {
        let least = json!({
            "title": "t",
            "source": {"connection": "fb", "form_id": "*"},
            "client": {"connection": "shop", "fields": {"first_name": "{{ contact.full_name }}"}},
            "order": {"fields": {"branch_id": "15001", "order_type_id": "{{ 21001 }}"}}
        });
        let document: BundleDocument = serde_json::from_value(least).unwrap();
        assert_eq!(document.problems(), []);
        assert_eq!((document.default_region.as_str(), document.timezone.as_str()), ("UA", "UTC"));
        assert_eq!(document.client.duplicates, ClientDuplicates::default());
    }

    #[rstest]
    #[case("")]
    #[case("/source")]
    #[case("/client")]
    #[case("/client/fields")]
    #[case("/client/duplicates")]
    #[case("/order")]
    #[case("/order/fields")]
    #[case("/order/duplicates")]
    fn unknown_keys_are_refused(#[case] place: &str) {
        let misspelt = replaced(document_json(), &format!("{place}/titel"), json!("x"));
        let error = serde_json::from_value::<BundleDocument>(misspelt).unwrap_err().to_string();
        assert!(error.contains("unknown field `titel`"), "{error}");
    }

    #[rstest]
    #[case("/client/fields/ad_campaign_id", json!(7.5), "expected a text, a whole number, true or false")]
    #[case("/client/duplicates/mode", json!("merge"), "unknown variant `merge`")]
    #[case("/source/connection", json!("Main page"), "an id has 1 to 40 characters")]
    fn values_of_another_type_are_refused(#[case] pointer: &str, #[case] value: Json, #[case] part: &str) {
        let error = serde_json::from_value::<BundleDocument>(replaced(document_json(), pointer, value)).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }

    #[rstest]
    #[case("/title", json!(" "), "not be empty")]
    #[case("/source/form_id", json!("form"), "1 to 20 digits")]
    #[case("/filter", json!("answers.city ="), "syntax error")]
    #[case("/filter", json!("contact.frist_name"), "no `contact.frist_name`")]
    #[case("/default_region", json!("Ukraine"), "a country")]
    #[case("/timezone", json!("Kyiv"), "a time zone")]
    #[case("/client/fields/first_name", Json::Null, "required")]
    #[case("/client/fields/first_name", json!("  "), "required")]
    #[case("/client/fields/phone", json!("{{ contact.phon }}"), "no `contact.phon`")]
    #[case("/client/fields/notes", json!("{{ answers.x | shout }}"), "unknown filter")]
    #[case("/client/fields/ad_campaign_id", json!(0), "number of something")]
    #[case("/client/fields/ad_campaign_id", json!("seven"), "number of something")]
    #[case("/client/fields/ad_campaign_id", json!(true), "number of something")]
    #[case("/client/fields/supplier", json!("maybe"), "true or false")]
    #[case("/client/fields/birthday", json!("31/03/1990"), "a date")]
    #[case("/client/fields/custom_fields/f5001", json!("{{ answers['x' }}"), "syntax error")]
    #[case("/client/fields/custom_fields/5001", json!("x"), "such as f5001")]
    #[case("/client/fields/custom_fields/fx", json!("x"), "such as f5001")]
    #[case("/client/duplicates/match_on", json!([]), "phone, email or both")]
    #[case("/client/duplicates/match_on", json!(["phone", "phone"]), "each key once")]
    #[case("/client/duplicates/on_update/name", json!("keep"), "no field of a client")]
    #[case("/client/duplicates/on_update/manager_id", json!("append"), "cannot be appended")]
    #[case("/client/duplicates/on_update/email", json!("append"), "cannot be appended")]
    #[case("/order/fields/branch_id", json!(-5), "number of something")]
    #[case("/order/fields/order_type_id", json!(""), "required")]
    #[case("/order/fields/due_date", json!("soon"), "date and time")]
    #[case("/order/fields/custom_fields/f", json!(1), "such as f5001")]
    #[case("/order/duplicates/match_on", json!([]), "must name client_id")]
    #[case("/order/duplicates/within_days", json!(0), "1 to 3650")]
    fn problems_are_found_where_they_are(#[case] pointer: &str, #[case] value: Json, #[case] part: &str) {
        let problems = document_with(pointer, value).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].pointer, pointer);
        assert!(problems[0].fault.to_string().contains(part), "{problems:?}");
    }

    #[test]
    fn odd_keys_are_escaped() {
        let mut document = document();
        document.client.fields.custom_fields.insert("a/b~c".to_owned(), Value::Integer(1));
        assert_eq!(document.problems()[0].pointer, "/client/fields/custom_fields/a~1b~0c");
    }

    #[rstest]
    #[case("/client/duplicates", json!({"mode": "create_always", "match_on": []}))]
    #[case("/order/duplicates", json!({"mode": "create_always", "match_on": []}))]
    #[case("/client/duplicates/on_update/phone", json!("append"))]
    #[case("/client/duplicates/on_update/f5001", json!("append"))]
    #[case("/client/fields/supplier", json!("так"))]
    #[case("/order/fields/branch_id", json!("{% if answers.x %}15001{% else %}15002{% endif %}"))]
    fn what_is_right_is_let_through(#[case] pointer: &str, #[case] value: Json) {
        assert_eq!(document_with(pointer, value).problems(), []);
    }

    #[test]
    fn the_schema_is_published_as_it_is() {
        insta::assert_json_snapshot!("bundle_schema", bundle_schema());
    }
}
