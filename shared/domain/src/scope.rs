use std::{collections::BTreeMap, fmt, sync::Arc};

use minijinja::{
    Error, ErrorKind, Value,
    value::{Enumerator, Object, ObjectRepr},
};

use crate::{Contact, Lead, Question, TemplateFault, text::cut};

/// The longest answer that a template sees, in bytes.
const LONGEST_ANSWER: usize = 8 * 1024;
/// Functions of the template language, which are not ours to refuse.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

const CONTACT: [&str; 5] = ["first_name", "last_name", "full_name", "phone", "email"];
const LEAD: [&str; 11] = [
    "id",
    "created_at",
    "form_id",
    "form_name",
    "page_id",
    "ad_id",
    "ad_name",
    "adset_name",
    "campaign_name",
    "platform",
    "is_organic",
];

/// What templates can name, for one lead.
pub(crate) fn scope(lead: &Lead, contact: &Contact) -> Value {
    let (tracking, answers): (Vec<_>, Vec<_>) = entries(lead).into_iter().partition(|entry| entry.is_tracking);
    let labels = answers.iter().map(|entry| (entry.name.clone(), entry.labels()));
    let raw = |entries: &[Entry<'_>]| entries.iter().map(|entry| (entry.name.clone(), entry.raw())).collect();
    names([
        ("raw", Value::from_object(Answers { values: raw(&answers), otherwise: "" })),
        ("tracking", Value::from_object(Answers { values: raw(&tracking), otherwise: "" })),
        ("answers", Value::from_object(Answers { values: labels.collect(), otherwise: "" })),
        ("contact", contact_attributes(contact)),
        ("lead", lead_attributes(lead)),
    ])
}

/// The same names with `value` wherever a lead would have one: for trying out a template.
pub(crate) fn sample_scope(value: &'static str) -> Value {
    let answers = || Value::from_object(Answers { values: BTreeMap::new(), otherwise: value });
    let attributes = |names: &[&'static str]| names.iter().map(|name| (*name, Value::from(value))).collect();
    names([
        ("raw", answers()),
        ("tracking", answers()),
        ("answers", answers()),
        ("contact", Value::from_object(Attributes { owner: "contact.", values: attributes(&CONTACT) })),
        ("lead", Value::from_object(Attributes { owner: "lead.", values: attributes(&LEAD) })),
    ])
}

/// Whether a template may use this name: `answers`, `contact.first_name`, `lead.id`.
pub(crate) fn check_name(name: &str) -> Result<(), TemplateFault> {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let attribute = rest.split('.').next().filter(|attribute| !attribute.is_empty());
    let known: &[&str] = match first {
        "contact" => &CONTACT,
        "lead" => &LEAD,
        "answers" | "raw" | "tracking" => return Ok(()),
        _ if FUNCTIONS.contains(&first) => return Ok(()),
        _ => return Err(unknown("", first, &["answers", "raw", "tracking", "contact", "lead"])),
    };
    match attribute {
        Some(attribute) if !known.contains(&attribute) => Err(unknown(&format!("{first}."), attribute, known)),
        _ => Ok(()),
    }
}

fn names(values: [(&'static str, Value); 5]) -> Value {
    Value::from_object(Attributes { owner: "", values: values.into_iter().collect() })
}

fn contact_attributes(contact: &Contact) -> Value {
    let phone = contact.phone.as_ref().map_or("", |phone| phone.e164());
    let email = contact.email.as_ref().map_or("", |email| email.as_str());
    let values = [&contact.first_name, &contact.last_name, &contact.full_name, phone, email];
    let values = CONTACT.into_iter().zip(values.map(|text| Value::from(cut_answer(text))));
    Value::from_object(Attributes { owner: "contact.", values: values.collect() })
}

fn lead_attributes(lead: &Lead) -> Value {
    let text = |text: &Option<String>| Value::from(text.as_deref().unwrap_or_default());
    let values = [
        Value::from(lead.id.as_str()),
        Value::from(lead.created_at.to_string()),
        Value::from(lead.form.id.as_str()),
        Value::from(lead.form.name.as_str()),
        Value::from(lead.page_id.as_str()),
        Value::from(lead.ad_id.as_ref().map_or("", |id| id.as_str())),
        text(&lead.ad_name),
        text(&lead.adset_name),
        text(&lead.campaign_name),
        text(&lead.platform),
        Value::from(lead.is_organic),
    ];
    Value::from_object(Attributes { owner: "lead.", values: LEAD.into_iter().zip(values).collect() })
}

/// What a lead holds under one key.
struct Entry<'a> {
    name: String,
    values: Vec<&'a str>,
    question: Option<&'a Question>,
    is_tracking: bool,
}

fn entries(lead: &Lead) -> Vec<Entry<'_>> {
    let entry = |name: &str| {
        let same = |key: &String| key.to_lowercase() == name.to_lowercase();
        let question = lead.form.questions.iter().find(|question| same(&question.key));
        let declared = lead.form.tracking_keys.iter().any(same) || name.starts_with("utm_");
        Entry {
            name: name.to_owned(),
            values: lead.values(name),
            question,
            is_tracking: declared && question.is_none(),
        }
    };
    lead.answers.iter().map(|answer| entry(&answer.name)).collect()
}

impl Entry<'_> {
    fn raw(&self) -> Value {
        one_or_list(self.values.iter().map(|value| cut_answer(value)).collect())
    }

    fn labels(&self) -> Value {
        let options = self.question.map_or(&[][..], |question| &question.options);
        let label = |value: &&str| {
            let option = options.iter().find(|option| option.key == *value && !option.label.is_empty());
            cut_answer(option.map_or(value, |option| &option.label))
        };
        one_or_list(self.values.iter().map(label).collect())
    }
}

fn one_or_list(mut values: Vec<String>) -> Value {
    match values.len() {
        0 => Value::from(""),
        1 => Value::from(values.remove(0)),
        _ => Value::from_object(Several(values)),
    }
}

fn cut_answer(text: &str) -> String {
    cut(text, LONGEST_ANSWER).to_owned()
}

fn unknown(owner: &str, name: &str, known: &[&str]) -> TemplateFault {
    TemplateFault::UnknownName { name: format!("{owner}{name}"), known: known.join(", ") }
}

/// Answers by key. A key that nobody answered has an empty answer.
#[derive(Debug)]
struct Answers {
    values: BTreeMap<String, Value>,
    otherwise: &'static str,
}

impl Object for Answers {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let in_other_case = || self.values.iter().find(|(name, _)| name.to_lowercase() == key.to_lowercase());
        let found = self.values.get(key).or_else(|| in_other_case().map(|(_, value)| value));
        Some(found.cloned().unwrap_or_else(|| Value::from(self.otherwise)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.keys().map(Value::from).collect())
    }
}

/// A fixed set of names. Any other is an error, so that a misspelt one is noticed.
#[derive(Debug)]
struct Attributes {
    owner: &'static str,
    values: BTreeMap<&'static str, Value>,
}

impl Object for Attributes {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let missing = || match check_name(&format!("{}{name}", self.owner)) {
            Ok(()) => None,
            Err(fault) => Some(Value::from(Error::new(ErrorKind::UndefinedError, "").with_source(fault))),
        };
        self.values.get(name).cloned().or_else(missing)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.keys().copied().map(Value::from).collect())
    }
}

/// The answers of a multiple choice: a list that reads as text with commas.
#[derive(Debug)]
struct Several(Vec<String>);

impl Object for Several {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}
