//! A bundle's document as YAML: taken along, and brought in.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{BundleDocument, Slug};
use http::header;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::made;
use crate::{
    app::App,
    bundles as api,
    pages::{Page, Reader},
    problem::Problem,
    request::Ids,
    text::text,
};

#[derive(Template)]
#[template(path = "bundles/import.html")]
pub(super) struct Import {
    reader: Reader,
    document: String,
    problem: Option<Problem>,
}

pub(super) async fn export(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Response, Problem> {
    let document = yaml(&api::find(&app, &id).await?.document)?;
    let headers = [
        (header::CONTENT_TYPE, "application/yaml".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.yaml\"")),
    ];
    Ok((headers, document).into_response())
}

pub(super) async fn import_form(reader: Reader) -> Page<Import> {
    Page(Import { reader, document: String::new(), problem: None })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Imported {
    document: String,
}

pub(super) async fn import(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(Imported { document }): Form<Imported>,
) -> Result<Response, Problem> {
    let read = serde_norway::from_str::<Map<String, Value>>(&document);
    let read = match read {
        Ok(read) => api::make(&app, read).await,
        Err(error) => Err(Problem::invalid_field("", text("no-yaml").with("words", error))),
    };
    match read {
        Ok(bundle) => Ok(made(&bundle, false)),
        Err(problem) if problem.status.is_client_error() => {
            Ok((problem.status, Page(Import { reader, document, problem: Some(problem) })).into_response())
        }
        Err(problem) => Err(problem),
    }
}

pub(super) fn yaml(document: &BundleDocument) -> Result<String, Problem> {
    serde_norway::to_string(document).map_err(|error| Problem::internal(&error))
}
