//! What a bundle was before, what each version changed, and the way back.

use std::sync::Arc;

use askama::Template;
use axum::{Form, extract::State, response::Response};
use domain::{Bundle, Slug};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{matching, one::done, yaml::yaml};
use crate::{
    app::App,
    bundles as api,
    pages::{Page, Reader},
    problem::Problem,
    request::{Body, Ids},
    text::text,
};

#[derive(Template)]
#[template(path = "bundles/versions.html")]
pub(super) struct Versions {
    reader: Reader,
    bundle: Bundle,
    versions: Vec<Version>,
}

/// A version with what it changed.
pub(super) struct Version {
    version: u32,
    made_at: Timestamp,
    difference: String,
}

pub(super) async fn versions(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
) -> Result<Page<Versions>, Problem> {
    let bundle = api::find(&app, &id).await?;
    let made = app.store.bundle_versions(&id).await?;
    let texts = made.iter().map(|version| yaml(&version.document)).collect::<Result<Vec<_>, _>>()?;
    let before = texts.iter().skip(1).map(String::as_str).chain(std::iter::once(""));
    let versions = made.iter().zip(&texts).zip(before).map(|((made, text), before)| Version {
        version: made.version,
        made_at: made.created_at,
        difference: similar::TextDiff::from_lines(before, text).unified_diff().context_radius(1).to_string(),
    });
    let versions = versions.collect();
    Ok(Page(Versions { reader, bundle, versions }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RollBack {
    version: u32,
}

/// Makes the document of an older version the newest one.
pub(super) async fn roll_back(
    State(app): State<Arc<App>>,
    reader: Reader,
    Ids(id): Ids<Slug>,
    Form(RollBack { version }): Form<RollBack>,
) -> Result<Response, Problem> {
    let newest = api::find(&app, &id).await?.version;
    let older = app.store.bundle_version(&id, version).await?.ok_or_else(|| Problem::not_found(text("no-version")))?;
    let Value::Object(document) = json!(older.document) else { return Err(Problem::not_found(text("no-version"))) };
    let replaced = api::replace(State(Arc::clone(&app)), Ids(id.clone()), matching(newest), Body(document)).await;
    done(&app, reader, &id, replaced.map(drop), "rolled-back").await
}
