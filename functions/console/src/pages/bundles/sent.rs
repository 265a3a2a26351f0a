//! What a person filled in, as a bundle document: field names like `client.fields.phone` are places in it.

use serde_json::{Map, Value, json};

use super::fields::{CLIENT, Input, ORDER};

/// What a drop-down sends where the text beside it counts.
pub(super) const TEXT: &str = "=";

/// The fields of a form that was sent.
#[derive(Debug)]
pub(super) struct Sent(pub(super) Vec<(String, String)>);

impl Sent {
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.trim()).unwrap_or_default()
    }

    fn is_checked(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// The document. What cannot work is in it too: the check names it.
    pub(super) fn document(&self) -> Map<String, Value> {
        let mut document = json!({
            "title": self.text("title"),
            "source": {"connection": self.text("source.connection"), "form_id": self.text("source.form_id")},
            "test_leads": self.text("test_leads"),
            "client": {
                "connection": self.text("client.connection"),
                "fields": self.fields("client", &CLIENT),
                "duplicates": self.client_duplicates(),
            },
        });
        for name in ["filter", "default_region", "timezone"] {
            if !self.text(name).is_empty() {
                document[name] = self.text(name).into();
            }
        }
        if self.is_checked("order") {
            document["order"] = json!({"fields": self.fields("order", &ORDER), "duplicates": self.order_duplicates()});
        }
        if let Value::Object(document) = document { document } else { Map::new() }
    }

    fn fields(&self, part: &str, listed: &[(&str, Input)]) -> Value {
        let value =
            |name: &str, input: Input| Some((name.to_owned(), self.value(&format!("{part}.fields.{name}"), input)?));
        let mut fields: Map<_, _> = listed.iter().filter_map(|(name, input)| value(name, *input)).collect();
        let place = format!("{part}.fields.custom_fields.");
        let custom =
            self.0.iter().filter_map(|(name, _)| name.strip_prefix(&place)).filter(|key| !key.ends_with(".text"));
        let custom: Map<_, _> = custom
            .filter_map(|key| Some((key.to_owned(), self.value(&format!("{place}{key}"), Input::Answer)?)))
            .collect();
        if !custom.is_empty() {
            fields.insert("custom_fields".to_owned(), Value::Object(custom));
        }
        Value::Object(fields)
    }

    /// What is to stand in a field; nothing where nothing was chosen.
    fn value(&self, name: &str, input: Input) -> Option<Value> {
        let chosen = match self.text(name) {
            TEXT => self.text(&format!("{name}.text")),
            chosen => chosen,
        };
        let value = match (input, chosen) {
            (_, "") => return None,
            (Input::Choice(_), number) => number.parse::<i64>().map_or_else(|_| number.into(), Value::from),
            (Input::Flag, "true") => true.into(),
            (Input::Flag, "false") => false.into(),
            (_, text) => text.into(),
        };
        Some(value)
    }

    fn client_duplicates(&self) -> Value {
        let place = "client.duplicates.on_update.";
        let changed = self.0.iter().filter(|(name, value)| name.starts_with(place) && value != "overwrite");
        let on_update: Map<_, _> =
            changed.map(|(name, value)| (name[place.len()..].to_owned(), value.as_str().into())).collect();
        let keys = ["phone", "email"].into_iter();
        let keys: Vec<_> = keys.filter(|key| self.is_checked(&format!("client.duplicates.match_on.{key}"))).collect();
        json!({
            "match_on": keys,
            "match": self.text("client.duplicates.match"),
            "mode": self.text("client.duplicates.mode"),
            "on_update": on_update,
        })
    }

    fn order_duplicates(&self) -> Value {
        let mut duplicates = json!({
            "mode": self.text("order.duplicates.mode"),
            "only_open": self.is_checked("order.duplicates.only_open"),
            "when_found": self.text("order.duplicates.when_found"),
        });
        let days = self.text("order.duplicates.within_days");
        if !days.is_empty() {
            duplicates["within_days"] = days.parse::<i64>().map_or_else(|_| days.into(), Value::from);
        }
        duplicates
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn document(fields: &[(&str, &str)]) -> Value {
        let owned = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Value::Object(Sent(owned.collect()).document())
    }

    #[test]
    fn a_form_becomes_a_document() {
        let sent = document(&[
            ("title", "Screens"),
            ("source.connection", "page"),
            ("source.form_id", "700"),
            ("test_leads", "skip"),
            ("client.connection", "shop"),
            ("client.fields.first_name", "{{ contact.first_name }}"),
            ("client.fields.first_name.text", "not chosen"),
            ("client.fields.notes", TEXT),
            ("client.fields.notes.text", "From Facebook"),
            ("client.fields.phone", ""),
            ("client.fields.supplier", "false"),
            ("client.fields.custom_fields.f5001", TEXT),
            ("client.fields.custom_fields.f5001.text", "x"),
            ("client.duplicates.match_on.phone", "on"),
            ("client.duplicates.match", "any"),
            ("client.duplicates.mode", "update_or_create"),
            ("client.duplicates.on_update.notes", "append"),
            ("client.duplicates.on_update.first_name", "overwrite"),
            ("order", "on"),
            ("order.fields.branch_id", "15001"),
            ("order.fields.order_type_id", TEXT),
            ("order.fields.order_type_id.text", "{{ answers.type }}"),
            ("order.duplicates.mode", "create_if_missing"),
            ("order.duplicates.within_days", "30"),
            ("order.duplicates.when_found", "comment"),
        ]);
        let expected = json!({
            "title": "Screens", "test_leads": "skip", "source": {"connection": "page", "form_id": "700"},
            "client": {
                "connection": "shop",
                "fields": {"first_name": "{{ contact.first_name }}", "notes": "From Facebook", "supplier": false,
                    "custom_fields": {"f5001": "x"}},
                "duplicates": {"match_on": ["phone"], "match": "any", "mode": "update_or_create",
                    "on_update": {"notes": "append"}},
            },
            "order": {
                "fields": {"branch_id": 15001, "order_type_id": "{{ answers.type }}"},
                "duplicates": {"mode": "create_if_missing", "only_open": false, "within_days": 30, "when_found": "comment"},
            },
        });
        assert_eq!(sent, expected);
    }

    #[test]
    fn without_an_order_there_is_none() {
        assert_eq!(document(&[("order.fields.branch_id", "15001")]).get("order"), None);
    }
}
