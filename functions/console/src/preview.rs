//! What a bundle would do with a lead: the plan and the decisions, with real look-ups and nothing written.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use domain::{Answer, Bundle, Form, Lead, MappingError, MetaId, Plan, Planned, Slug, TransactionId};
use facebook::graph::GraphError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    app::{App, not_remonline},
    bundles, connections,
    explain::Language,
    failure::graph_problem,
    lookup::Look,
    problem::{FieldError, FieldFault, PROBLEM_JSON, Problem, ProblemDetails},
    request::{Body, Ids},
    text::text,
};

/// The lead to try a bundle on: either of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sample {
    /// Question key to answer.
    #[schema(value_type = Option<Object>, example = json!({"full_name": "Olena Koval"}))]
    answers: Option<BTreeMap<String, Answered>>,
    /// A lead that Meta has, Meta's id.
    #[schema(value_type = Option<String>)]
    leadgen_id: Option<MetaId>,
}

/// One answer, or several to a multiple choice.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answered {
    One(String),
    Several(Vec<String>),
}

/// What would be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    pub(crate) client: ClientPreview,
    pub(crate) order: OrderPreview,
    /// What keeps the bundle from being applied; nothing would be sent then.
    pub(crate) errors: Vec<FieldError>,
}

/// What would become of the client.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClientPreview {
    pub(crate) decision: ClientWord,
    /// The client in RemOnline, if there is one.
    #[schema(required)]
    pub(crate) client_id: Option<i64>,
    pub(crate) requests: Vec<PreviewRequest>,
}

/// What would become of the order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderPreview {
    pub(crate) decision: OrderWord,
    /// The order in RemOnline, if there is one.
    #[schema(required)]
    pub(crate) order_id: Option<i64>,
    pub(crate) requests: Vec<PreviewRequest>,
}

/// A request that would be sent. The id of what is not made yet is null in a body and `{id}` in a path.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewRequest {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    #[schema(value_type = Object)]
    pub(crate) body: Value,
}

/// A decision about the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientWord {
    Create,
    Update,
    Unchanged,
    Skip,
}

/// A decision about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderWord {
    Create,
    Found,
    Comment,
    None,
}

