//! Filling in a bundle: page, form and shop are chosen, then every field.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use domain::{Connection, Slug};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    editor::{Rows, Sources},
    made, matching,
    sent::Sent,
};
use crate::{
    app::App,
    bundles as api,
    failure::graph_problem,
    pages::{Page, Reader},
    problem::Problem,
    request::{Body, Ids, Query},
};

#[derive(Template)]
#[template(path = "bundles/begin.html")]
pub(super) struct Begin {
    reader: Reader,
    chosen: Chosen,
    sources: Vec<Connection>,
    clients: Vec<Connection>,
    /// Id and name of each form of the page, once the page is chosen.
    forms: Option<Vec<(String, String)>>,
}

#[derive(Template)]
#[template(path = "bundles/edit.html")]
pub(super) struct Edit {
    reader: Reader,
    action: String,
    /// The version that is replaced, 0 for a new bundle.
    version: u32,
    backfill: bool,
    document: Value,
    form_name: String,
    client: Rows,
    order: Rows,
    problem: Option<Problem>,
}

/// What is chosen before the fields are filled in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Chosen {
    source: String,
    form: String,
    client: String,
    /// Whether leads that came before are wanted too.
    backfill: bool,
}

/// Chooses page, form and shop one after the other, then shows what is recommended.
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    reader: Reader,
    Query(mut chosen): Query<Chosen>,
) -> Result<Response, Problem> {
    let (sources, clients): (Vec<_>, Vec<_>) =
        app.store.connections().await?.into_iter().partition(|connection| connection.page_id().is_some());
    for (id, connections) in [(&mut chosen.source, &sources), (&mut chosen.client, &clients)] {
        if let ([only], true) = (connections.as_slice(), id.is_empty()) {
            *id = only.id.to_string();
        }
    }
    if !chosen.source.is_empty() && !chosen.client.is_empty() && !chosen.form.is_empty() {
        let named = json!({"source": {"connection": chosen.source, "form_id": chosen.form},
            "client": {"connection": chosen.client}});
        let fields = Sources::read(&app, &named, reader.language).await?;
        let document = fields.recommended(&chosen.source, &chosen.form, &chosen.client);
        return Ok(Page(Edit::new(reader, "/bundles/new", 0, chosen.backfill, document, &fields, None)).into_response());
    }
    let forms = match sources.iter().find(|source| source.id.as_str() == chosen.source) {
        Some(source) => Some(forms(&app, source, &reader).await?),
        None => None,
    };
    Ok(Page(Begin { reader, chosen, sources, clients, forms }).into_response())
}

async fn forms(app: &App, source: &Connection, reader: &Reader) -> Result<Vec<(String, String)>, Problem> {
    let Some(page_id) = source.page_id() else { return Ok(Vec::new()) };
    let forms = app.systems.graph.forms(&app.secret(source).await?, page_id).await;
    let forms = forms.map_err(|error| graph_problem(&error, reader.language))?;
    Ok(forms.into_iter().map(|form| (form.id.to_string(), form.name)).collect())
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let sent = Sent(sent);
    let backfill = sent.text("backfill") == "true";
    let document = sent.document();
    match api::make(&app, document.clone()).await {
        Ok(bundle) => Ok(made(&bundle, backfill)),
        Err(problem) if problem.status.is_client_error() => {
            Edit::again(&app, reader, "/bundles/new", 0, backfill, document.into(), problem).await
        }
        Err(problem) => Err(problem),
    }
}

pub(super) async fn edit(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
) -> Result<Page<Edit>, Problem> {
    let bundle = api::find(&app, &id).await?;
    let document = json!(bundle.document);
    let fields = Sources::read(&app, &document, reader.language).await?;
    Ok(Page(Edit::new(reader, &format!("/bundles/{id}/edit"), bundle.version, false, document, &fields, None)))
}

pub(super) async fn replace(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(sent): Form<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let sent = Sent(sent);
    let version = sent.text("version").parse::<u32>().unwrap_or_default();
    let document = sent.document();
    let replaced = api::replace(State(Arc::clone(&app)), Ids(id.clone()), matching(version), Body(document.clone()));
    match replaced.await {
        Ok(_) => Ok(Redirect::to(&format!("/bundles/{id}?said=bundle-saved")).into_response()),
        Err(problem) if problem.status.is_client_error() => {
            let action = format!("/bundles/{id}/edit");
            Edit::again(&app, reader, &action, version, false, document.into(), problem).await
        }
        Err(problem) => Err(problem),
    }
}

impl Edit {
    fn new(
        reader: Reader,
        action: &str,
        version: u32,
        backfill: bool,
        document: Value,
        fields: &Sources,
        problem: Option<Problem>,
    ) -> Self {
        let (client, order) = (fields.client(&document, &reader), fields.order(&document, &reader));
        let form_name = fields.form_name().unwrap_or_default().to_owned();
        Self { reader, action: action.to_owned(), version, backfill, document, form_name, client, order, problem }
    }

    /// The form as it was sent, with what is wrong.
    async fn again(
        app: &App,
        reader: Reader,
        action: &str,
        version: u32,
        backfill: bool,
        document: Value,
        problem: Problem,
    ) -> Result<Response, Problem> {
        let fields = Sources::read(app, &document, reader.language).await?;
        let status = problem.status;
        let page = Self::new(reader, action, version, backfill, document, &fields, Some(problem));
        Ok((status, Page(page)).into_response())
    }

    /// A text of the document, empty where there is none.
    fn text(&self, pointer: &str) -> String {
        match self.document.pointer(pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    fn is(&self, pointer: &str, value: &str) -> bool {
        self.text(pointer) == value
    }

    fn matches_on(&self, key: &str) -> bool {
        let keys = self.document.pointer("/client/duplicates/match_on").and_then(Value::as_array);
        keys.is_some_and(|keys| keys.iter().any(|known| known == key))
    }

    fn has_order(&self) -> bool {
        self.document.get("order").is_some_and(|order| !order.is_null())
    }
}
