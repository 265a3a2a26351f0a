//! Texts that are chosen before it is known who reads them. The words are in `locales`.

use domain::{Fault, MatchDoubt, MatchKey, State, TemplateError, TemplateFault};
use fluent_bundle::FluentArgs;

use crate::explain::Language;

/// A text for whatever reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// A message of `locales` and what is filled in.
    Message {
        /// Its name there.
        id: &'static str,
        /// What is filled in, by name.
        values: Vec<(&'static str, Text)>,
    },
    /// Words that are in the reader's language already, or are somebody else's.
    Words(String),
}

/// The message of this name in `locales`. A test reads the names that code gives here.
pub(crate) fn text(id: &'static str) -> Text {
    Text::Message { id, values: Vec::new() }
}

impl Text {
    /// The same with something filled in.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts alike, without an ampersand each")]
    pub(crate) fn with(self, name: &'static str, value: impl ToString) -> Self {
        self.with_text(name, Self::Words(value.to_string()))
    }

    /// The same with another text filled in.
    pub(crate) fn with_text(mut self, name: &'static str, value: Self) -> Self {
        if let Self::Message { values, .. } = &mut self {
            values.push((name, value));
        }
        self
    }
}

impl Language {
    /// The text in this language. One that is missing shows its name; the tests look for such.
    pub(crate) fn tell(self, text: &Text) -> String {
        match text {
            Text::Words(words) => words.clone(),
            Text::Message { id, values } => {
                let values = values.iter().map(|(name, value)| (*name, self.tell(value)));
                self.line(id, Some(&FluentArgs::from_iter(values))).unwrap_or_else(|| (*id).to_owned())
            }
        }
    }
}

impl From<&Fault> for Text {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Empty => text("fault-empty"),
            Fault::Required => text("fault-required"),
            Fault::CameOutEmpty => text("fault-came-out-empty"),
            Fault::NoFormId => text("fault-form-id"),
            Fault::NoCountry => text("fault-country"),
            Fault::NoTimeZone => text("fault-time-zone"),
            Fault::NoCustomKey => text("fault-custom-key"),
            Fault::NoNumber => text("fault-number"),
            Fault::NoFlag => text("fault-flag"),
            Fault::NoMoment => text("fault-moment"),
            Fault::NoDate => text("fault-date"),
            Fault::NoClientKey => text("fault-client-key"),
            Fault::NoOrderKey => text("fault-order-key"),
            Fault::RepeatedKey => text("fault-repeated-key"),
            Fault::NoClientField => text("fault-client-field"),
            Fault::NotAppendable => text("fault-not-appendable"),
            Fault::NoDays => text("fault-days"),
            Fault::Template(error) => error.into(),
        }
    }
}

impl From<&TemplateError> for Text {
    fn from(TemplateError { place, fault }: &TemplateError) -> Self {
        match place {
            Some(place) => {
                let placed = text("template-at").with("line", place.line).with("column", place.column);
                placed.with_text("fault", fault.into())
            }
            None => fault.into(),
        }
    }
}

impl From<&TemplateFault> for Text {
    fn from(fault: &TemplateFault) -> Self {
        match fault {
            TemplateFault::Syntax(words) => text("template-syntax").with("words", words),
            TemplateFault::UnknownName { name, known } => {
                text("template-unknown-name").with("name", name).with("known", known)
            }
            TemplateFault::TooMuch => text("template-too-much"),
            TemplateFault::PhoneRegion => text("template-phone-region"),
            TemplateFault::DateTimeZone => text("template-date-time-zone"),
            TemplateFault::DateFormat => text("template-date-format"),
            TemplateFault::DateInput => text("template-date-input"),
            TemplateFault::ChoiceMap => text("template-choice-map"),
            TemplateFault::Engine(words) => text("template-engine").with("words", words),
        }
    }
}

impl From<&MatchDoubt> for Text {
    fn from(doubt: &MatchDoubt) -> Self {
        let list = |ids: &[i64]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match doubt {
            MatchDoubt::Several { ids } => text("doubt-several").with("ids", list(ids)),
            MatchDoubt::Disagreement { chosen, key, ids } => {
                let told = match key {
                    MatchKey::Phone => text("doubt-by-phone"),
                    MatchKey::Email => text("doubt-by-email"),
                };
                told.with("chosen", chosen).with("ids", list(ids))
            }
        }
    }
}

impl From<State> for Text {
    fn from(state: State) -> Self {
        match state {
            State::Received => text("state-received"),
            State::Running => text("state-running"),
            State::Waiting => text("state-waiting"),
            State::Parked => text("state-parked"),
            State::Review => text("state-review"),
            State::Skipped => text("state-skipped"),
            State::Done => text("state-done"),
            State::Erased => text("state-erased"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use domain::{BundleDocument, Place};
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;
    use crate::explain::LANGUAGES;

    /// The names that code gives to [`text`], and pages to `reader.say`.
    fn named(directory: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                named(&path, names);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap_or_default();
            for call in ["text(\"", ".say(\"", "say_with(\""] {
                let after = source.split(call).skip(1);
                names.extend(after.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()));
            }
        }
    }

    #[test]
    fn every_text_that_is_named_is_there() {
        let mut names = BTreeSet::new();
        for part in ["src", "templates"] {
            named(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &mut names);
        }
        names.retain(|name| {
            name.contains('-') && name.chars().all(|c| c.is_ascii_lowercase() || "-_0123456789".contains(c))
        });
        assert!(names.len() > 200, "only {} names were found", names.len());
        let missing = names.iter().filter(|name| Language::English.line(name, None).is_none());
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn a_fault_is_told_in_every_language() {
        let document: BundleDocument = serde_json::from_value(json!({
            "title": "Screens", "source": {"connection": "page", "form_id": "*"},
            "client": {"connection": "shop", "fields": {"first_name": "{{ contact.naem }}"}},
        }))
        .unwrap();
        let fault = &document.problems()[0].fault;
        let told = LANGUAGES.iter().map(|language| language.tell(&fault.into())).collect::<Vec<_>>();
        let known = "first_name, last_name, full_name, phone, email";
        let expected = [
            format!("рядок 1, знак 4: `contact.naem` немає; є {known}"),
            format!("строка 1, знак 4: `contact.naem` нет; есть {known}"),
            format!("line 1, column 4: there is no `contact.naem`; known are {known}"),
        ];
        assert_eq!(told, expected);
        assert_eq!(told[2], fault.to_string());
    }

    #[test]
    fn braces_are_told_as_they_are() {
        let error = TemplateError { place: Some(Place { line: 1, column: 2 }), fault: TemplateFault::ChoiceMap };
        assert_eq!(Language::English.tell(&Text::from(&error)), error.to_string());
    }
}
