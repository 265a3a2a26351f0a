//! Whether what a bundle names is there: its form at Meta, its ids in RemOnline.

use ::connections::{Lists, Reference, references};
use domain::{BundleDocument, Connection, ConnectionState, Slug};
use facebook::graph::GraphError;

use crate::{
    app::App,
    explain::Language,
    failure::{explain_graph, explain_remonline, graph_problem, sentence},
    problem::{FieldError, Problem},
};

/// Looks for everything that a document names.
///
/// # Errors
/// 422 with a pointer for each thing that is not there, 502 or 503 when a system does not answer.
pub(crate) async fn check(app: &App, document: &BundleDocument, language: Language) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let source = usable(app, &document.source.connection, "/source/connection", &mut errors).await?;
    let client = usable(app, &document.client.connection, "/client/connection", &mut errors).await?;
    if let Some(source) = source {
        errors.extend(missing_form(app, &source, &document.source.form_id, language).await?);
    }
    if let Some(client) = client {
        errors.extend(missing_ids(app, &client, document, language).await?);
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// The connection, if it can be used now.
async fn usable(
    app: &App,
    id: &Slug,
    pointer: &str,
    errors: &mut Vec<FieldError>,
) -> Result<Option<Connection>, Problem> {
    let connection = app.store.connection(id).await?;
    let fault = match connection.as_ref().map(|connection| connection.state) {
        None => "is not there; make it first",
        Some(ConnectionState::Active) => return Ok(connection),
        Some(ConnectionState::Paused) => "is paused; resume it first",
        Some(ConnectionState::KeyRejected) => "has a key that was refused; enter a new one",
        Some(ConnectionState::Forbidden) => "lacks a right; grant it and resume the connection",
    };
    errors.push(FieldError::new(pointer, format!("connection {id} {fault}")));
    Ok(None)
}

async fn missing_form(
    app: &App,
    connection: &Connection,
    form_id: &str,
    language: Language,
) -> Result<Option<FieldError>, Problem> {
    let Some(page_id) = connection.page_id() else {
        return Ok(Some(FieldError::new("/source/connection", "is not a connection of kind facebook")));
    };
    match app.systems.graph.forms(&app.secret(connection).await?, page_id).await {
        Ok(forms) => {
            let found = form_id == "*" || forms.iter().any(|form| form.id.as_str() == form_id);
            let missing = || FieldError::new("/source/form_id", format!("the page has no form {form_id}"));
            Ok((!found).then(missing))
        }
        Err(error @ (GraphError::TokenRejected(_) | GraphError::Forbidden { .. })) => {
            Ok(Some(FieldError::new("/source/connection", sentence(&explain_graph(&error, language)))))
        }
        Err(error) => Err(graph_problem(&error, language)),
    }
}

async fn missing_ids(
    app: &App,
    connection: &Connection,
    document: &BundleDocument,
    language: Language,
) -> Result<Vec<FieldError>, Problem> {
    let Some(account) = connection.account() else {
        return Ok(vec![FieldError::new("/client/connection", "is not a connection of kind remonline")]);
    };
    let client = app.remonline(connection).await?;
    match Lists::new(&client).missing(references(document)).await {
        Ok(missing) => Ok(missing.iter().map(field_error).collect()),
        Err(error @ (remonline::Error::KeyRejected(_) | remonline::Error::Forbidden(_))) => {
            Ok(vec![FieldError::new("/client/connection", sentence(&explain_remonline(&error, language)))])
        }
        Err(error) => Err(app.remonline_failed(&account.id, &error, language).await),
    }
}

fn field_error(missing: &Reference) -> FieldError {
    let detail = format!("RemOnline has no {} here; choose one that exists", missing.id_text());
    FieldError::new(&missing.pointer, detail)
}
