use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::{
    BundleDocument, ClientDuplicates, ClientMode, MappingError, MetaId, OnUpdate, OrderDuplicates, OrderMode, Value,
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
    fn add(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(MappingError::new(pointer, detail));
    }

    fn unless(&mut self, right: bool, pointer: &str, detail: &str) {
        if !right {
            self.add(pointer, detail);
        }
    }

    fn head(&mut self, document: &BundleDocument) {
        let form = &document.source.form_id;
        let names_form = form == "*" || form.parse::<MetaId>().is_ok();
        let knows_timezone = TimeZone::get(&document.timezone).is_ok();
        self.unless(!document.title.trim().is_empty(), "/title", "must not be empty");
        self.unless(names_form, "/source/form_id", "must be the id of a form, 1 to 20 digits, or *");
        self.unless(is_region(&document.default_region), "/default_region", "must be a country such as UA");
        self.unless(knows_timezone, "/timezone", "must be a time zone such as Europe/Kyiv");
        if let Some(Err(fault)) = document.filter.as_deref().map(check_expression) {
            self.add("/filter", fault.0);
        }
    }

    fn fields(&mut self, place: &str, fields: &[Field<'_>], custom_fields: &BTreeMap<String, Value>) {
        for field in fields {
            self.field(&format!("{place}/{}", field.name), field);
        }
        for (key, value) in custom_fields {
            let pointer = format!("{place}/custom_fields/{}", escaped(key));
            self.unless(is_custom_key(key), &pointer, "must be named f and the field's number, such as f5001");
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
            Some(text) if text.is_empty() => self.unless(!field.required, pointer, "is required; fill it in"),
            Some(text) => {
                if let Err(what) = field.kind.read(&text, &TimeZone::UTC) {
                    self.add(pointer, what);
                }
            }
            None => field.value.into_iter().for_each(|value| self.template(pointer, value)),
        }
    }

    fn template(&mut self, pointer: &str, value: &Value) {
        if let Value::Template(text) = value
            && let Err(fault) = check_template(text)
        {
            self.add(pointer, fault.0);
        }
    }

    fn client_duplicates(&mut self, rules: &ClientDuplicates, fields: &[Field<'_>]) {
        let place = "/client/duplicates";
        let needs_keys = rules.mode != ClientMode::CreateAlways;
        let repeated = (1..rules.match_on.len()).any(|at| rules.match_on[..at].contains(&rules.match_on[at]));
        let match_on = format!("{place}/match_on");
        self.unless(!needs_keys || !rules.match_on.is_empty(), &match_on, "must name phone, email or both");
        self.unless(!repeated, &match_on, "must name each key once");
        for (name, rule) in &rules.on_update {
            let kind = fields.iter().find(|field| field.name == name).map(|field| field.kind);
            let kind = kind.or_else(|| is_custom_key(name).then_some(Kind::Text));
            let appends_text = *rule != OnUpdate::Append || matches!(kind, Some(Kind::Text | Kind::Phone) | None);
            let pointer = format!("{place}/on_update/{}", escaped(name));
            self.unless(kind.is_some(), &pointer, "is no field of a client; custom fields are named such as f5001");
            self.unless(appends_text, &pointer, "cannot be appended to; only texts can");
        }
    }

    fn order_duplicates(&mut self, rules: &OrderDuplicates) {
        let place = "/order/duplicates";
        let needs_keys = rules.mode != OrderMode::CreateAlways;
        let named = !needs_keys || !rules.match_on.is_empty();
        let repeated = rules.match_on.len() > 1;
        let in_range = rules.within_days.is_none_or(|days| (1..=3650).contains(&days));
        self.unless(named, &format!("{place}/match_on"), "must name client_id");
        self.unless(!repeated, &format!("{place}/match_on"), "must name each key once");
        self.unless(in_range, &format!("{place}/within_days"), "must be 1 to 3650 days");
    }
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|opening| text.contains(opening))
}

/// A key as it stands in a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
