use serde_json::{Value, json};

/// An Instant Form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its id; none takes the next of a sequence.
    pub id: Option<String>,
    /// Name that the advertiser sees.
    pub name: String,
    /// `ACTIVE`, `ARCHIVED`, `DELETED` or `DRAFT`.
    pub status: String,
    /// Such as `uk_UA`.
    pub locale: String,
    /// What is asked, in order.
    pub questions: Vec<Question>,
    /// Key and value pairs that come with every lead.
    pub tracking_parameters: Vec<(String, String)>,
    /// Consent texts as the API shows them.
    pub legal_content: Option<Value>,
}

impl Form {
    /// An active Ukrainian form.
    pub fn new(name: &str, questions: impl IntoIterator<Item = Question>) -> Self {
        Self {
            id: None,
            name: name.to_owned(),
            status: "ACTIVE".to_owned(),
            locale: "uk_UA".to_owned(),
            questions: questions.into_iter().collect(),
            tracking_parameters: Vec::new(),
            legal_content: None,
        }
    }

    /// The same with a chosen id.
    #[must_use]
    pub fn id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// The same with one more tracking parameter.
    #[must_use]
    pub fn tracking(mut self, key: &str, value: &str) -> Self {
        self.tracking_parameters.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn tracking_shown(&self) -> Vec<Value> {
        pairs(&self.tracking_parameters)
    }

    /// The questions, each with an id made of the form's.
    pub(super) fn questions_shown(&self, form_id: &str) -> Vec<Value> {
        let shown = |(index, question): (usize, &Question)| {
            let mut shown = json!({
                "id": format!("71{}{:02}", form_id.get(2..).unwrap_or_default(), index + 1),
                "key": question.key, "label": question.label, "type": question.kind,
            });
            if !question.options.is_empty() {
                shown["options"] = pairs(&question.options).into();
            }
            shown
        };
        self.questions.iter().enumerate().map(shown).collect()
    }
}

fn pairs(pairs: &[(String, String)]) -> Vec<Value> {
    pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// A question of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Name of its answer in `field_data`.
    pub key: String,
    /// What people read.
    pub label: String,
    /// Meta's type, such as `PHONE` or `CUSTOM`.
    pub kind: String,
    /// Key and label of each choice; none for a free answer.
    pub options: Vec<(String, String)>,
}

impl Question {
    /// A question without choices.
    pub fn new(kind: &str, key: &str, label: &str) -> Self {
        Self { key: key.to_owned(), label: label.to_owned(), kind: kind.to_owned(), options: Vec::new() }
    }

    /// A custom question with choices, each a key and a label.
    pub fn choice<'a>(key: &str, label: &str, options: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let options = options.into_iter().map(|(key, label)| (key.to_owned(), label.to_owned()));
        Self { options: options.collect(), ..Self::new("CUSTOM", key, label) }
    }

    /// What Meta's test tool fills in.
    pub(super) fn dummy_answer(&self) -> String {
        match self.kind.as_str() {
            "EMAIL" => "test@meta.com".to_owned(),
            _ => format!("<test lead: dummy data for {}>", self.key),
        }
    }
}
