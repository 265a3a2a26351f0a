use std::collections::BTreeSet;

use crate::{
    BundleDocument, Form, Value,
    mapping::{names_in_expression, names_in_template},
};

/// A question whose answer a bundle names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedQuestion {
    /// The place in the document, as a JSON pointer.
    pub pointer: String,
    /// The key of the question.
    pub key: String,
}

impl BundleDocument {
    /// The questions that the bundle counts on, as far as its templates name them outright.
    pub fn questions(&self) -> BTreeSet<NamedQuestion> {
        let client = &self.client.fields;
        let mut found = Found(BTreeSet::new());
        if let Some(filter) = &self.filter {
            found.add("/filter", filter, &names_in_expression(filter));
        }
        for field in client.listed() {
            found.value(&format!("/client/fields/{}", field.name), field.value);
        }
        found.custom("/client/fields", &client.custom_fields);
        if let Some(order) = self.order.as_ref().map(|order| &order.fields) {
            for field in order.listed() {
                found.value(&format!("/order/fields/{}", field.name), field.value);
            }
            found.custom("/order/fields", &order.custom_fields);
        }
        found.0
    }
}

impl Form {
    /// Whether the form asks a question with this key, in any case, as templates see it.
    pub fn asks(&self, key: &str) -> bool {
        self.questions.iter().any(|question| question.key.to_lowercase() == key.to_lowercase())
    }
}

struct Found(BTreeSet<NamedQuestion>);

impl Found {
    fn custom<'a>(&mut self, place: &str, fields: impl IntoIterator<Item = (&'a String, &'a Value)>) {
        for (key, value) in fields {
            self.value(&format!("{place}/custom_fields/{key}"), Some(value));
        }
    }

    fn value(&mut self, pointer: &str, value: Option<&Value>) {
        if let Some(Value::Template(text)) = value {
            self.add(pointer, text, &names_in_template(text));
        }
    }

    fn add(&mut self, pointer: &str, source: &str, names: &BTreeSet<String>) {
        let dotted = names.iter().filter_map(|name| {
            let rest = name.strip_prefix("answers.").or_else(|| name.strip_prefix("raw."))?;
            rest.split('.').next().map(str::to_owned)
        });
        let keys = dotted.chain(subscripts(source, "answers")).chain(subscripts(source, "raw"));
        self.0.extend(keys.map(|key| NamedQuestion { pointer: pointer.to_owned(), key }));
    }
}

/// The texts in `name['...']`, which the template engine does not tell. A text with an escaped quote ends there.
fn subscripts(source: &str, name: &str) -> Vec<String> {
    let starts = source.match_indices(name).filter(|(at, _)| {
        let before = source[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
    });
    let keys = starts.filter_map(|(at, _)| {
        let inside = source[at + name.len()..].trim_start().strip_prefix('[')?.trim_start();
        let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (key, rest) = inside[1..].split_once(quote)?;
        rest.trim_start().starts_with(']').then(|| key.to_owned())
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;
    use crate::fixtures::document;

    #[rstest]
    #[case("{{ answers['what_is_broken?'] }}", &["what_is_broken?"])]
    #[case("{{ answers.city }}, {{ raw [ \"model\" ] }}", &["city", "model"])]
    #[case("{% if answers.city %}{{ answers['street'] | upper }}{% endif %}", &["city", "street"])]
    #[case("{{ answers.city.district }}", &["city"])]
    #[case("{{ answers[contact.phone] }}{{ my_answers['x'] }}", &[])]
    #[case("{{ contact.phone }} {{ tracking['utm_source'] }}", &[])]
    #[case("plain", &[])]
    fn named_outright(#[case] template: &str, #[case] keys: &[&str]) {
        let mut document = document();
        document.filter = None;
        let fields = &mut document.client.fields;
        *fields = crate::ClientFields { notes: Some(Value::Template(template.to_owned())), ..Default::default() };
        document.order = None;
        let expected = keys.iter().map(|key| ("/client/fields/notes".to_owned(), (*key).to_owned()));
        let found: Vec<_> = document.questions().into_iter().map(|named| (named.pointer, named.key)).collect();
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn the_filter_counts_too() {
        let mut document = document();
        document.filter = Some("answers.city == 'Київ' or raw['model'] == 'x'".to_owned());
        let keys = document.questions().into_iter().filter(|named| named.pointer == "/filter").map(|named| named.key);
        assert_eq!(keys.collect::<Vec<_>>(), ["city", "model"]);
    }
}
