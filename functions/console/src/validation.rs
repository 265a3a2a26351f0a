//! Whether what a bundle names is there: its form at Meta, its ids in RemOnline.

use ::connections::{Lists, Reference, references};
use domain::{BundleDocument, Connection, ConnectionState, Slug};
use facebook::graph::GraphError;

use crate::{
    app::App,
    explain::Language,
    failure::{explain_graph, explain_remonline, graph_problem, sentence},
    problem::{FieldFault, Problem},
    text::{Text, text},
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
    errors: &mut Vec<FieldFault>,
) -> Result<Option<Connection>, Problem> {
    let connection = app.store.connection(id).await?;
    let fault = match connection.as_ref().map(|connection| connection.state) {
        None => text("connection-not-there"),
        Some(ConnectionState::Active) => return Ok(connection),
        Some(ConnectionState::Paused) => text("connection-is-paused"),
        Some(ConnectionState::KeyRejected) => text("connection-key-refused"),
        Some(ConnectionState::Forbidden) => text("connection-lacks-right"),
    };
    errors.push(FieldFault::new(pointer, fault.with("id", id)));
    Ok(None)
}

async fn missing_form(
    app: &App,
    connection: &Connection,
    form_id: &str,
    language: Language,
) -> Result<Option<FieldFault>, Problem> {
    let Some(page_id) = connection.page_id() else {
        return Ok(Some(FieldFault::new("/source/connection", text("no-facebook-connection"))));
    };
    match app.systems.graph.forms(&app.secret(connection).await?, page_id).await {
        Ok(forms) => {
            let found = form_id == "*" || forms.iter().any(|form| form.id.as_str() == form_id);
            let missing = || FieldFault::new("/source/form_id", text("page-has-no-form").with("id", form_id));
            Ok((!found).then(missing))
        }
        Err(error @ (GraphError::TokenRejected(_) | GraphError::Forbidden { .. })) => {
            Ok(Some(FieldFault::new("/source/connection", Text::Words(sentence(&explain_graph(&error, language))))))
        }
        Err(error) => Err(graph_problem(&error, language)),
    }
}

async fn missing_ids(
    app: &App,
    connection: &Connection,
    document: &BundleDocument,
    language: Language,
) -> Result<Vec<FieldFault>, Problem> {
    let Some(account) = connection.account() else {
        return Ok(vec![FieldFault::new("/client/connection", text("no-remonline-connection"))]);
    };
    let client = app.remonline(connection).await?;
    match Lists::new(&client).missing(references(document)).await {
        Ok(missing) => Ok(missing.iter().map(fault_of).collect()),
        Err(error @ (remonline::Error::KeyRejected(_) | remonline::Error::Forbidden(_))) => {
            Ok(vec![FieldFault::new("/client/connection", Text::Words(sentence(&explain_remonline(&error, language))))])
        }
        Err(error) => Err(app.remonline_failed(&account.id, &error, language).await),
    }
}

fn fault_of(missing: &Reference) -> FieldFault {
    FieldFault::new(&missing.pointer, text("id-not-there").with("id", missing.id_text()))
}
