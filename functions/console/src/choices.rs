use std::sync::Arc;

use ::connections::List as Of;
use axum::{Json, extract::State};
use domain::{Connection, Form, MetaId, Slug};
use remonline::{Choice, ChoiceId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::{App, not_facebook, not_remonline},
    connections,
    explain::Language,
    failure::graph_problem,
    paging::{Items, Listing, Page},
    problem::Problem,
    request::Ids,
    text::text,
};

/// A list of what a bundle may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum List {
    /// RemOnline's locations.
    Branches,
    /// RemOnline's order types.
    OrderTypes,
    /// RemOnline's order statuses.
    Statuses,
    /// RemOnline's employees.
    Employees,
    /// RemOnline's advertising campaigns.
    Campaigns,
    /// The account's own fields of a client card.
    ClientFields,
    /// The account's own fields of an order.
    OrderFields,
    /// The page's lead forms.
    Forms,
    /// The questions of one form.
    Questions,
}

/// One thing to choose.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Choice)]
pub(crate) struct ChoiceView {
    /// What a bundle refers to: RemOnline's integer, `f` and the number of a custom field, Meta's form id, or the key
    /// of a question.
    #[schema(value_type = Object)]
    id: Value,
    /// What a person reads.
    title: String,
    /// What helps to choose: the group of a status, the options of a question, ...
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// Which form's questions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfForm {
    /// The form, Meta's id; only for `questions`.
    #[param(value_type = Option<String>)]
    form_id: Option<MetaId>,
}

/// Lists what a bundle may refer to, read from the other system now.
#[utoipa::path(get, path = "/api/connections/{id}/choices/{list}", tag = "connections",
    params(("id" = String, Path),
           ("list" = String, Path, description = "remonline: branches, order_types, statuses, employees, campaigns, \
            client_fields, order_fields; facebook: forms, questions."), OfForm, Page),
    responses((status = OK, body = Items<ChoiceView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    language: Language,
    Ids((id, list)): Ids<(Slug, List)>,
    Listing { page, filter }: Listing<OfForm>,
) -> Result<Json<Items<ChoiceView>>, Problem> {
    let connection = connections::find(&app, &id).await?;
    let choices = match list {
        List::Forms => forms(&app, &connection, language).await?,
        List::Questions => questions(&app, &connection, filter.form_id, language).await?,
        List::Branches => of_remonline(&app, &connection, Of::Branches, language).await?,
        List::OrderTypes => of_remonline(&app, &connection, Of::OrderTypes, language).await?,
        List::Statuses => of_remonline(&app, &connection, Of::Statuses, language).await?,
        List::Employees => of_remonline(&app, &connection, Of::Employees, language).await?,
        List::Campaigns => of_remonline(&app, &connection, Of::Campaigns, language).await?,
        List::ClientFields => of_remonline(&app, &connection, Of::ClientFields, language).await?,
        List::OrderFields => of_remonline(&app, &connection, Of::OrderFields, language).await?,
    };
    Ok(Json(page.of(choices, |choice| choice.id.to_string())?))
}

async fn of_remonline(
    app: &App,
    connection: &Connection,
    list: Of,
    language: Language,
) -> Result<Vec<ChoiceView>, Problem> {
    let account = connection.account().ok_or_else(|| not_remonline(connection))?;
    match list.read(&app.remonline(connection).await?).await {
        Ok(choices) => Ok(choices.into_iter().map(ChoiceView::from).collect()),
        Err(error) => Err(app.remonline_failed(&account.id, &error, language).await),
    }
}

async fn forms(app: &App, connection: &Connection, language: Language) -> Result<Vec<ChoiceView>, Problem> {
    let page_id = connection.page_id().ok_or_else(|| not_facebook(connection))?;
    let forms = app.systems.graph.forms(&app.secret(connection).await?, page_id).await;
    let forms = forms.map_err(|error| graph_problem(&error, language))?;
    Ok(forms.into_iter().map(|form| choice(form.id.as_str(), form.name, json!({"status": form.status}))).collect())
}

async fn questions(
    app: &App,
    connection: &Connection,
    form_id: Option<MetaId>,
    language: Language,
) -> Result<Vec<ChoiceView>, Problem> {
    connection.page_id().ok_or_else(|| not_facebook(connection))?;
    let form_id = form_id.ok_or_else(|| Problem::bad_query(text("query-no-form")))?;
    let form = app.systems.graph.form(&app.secret(connection).await?, &form_id).await;
    let form: Form = form.map_err(|error| match error {
        facebook::graph::GraphError::NotFound(_) => Problem::not_found(text("no-form")),
        error => graph_problem(&error, language),
    })?;
    let questions = form.questions.into_iter();
    Ok(questions.map(|q| choice(&q.key, q.label, json!({"type": q.kind, "options": q.options}))).collect())
}

fn choice(id: &str, title: String, extra: Value) -> ChoiceView {
    let extra = if let Value::Object(extra) = extra { extra } else { Map::new() };
    ChoiceView { id: id.into(), title, extra }
}

impl From<Choice> for ChoiceView {
    fn from(Choice { id, title, extra }: Choice) -> Self {
        let id = match id {
            ChoiceId::Number(number) => number.into(),
            ChoiceId::Field(key) => key.into(),
        };
        Self { id, title, extra }
    }
}
