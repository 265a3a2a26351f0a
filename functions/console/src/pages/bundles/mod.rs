//! Bundles: which form becomes which client and which order. Filled in by choosing, tried on a lead, started, watched
//! through its versions.

mod edit;
mod editor;
mod fields;
mod one;
mod sent;
mod versions;
mod yaml;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use domain::Bundle;
use http::{HeaderMap, HeaderValue, header};

use super::{Page, Reader};
use crate::{app::App, problem::Problem};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/bundles", get(list))
        .route("/bundles/new", get(edit::begin).post(edit::create))
        .route("/bundles/import", get(yaml::import_form).post(yaml::import))
        .route("/bundles/{id}", get(one::one))
        .route("/bundles/{id}/edit", get(edit::edit).post(edit::replace))
        .route("/bundles/{id}/start", post(one::start))
        .route("/bundles/{id}/stop", post(one::stop))
        .route("/bundles/{id}/duplicate", post(one::duplicate))
        .route("/bundles/{id}/delete", post(one::delete))
        .route("/bundles/{id}/preview", post(one::try_out))
        .route("/bundles/{id}/backfill", post(one::bring))
        .route("/bundles/{id}/versions", get(versions::versions))
        .route("/bundles/{id}/roll-back", post(versions::roll_back))
        .route("/bundles/{id}/export", get(yaml::export))
}

#[derive(Template)]
#[template(path = "bundles/list.html")]
struct ListPage {
    reader: Reader,
    bundles: Vec<Bundle>,
}

async fn list(State(app): State<Arc<App>>, reader: Reader) -> Result<Page<ListPage>, Problem> {
    Ok(Page(ListPage { reader, bundles: app.store.bundles().await? }))
}

/// Shows the bundle that was made, and where old leads are wanted how to bring them.
fn made(bundle: &Bundle, backfill: bool) -> Response {
    let anchor = if backfill { "#backfill" } else { "" };
    Redirect::to(&format!("/bundles/{}?said=bundle-made{anchor}", bundle.id)).into_response()
}

/// The header by which only this version is replaced.
fn matching(version: u32) -> HeaderMap {
    let tag = HeaderValue::from_str(&format!("\"{version}\""));
    tag.into_iter().map(|tag| (header::IF_MATCH, tag)).collect()
}