/// Shows what the bundle would do with a lead. Nothing is written anywhere.
#[utoipa::path(post, path = "/api/bundles/{id}/preview", tag = "bundles", params(("id" = String, Path)),
    request_body = Sample,
    responses((status = OK, body = Preview),
              (status = UNPROCESSABLE_ENTITY, description = "There is no such lead.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
    Body(sample): Body<Sample>,
) -> Result<Json<Preview>, Problem> {
    let bundle = bundles::find(&app, &id).await?;
    Ok(Json(Preview::of(&app, &bundle, sample, None, language).await?))
}

impl Preview {
    /// What the bundle would do with the sample; `form` is the bundle's, where it was read already.
    ///
    /// # Errors
    /// 422 when there is no such lead; when RemOnline, Meta or the tables do not answer.
    pub(crate) async fn of(
        app: &App,
        bundle: &Bundle,
        sample: Sample,
        form: Option<Form>,
        language: Language,
    ) -> Result<Self, Problem> {
        let lead = sample.lead(app, bundle, form, language).await?;
        let plan = match Plan::make(&bundle.document, &lead) {
            Ok(Planned::Go(plan)) => plan,
            Ok(Planned::Skip { .. }) => return Ok(Self::nothing(Vec::new(), language)),
            Err(errors) => return Ok(Self::nothing(errors, language)),
        };
        let connection = connections::find(app, &bundle.document.client.connection).await?;
        let account = connection.account().cloned().ok_or_else(|| not_remonline(&connection))?;
        let remonline = app.remonline(&connection).await?;
        let look = Look { app, bundle, account, remonline, language, leadgen_id: lead.id };
        let client = look.client(&plan.client).await?;
        let order = look.order(&client, plan.order.as_ref()).await?;
        Ok(Self { client, order, errors: Vec::new() })
    }

    /// Nothing would be sent.
    fn nothing(errors: Vec<MappingError>, language: Language) -> Self {
        let errors = errors.into_iter().map(|error| FieldFault::from(error).told(language));
        Self { client: ClientPreview::skip(), order: OrderPreview::none(), errors: errors.collect() }
    }
}

impl ClientPreview {
    /// The lead is left out.
    pub(crate) fn skip() -> Self {
        Self { decision: ClientWord::Skip, client_id: None, requests: Vec::new() }
    }
}

impl OrderPreview {
    /// No order is wanted.
    pub(crate) fn none() -> Self {
        Self { decision: OrderWord::None, order_id: None, requests: Vec::new() }
    }
}

impl Sample {
    async fn lead(self, app: &App, bundle: &Bundle, known: Option<Form>, language: Language) -> Result<Lead, Problem> {
        match (self.answers, self.leadgen_id) {
            (Some(answers), None) => {
                let form = match known {
                    Some(form) => form,
                    None => form(app, bundle, language).await?,
                };
                Ok(sample_lead(answers, form, bundle.page_id.clone(), app.clock.now()))
            }
            (None, Some(leadgen_id)) => fetch(app, bundle, leadgen_id, language).await,
            _ => Err(Problem::invalid_field("", text("answers-or-lead"))),
        }
    }
}

/// The form that the bundle names, which tells how its choices read; a bundle for every form has no questions to ask.
///
/// # Errors
/// When Meta or the tables do not answer.
pub(crate) async fn form(app: &App, bundle: &Bundle, language: Language) -> Result<Form, Problem> {
    let Ok(form_id) = bundle.document.source.form_id.parse::<MetaId>() else { return Ok(no_form()) };
    let source = connections::find(app, &bundle.document.source.connection).await?;
    let token = app.secret(&source).await?;
    app.systems.graph.form(&token, &form_id).await.map_err(|error| graph_problem(&error, language))
}

/// Reads a lead: from what was kept of it, else from Meta.
async fn fetch(app: &App, bundle: &Bundle, leadgen_id: MetaId, language: Language) -> Result<Lead, Problem> {
    let id = TransactionId { leadgen_id, bundle_id: bundle.id.clone() };
    if let Some(answers) = app.store.answers(&id).await? {
        return Ok(answers.lead);
    }
    let source = connections::find(app, &bundle.document.source.connection).await?;
    let token = app.secret(&source).await?;
    let refused = |error: GraphError| match error {
        GraphError::NotFound(_) => Problem::invalid_field("/leadgen_id", text("lead-not-shown")),
        error => graph_problem(&error, language),
    };
    let lead = app.systems.graph.lead(&token, &id.leadgen_id).await.map_err(refused)?;
    let form = app.systems.graph.form(&token, &lead.form_id).await.map_err(refused)?;
    Ok(lead.with_form(form, bundle.page_id.clone()))
}

fn sample_lead(answers: BTreeMap<String, Answered>, form: Form, page_id: MetaId, now: Timestamp) -> Lead {
    let answers = answers.into_iter().map(|(name, answered)| match answered {
        Answered::One(value) => Answer { name, values: vec![value] },
        Answered::Several(values) => Answer { name, values },
    });
    Lead {
        id: nobody(),
        created_at: now,
        page_id,
        form,
        ad_id: None,
        ad_name: None,
        adset_name: None,
        campaign_name: None,
        platform: None,
        is_organic: true,
        answers: answers.collect(),
    }
}

fn no_form() -> Form {
    let (name, status) = (String::new(), String::new());
    Form { id: nobody(), name, status, questions: Vec::new(), tracking_keys: Vec::new() }
}

/// The id of a lead or form that Meta does not have.
#[expect(clippy::expect_used, reason = "one digit is an id")]
fn nobody() -> MetaId {
    "0".parse().expect("one digit")
}
