use std::sync::Arc;

use axum::{Json, extract::State, response::IntoResponse};
use domain::{Bundle, BundleDocument, BundleState, Connection, MetaId, Slug};
use http::{HeaderMap, HeaderName, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::ChangeError;
use utoipa::ToSchema;

use crate::{
    app::App,
    explain::Language,
    ids::free_id,
    paging::{Items, Listing, NoFilter, Page},
    problem::{FieldFault, PROBLEM_JSON, Problem, ProblemDetails},
    request::{Body, Ids, parse},
    text::text,
    validation,
};

/// A bundle: its document with what the product knows about it, flat.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bundle)]
pub(crate) struct BundleView {
    id: String,
    /// Counts up with every change of the document.
    version: u32,
    /// `stopped` or `active`.
    #[schema(value_type = String)]
    state: BundleState,
    #[serde(flatten)]
    #[schema(ignore)]
    document: BundleDocument,
}

/// One version of a bundle, flat.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BundleVersion {
    id: String,
    /// Counts up with every change of the document.
    version: u32,
    /// When this version was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(flatten)]
    #[schema(ignore)]
    document: BundleDocument,
}

/// What a bundle that is sent may have beside its document.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewBundle)]
pub(crate) struct Given {
    /// Chosen freely when a bundle is made; made from the title when not given.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9-]{1,40}$")]
    id: Option<Slug>,
}

/// A bundle with its `ETag`.
type Tagged = ([(HeaderName, String); 1], Json<BundleView>);

/// Makes a bundle, stopped.
#[utoipa::path(post, path = "/api/bundles", tag = "bundles", request_body = Given,
    responses((status = CREATED, body = BundleView, headers(("ETag" = String, description = "The version."))),
              (status = CONFLICT, description = "The id is taken.", body = ProblemDetails, content_type = PROBLEM_JSON),
              (status = UNPROCESSABLE_ENTITY, description = "A field is wrong.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Body(sent): Body<Map<String, Value>>,
) -> Result<impl IntoResponse, Problem> {
    Ok((StatusCode::CREATED, tagged(make(&app, sent).await?)))
}

/// Makes a bundle of what was sent, stopped.
///
/// # Errors
/// 409 when the id is taken, 422 when a field is wrong.
pub(crate) async fn make(app: &App, sent: Map<String, Value>) -> Result<Bundle, Problem> {
    let (id, document) = read(sent)?;
    let page_id = check(app, &document).await?;
    let known = app.store.bundles().await?;
    let taken: Vec<&Slug> = known.iter().map(|bundle| &bundle.id).collect();
    let id = id.unwrap_or_else(|| free_id(&document.title, "bundle", &taken));
    let (state, created_at) = (BundleState::Stopped, app.clock.now());
    let bundle = Bundle { id, version: 1, state, page_id, first_started_at: None, created_at, document };
    let bundle = app.store.create_bundle(&bundle).await?;
    tracing::info!(bundle_id = %bundle.id, "bundle made");
    Ok(bundle)
}

/// Lists the bundles, by id.
#[utoipa::path(get, path = "/api/bundles", tag = "bundles", params(Page),
    responses((status = OK, body = Items<BundleView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Listing { page, filter: NoFilter {} }: Listing<NoFilter>,
) -> Result<Json<Items<BundleView>>, Problem> {
    let bundles = app.store.bundles().await?.into_iter().map(BundleView::from).collect();
    Ok(Json(page.of(bundles, |bundle: &BundleView| bundle.id.clone())?))
}

/// Shows one bundle.
#[utoipa::path(get, path = "/api/bundles/{id}", tag = "bundles", params(("id" = String, Path)),
    responses((status = OK, body = BundleView, headers(("ETag" = String, description = "The version.")))))]
