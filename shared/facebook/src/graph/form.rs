use domain::{Form, MetaId, Question, QuestionOption};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{Graph, GraphError, wire};

/// Most calls made for one list of forms: enough for 2,000 forms.
const MAX_CALLS: usize = 40;

const FIELDS: &str = "id,name,status,questions,tracking_parameters";

/// A form in the list of a page, without its questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedForm {
    /// The form's id.
    pub id: MetaId,
    /// `ACTIVE`, `ARCHIVED`, `DELETED`, `DRAFT`, empty when Meta did not say.
    pub status: String,
    /// How many leads it ever had. It may lag, so it is a hint and no proof.
    pub leads_count: Option<u64>,
}

/// When leads were created. Meta compares whole seconds, and neither bound itself is within.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Created {
    /// Later than this.
    pub after: Option<Timestamp>,
    /// Earlier than this.
    pub before: Option<Timestamp>,
}

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
struct WireListedForm {
    id: wire::Id,
    #[serde(default)]
    status: String,
    leads_count: Option<u64>,
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
        let forms = self.all_forms::<WireForm>(token, page_id, FIELDS).await?;
        Ok(forms.into_iter().map(Form::from).collect())
    }

    /// Reads how many leads each form of a page has, archived forms included.
    /// Source: Meta, Graph API reference, Page `leadgen_forms`.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn listed_forms(&self, token: &SecretString, page_id: &MetaId) -> Result<Vec<ListedForm>, GraphError> {
        let forms = self.all_forms::<WireListedForm>(token, page_id, "id,status,leads_count").await?;
        let form =
            |form: WireListedForm| ListedForm { id: form.id.0, status: form.status, leads_count: form.leads_count };
        Ok(forms.into_iter().map(form).collect())
    }

    async fn all_forms<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        page_id: &MetaId,
        fields: &str,
    ) -> Result<Vec<T>, GraphError> {
        let path = format!("{page_id}/leadgen_forms");
        let (mut forms, mut after) = (Vec::new(), None);
        for _ in 0..MAX_CALLS {
            let list = self.list::<T>(token, &path, &[("fields", fields)], 50, after.as_deref()).await?;
            after = list.next_cursor();
            forms.extend(list.data);
            if after.is_none() {
                return Ok(forms);
            }
        }
        tracing::warn!(%page_id, forms = forms.len(), "the page has more forms than are read");
        Ok(forms)
    }

    /// Reads a part of the list of a form's leads, from the cursor `after` on.
    /// Source: Meta, Marketing API, Lead Ads, "Retrieving", "Read multiple" (`GET /{form_id}/leads`).
    ///
    /// # Errors
    /// Any [`GraphError`]; a lead without its time is a [`GraphError::Bug`].
    pub async fn form_leads(
        &self,
        token: &SecretString,
        form_id: &MetaId,
        created: Created,
        after: Option<&str>,
    ) -> Result<LeadPage, GraphError> {
        let filter = created.filter();
        let mut query = vec![("fields", "id,created_time")];
        query.extend(filter.as_deref().map(|filter| ("filtering", filter)));
        let list = self.list::<WireListedLead>(token, &format!("{form_id}/leads"), &query, 100, after).await?;
        let next = list.next_cursor();
        let leads = list.data.into_iter().map(|lead| ListedLead { id: lead.id.0, created_at: lead.created_time });
        Ok(LeadPage { leads: leads.collect(), next })
    }
}

impl Created {
    /// The `filtering` parameter; `None` for all leads.
    fn filter(self) -> Option<String> {
        let bound = |operator: &str, at: Timestamp| json!({"field": "time_created", "operator": operator, "value": at.as_second()});
        let after = self.after.map(|at| bound("GREATER_THAN", at));
        let bounds = after.into_iter().chain(self.before.map(|at| bound("LESS_THAN", at)));
        let bounds = bounds.collect::<Vec<_>>();
        (!bounds.is_empty()).then(|| Value::Array(bounds).to_string())
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
