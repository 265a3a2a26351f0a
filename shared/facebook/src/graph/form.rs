use domain::{Form, MetaId, Question, QuestionOption};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Graph, GraphError, wire};

/// Most calls made for one list of forms: enough for 2,000 forms.
const MAX_CALLS: usize = 40;

const FIELDS: &str = "id,name,status,questions,tracking_parameters";

/// A lead in the list of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLead {
    /// The lead's id.
    pub id: MetaId,
    /// When the person sent the form.
    pub created_at: Timestamp,
}

/// A part of the list of a form's leads. It may be empty and still have a next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadPage {
    /// The leads, in no documented order.
    pub leads: Vec<ListedLead>,
    /// Where to go on, none at the end. Not to be kept: Meta's cursors do not last.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct WireForm {
    id: wire::Id,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    questions: Vec<WireQuestion>,
    tracking_parameters: Option<Tracking>,
}

#[derive(Deserialize)]
struct WireQuestion {
    key: Option<String>,
    label: Option<String>,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    options: Vec<WireOption>,
}

#[derive(Deserialize)]
struct WireOption {
    key: String,
    value: Option<String>,
}

/// Written as an object, read back as a list: both are taken.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tracking {
    List(Vec<TrackingParameter>),
    Object(Map<String, Value>),
}

#[derive(Deserialize)]
struct TrackingParameter {
    key: String,
}

#[derive(Deserialize)]
struct WireListedLead {
    id: wire::Id,
    #[serde(deserialize_with = "wire::time")]
    created_time: Timestamp,
}

impl Graph {
    /// Reads one form with its questions.
    /// Source: Meta, Graph API reference, Lead Gen Form (`GET /{form_id}`).
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn form(&self, token: &SecretString, id: &MetaId) -> Result<Form, GraphError> {
        self.get::<WireForm>(token, id.as_str(), &[("fields", FIELDS)]).await.map(Form::from)
    }

    /// Reads the forms of a page, archived ones included, since they keep their leads.
    /// Source: Meta, Graph API reference, Page `leadgen_forms`.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn forms(&self, token: &SecretString, page_id: &MetaId) -> Result<Vec<Form>, GraphError> {
        let path = format!("{page_id}/leadgen_forms");
        let (mut forms, mut after) = (Vec::new(), None);
        for _ in 0..MAX_CALLS {
            let list = self.list::<WireForm>(token, &path, &[("fields", FIELDS)], 50, after.as_deref()).await?;
            after = list.next_cursor();
            forms.extend(list.data.into_iter().map(Form::from));
            if after.is_none() {
                return Ok(forms);
            }
        }
        tracing::warn!(%page_id, forms = forms.len(), "the page has more forms than are read");
        Ok(forms)
    }

    /// Reads a part of the list of a form's leads created after `since`, from the cursor `after` on.
    /// Source: Meta, Marketing API, Lead Ads, "Retrieving", "Read multiple" (`GET /{form_id}/leads`).
    ///
    /// # Errors
    /// Any [`GraphError`]; a lead without its time is a [`GraphError::Bug`].
    pub async fn form_leads(
        &self,
        token: &SecretString,
        form_id: &MetaId,
        since: Option<Timestamp>,
        after: Option<&str>,
    ) -> Result<LeadPage, GraphError> {
        let filter = |since: Timestamp| {
            json!([{"field": "time_created", "operator": "GREATER_THAN", "value": since.as_second()}]).to_string()
        };
        let filter = since.map(filter);
        let mut query = vec![("fields", "id,created_time")];
        query.extend(filter.as_deref().map(|filter| ("filtering", filter)));
        let list = self.list::<WireListedLead>(token, &format!("{form_id}/leads"), &query, 100, after).await?;
        let next = list.next_cursor();
        let leads = list.data.into_iter().map(|lead| ListedLead { id: lead.id.0, created_at: lead.created_time });
        Ok(LeadPage { leads: leads.collect(), next })
    }
}

impl From<WireForm> for Form {
    fn from(wire: WireForm) -> Self {
        let tracking_keys = match wire.tracking_parameters {
            Some(Tracking::List(parameters)) => parameters.into_iter().map(|parameter| parameter.key).collect(),
            Some(Tracking::Object(parameters)) => parameters.into_iter().map(|(key, _)| key).collect(),
            None => Vec::new(),
        };
        let questions = wire.questions.into_iter().filter_map(WireQuestion::into_question).collect();
        Self { id: wire.id.0, name: wire.name, status: wire.status, questions, tracking_keys }
    }
}

impl WireQuestion {
    /// A question without a key has no answers.
    fn into_question(self) -> Option<Question> {
        let key = self.key?;
        let label = self.label.unwrap_or_else(|| key.clone());
        let options = self.options.into_iter().map(WireOption::into_option).collect();
        Some(Question { key, label, kind: self.kind, options })
    }
}

impl WireOption {
    fn into_option(self) -> QuestionOption {
        let label = self.value.unwrap_or_else(|| self.key.clone());
        QuestionOption { key: self.key, label }
    }
}