pub(crate) async fn get(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Tagged, Problem> {
    Ok(tagged(find(&app, &id).await?))
}

/// Replaces the document, which makes a new version; also while the bundle is active.
#[utoipa::path(put, path = "/api/bundles/{id}", tag = "bundles", request_body = Given,
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The ETag of the version replaced.")),
    responses((status = OK, body = BundleView, headers(("ETag" = String, description = "The version."))),
              (status = PRECONDITION_REQUIRED, description = "If-Match is missing.", body = ProblemDetails,
               content_type = PROBLEM_JSON),
              (status = PRECONDITION_FAILED, description = "Somebody else made a newer version.", body = ProblemDetails,
               content_type = PROBLEM_JSON),
              (status = UNPROCESSABLE_ENTITY, description = "A field is wrong.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn replace(
    State(app): State<Arc<App>>,
    Ids(id): Ids<Slug>,
    headers: HeaderMap,
    Body(sent): Body<Map<String, Value>>,
) -> Result<Tagged, Problem> {
    let before = find(&app, &id).await?;
    expect_version(&headers, before.version)?;
    let (given, document) = read(sent)?;
    if given.is_some_and(|given| given != id) {
        return Err(Problem::invalid_field("/id", text("id-fixed")));
    }
    let page_id = check(&app, &document).await?;
    let created_at = app.clock.now();
    let after = Bundle { version: before.version + 1, page_id, created_at, document, ..before };
    match app.store.save_bundle(&after, after.version - 1).await {
        Ok(()) => Ok(tagged(after)),
        Err(ChangeError::Stale) => Err(stale()),
        Err(error @ ChangeError::Store(_)) => Err(error.into()),
    }
}

/// Forgets a bundle. Its history stays; leads that wait for it are dismissed.
#[utoipa::path(delete, path = "/api/bundles/{id}", tag = "bundles", params(("id" = String, Path)),
    responses((status = NO_CONTENT)))]
pub(crate) async fn delete(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<StatusCode, Problem> {
    find(&app, &id).await?;
    app.store.delete_bundle(&id).await?;
    app.store.forget_backfills(&id).await?;
    app.store.dismiss_held_by_bundle(&id, app.clock.now()).await?;
    tracing::info!(bundle_id = %id, "bundle deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of a bundle, newest first.
#[utoipa::path(get, path = "/api/bundles/{id}/versions", tag = "bundles", params(("id" = String, Path), Page),
    responses((status = OK, body = Items<BundleVersion>)))]
pub(crate) async fn versions(
    State(app): State<Arc<App>>,
    Ids(id): Ids<Slug>,
    Listing { page, filter: NoFilter {} }: Listing<NoFilter>,
) -> Result<Json<Items<BundleVersion>>, Problem> {
    find(&app, &id).await?;
    let versions = app.store.bundle_versions(&id).await?.into_iter().map(BundleVersion::from).collect();
    Ok(Json(page.of(versions, |version: &BundleVersion| version.version.to_string())?))
}

/// Starts a bundle after everything it names was found in both systems; leads that waited for it then run.
#[utoipa::path(post, path = "/api/bundles/{id}/start", tag = "bundles", params(("id" = String, Path)),
    responses((status = OK, body = BundleView, headers(("ETag" = String, description = "The version."))),
              (status = UNPROCESSABLE_ENTITY, description = "Something it names is not there.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
) -> Result<Tagged, Problem> {
    let before = find(&app, &id).await?;
    let faults = faults(&before.document);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    validation::check(&app, &before.document, language).await?;
    let first_started_at = before.first_started_at.or_else(|| Some(app.clock.now()));
    let after = Bundle { state: BundleState::Active, first_started_at, ..before };
    app.store.save_bundle(&after, after.version).await?;
    tracing::info!(bundle_id = %id, version = after.version, "bundle started");
    app.wake(app.store.release_held_by_bundle(&id, app.clock.now()).await?).await;
    Ok(tagged(after))
}

/// Stops a bundle: its leads wait.
#[utoipa::path(post, path = "/api/bundles/{id}/stop", tag = "bundles", params(("id" = String, Path)),
    responses((status = OK, body = BundleView, headers(("ETag" = String, description = "The version.")))))]
pub(crate) async fn stop(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Tagged, Problem> {
    let before = find(&app, &id).await?;
    let after = Bundle { state: BundleState::Stopped, ..before };
    app.store.save_bundle(&after, after.version).await?;
    tracing::info!(bundle_id = %id, "bundle stopped");
    Ok(tagged(after))
}

/// The bundle of this id.
///
/// # Errors
/// 404 when there is none.
pub(crate) async fn find(app: &App, id: &Slug) -> Result<Bundle, Problem> {
    app.store.bundle(id).await?.ok_or_else(|| Problem::not_found(text("no-bundle")))
}

/// Takes apart what was sent: the id, the document, and `version` and `state`, which are the product's to say.
fn read(mut sent: Map<String, Value>) -> Result<(Option<Slug>, BundleDocument), Problem> {
    let id = sent.remove("id").map(|id| Map::from_iter([("id".to_owned(), id)]));
    let given: Option<Given> = id.map(parse).transpose()?;
    sent.remove("version");
    sent.remove("state");
    Ok((given.and_then(|given| given.id), parse(sent)?))
}

/// Refuses a document that cannot work whatever the other systems hold, and finds its page.
async fn check(app: &App, document: &BundleDocument) -> Result<MetaId, Problem> {
    let mut faults = faults(document);
    let connections = app.store.connections().await?;
    let find = |id: &Slug| connections.iter().find(|connection| connection.id == *id);
    let page_id = find(&document.source.connection).and_then(Connection::page_id);
    let client = find(&document.client.connection).and_then(Connection::account);
    if client.is_none() {
        faults.push(FieldFault::new("/client/connection", text("no-remonline-connection")));
    }
    match page_id {
        Some(page_id) if faults.is_empty() => return Ok(page_id.clone()),
        Some(_) => {}
        None => faults.push(FieldFault::new("/source/connection", text("no-facebook-connection"))),
    }
    Err(Problem::invalid(faults))
}

/// What the document alone tells to be wrong.
fn faults(document: &BundleDocument) -> Vec<FieldFault> {
    document.problems().into_iter().map(FieldFault::from).collect()
}

/// Source: RFC 9110, section 13.1.1, and RFC 6585, section 3.
fn expect_version(headers: &HeaderMap, version: u32) -> Result<(), Problem> {
    let Some(expected) = headers.get(header::IF_MATCH) else {
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, text("if-match-missing")));
    };
    let expected = expected.to_str().unwrap_or_default();
    let current = etag(version);
    if expected.split(',').map(str::trim).any(|tag| tag == "*" || tag == current) { Ok(()) } else { Err(stale()) }
}

fn stale() -> Problem {
    Problem::new(StatusCode::PRECONDITION_FAILED, text("version-stale"))
}

fn etag(version: u32) -> String {
    format!("\"{version}\"")
}

fn tagged(bundle: Bundle) -> Tagged {
    ([(header::ETAG, etag(bundle.version))], Json(bundle.into()))
}

impl From<Bundle> for BundleView {
    fn from(bundle: Bundle) -> Self {
        let Bundle { id, version, state, document, .. } = bundle;
        Self { id: id.into(), version, state, document }
    }
}

impl From<Bundle> for BundleVersion {
    fn from(bundle: Bundle) -> Self {
        let Bundle { id, version, created_at, document, .. } = bundle;
        Self { id: id.into(), version, created_at, document }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(None, Err(StatusCode::PRECONDITION_REQUIRED))]
    #[case(Some("\"3\""), Ok(()))]
    #[case(Some("\"2\", \"3\""), Ok(()))]
    #[case(Some("*"), Ok(()))]
    #[case(Some("\"2\""), Err(StatusCode::PRECONDITION_FAILED))]
    #[case(Some("3"), Err(StatusCode::PRECONDITION_FAILED))]
    #[case(Some("W/\"3\""), Err(StatusCode::PRECONDITION_FAILED))]
    fn only_the_newest_version_is_replaced(#[case] given: Option<&str>, #[case] expected: Result<(), StatusCode>) {
        let headers = given.map(|tag| (header::IF_MATCH, tag.parse().unwrap()));
        let answer = expect_version(&HeaderMap::from_iter(headers), 3);
        assert_eq!(answer.map_err(|problem| problem.status), expected);
    }
}
