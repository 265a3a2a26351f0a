use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{BundleDocument, Connection, ConnectionKind, ConnectionState, MetaId, Slug};
use http::StatusCode;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::CreateError;
use utoipa::ToSchema;

use crate::{
    app::App,
    explain::Language,
    ids::free_id,
    paging::{Items, Listing, NoFilter, Page},
    problem::{FieldFault, PROBLEM_JSON, Problem, ProblemDetails},
    request::{Body, Ids},
    text::text,
    trial,
};

/// Longest title, in characters.
pub(crate) const LONGEST_TITLE: usize = 200;

/// Credentials of one system, without the secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct ConnectionView {
    pub(crate) id: String,
    /// `remonline` or `facebook`.
    #[schema(value_type = String)]
    kind: &'static str,
    title: String,
    /// `active`, `key_rejected`, `forbidden` or `paused`.
    #[schema(value_type = String)]
    state: ConnectionState,
    account: AccountView,
    /// The page, Meta's id; only for `facebook`.
    #[serde(skip_serializing_if = "Option::is_none")]
    page_id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the key or token was last tried.
    #[schema(value_type = String, format = DateTime)]
    checked_at: Timestamp,
}

/// What is behind a key or token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountView {
    /// The company's name in RemOnline, or the page's at Meta.
    name: String,
}

/// A system to be connected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConnection {
    /// Chosen freely; made from the title when not given.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9-]{1,40}$")]
    id: Option<Slug>,
    kind: Kind,
    /// Shown to people.
    title: String,
    /// Only for `remonline`: made in RemOnline under Settings > API.
    #[schema(value_type = Option<String>, write_only)]
    api_key: Option<SecretString>,
    /// Only for `facebook`: the page, Meta's id.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,20}$")]
    page_id: Option<MetaId>,
    /// Only for `facebook`: a token of the page itself.
    #[schema(value_type = Option<String>, write_only)]
    page_token: Option<SecretString>,
}

/// Which system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A RemOnline API key.
    Remonline,
    /// A Facebook page.
    Facebook,
}

/// What is to be changed; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionChange {
    /// Shown to people.
    title: Option<String>,
    /// Only for `remonline`.
    #[schema(value_type = Option<String>, write_only)]
    api_key: Option<SecretString>,
    /// Only for `facebook`.
    #[schema(value_type = Option<String>, write_only)]
    page_token: Option<SecretString>,
}

/// Connects a system: the key is tried first, then kept sealed.
#[utoipa::path(post, path = "/api/connections", tag = "connections", request_body = NewConnection,
    responses((status = CREATED, body = ConnectionView),
              (status = CONFLICT, description = "The id is taken.", body = ProblemDetails, content_type = PROBLEM_JSON),
              (status = UNPROCESSABLE_ENTITY, description = "The key is refused, or a field is wrong.",
               body = ProblemDetails, content_type = PROBLEM_JSON)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    language: Language,
    Body(new): Body<NewConnection>,
) -> Result<(StatusCode, Json<ConnectionView>), Problem> {
    let known = app.store.connections().await?;
    if new.id.as_ref().is_some_and(|id| known.iter().any(|connection| connection.id == *id)) {
        return Err(CreateError::Exists.into());
    }
    check_title(&new.title)?;
    let id = new.id.clone();
    let title = new.title.clone();
    let (kind, secret) = match new.credentials()? {
        Credentials::Remonline { api_key } => (trial::connect_remonline(&app, &api_key, language).await?, api_key),
        Credentials::Facebook { page_id, page_token } => {
            (trial::connect_page(&app, page_id, &page_token, language).await?, page_token)
        }
    };
    let taken: Vec<&Slug> = known.iter().map(|connection| &connection.id).collect();
    let id = id.unwrap_or_else(|| free_id(&title, Kind::of(&kind).name(), &taken));
    let now = app.clock.now();
    let connection = Connection { id, title, kind, state: ConnectionState::Active, created_at: now, checked_at: now };
    let sealed = app.sealer.seal(&connection.id, connection.secret_purpose(), &secret).await?;
    app.store.create_connection(&connection, &sealed).await?;
    tracing::info!(connection_id = %connection.id, "connected");
    Ok((StatusCode::CREATED, Json(connection.into())))
}

/// Lists the connections, by id.
#[utoipa::path(get, path = "/api/connections", tag = "connections", params(Page),
    responses((status = OK, body = Items<ConnectionView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Listing { page, filter: NoFilter {} }: Listing<NoFilter>,
) -> Result<Json<Items<ConnectionView>>, Problem> {
    let connections = app.store.connections().await?;
    let views = connections.into_iter().map(ConnectionView::from).collect();
    Ok(Json(page.of(views, |view: &ConnectionView| view.id.clone())?))
}

/// Shows one connection.
#[utoipa::path(get, path = "/api/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = OK, body = ConnectionView)))]
pub(crate) async fn get(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Json<ConnectionView>, Problem> {
    Ok(Json(find(&app, &id).await?.into()))
}

/// Changes the title, or replaces the key: a new one is tried first, and the leads that were parked because of the
/// connection then run.
#[utoipa::path(patch, path = "/api/connections/{id}", tag = "connections", params(("id" = String, Path)),
    request_body = ConnectionChange,
    responses((status = OK, body = ConnectionView),
              (status = UNPROCESSABLE_ENTITY, description = "The key is refused, or a field is wrong.",
               body = ProblemDetails, content_type = PROBLEM_JSON)))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
    Body(change): Body<ConnectionChange>,
) -> Result<Json<ConnectionView>, Problem> {
    let before = find(&app, &id).await?;
    let mut after = before.clone();
    if let Some(title) = &change.title {
        check_title(title)?;
        after.title.clone_from(title);
    }
    let Some(secret) = change.secret(Kind::of(&before.kind))? else {
        app.store.save_connection(&before, &after).await?;
        return Ok(Json(after.into()));
    };
    trial::retry_key(&app, &mut after, &secret, language).await.map_err(|refused| refused.problem)?;
    let sealed = app.sealer.seal(&id, after.secret_purpose(), &secret).await?;
    app.store.replace_secret(&before, &after, &sealed).await?;
    tracing::info!(connection_id = %id, "the key was replaced");
    app.wake(app.store.release_held_by_connection(&id, app.clock.now()).await?).await;
    Ok(Json(after.into()))
}

/// Forgets a connection and its key.
#[utoipa::path(delete, path = "/api/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = NO_CONTENT),
              (status = CONFLICT, description = "A bundle uses it.", body = ProblemDetails, content_type = PROBLEM_JSON)))]
pub(crate) async fn delete(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<StatusCode, Problem> {
    find(&app, &id).await?;
    let bundles = app.store.bundles().await?;
    let uses = |document: &BundleDocument| document.source.connection == id || document.client.connection == id;
    if let Some(user) = bundles.iter().find(|bundle| uses(&bundle.document)) {
        return Err(Problem::conflict(text("connection-used").with("bundle", &user.id)));
    }
    app.store.delete_connection(&id).await?;
    tracing::info!(connection_id = %id, "disconnected");
    Ok(StatusCode::NO_CONTENT)
}

/// Pauses a connection: its leads are parked until it is resumed.
#[utoipa::path(post, path = "/api/connections/{id}/pause", tag = "connections", params(("id" = String, Path)),
    responses((status = OK, body = ConnectionView)))]
pub(crate) async fn pause(State(app): State<Arc<App>>, Ids(id): Ids<Slug>) -> Result<Json<ConnectionView>, Problem> {
    let before = find(&app, &id).await?;
    let after = Connection { state: ConnectionState::Paused, ..before.clone() };
    app.store.save_connection(&before, &after).await?;
    tracing::info!(connection_id = %id, "paused by a person");
    Ok(Json(after.into()))
}

/// Resumes a connection after its key was tried again. The leads that were parked because of it then run, oldest
/// first.
#[utoipa::path(post, path = "/api/connections/{id}/resume", tag = "connections", params(("id" = String, Path)),
    responses((status = OK, body = ConnectionView),
              (status = UNPROCESSABLE_ENTITY, description = "The key is still refused.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
) -> Result<Json<ConnectionView>, Problem> {
    let before = find(&app, &id).await?;
    let mut after = before.clone();
    let secret = app.secret(&before).await?;
    if let Err(refused) = trial::retry_key(&app, &mut after, &secret, language).await {
        if let Some(state) = refused.state {
            let refused = Connection { state, checked_at: app.clock.now(), ..before.clone() };
            app.store.save_connection(&before, &refused).await?;
        }
        return Err(refused.problem);
    }
    app.store.save_connection(&before, &after).await?;
    tracing::info!(connection_id = %id, "resumed");
    app.wake(app.store.release_held_by_connection(&id, app.clock.now()).await?).await;
    Ok(Json(after.into()))
}

/// The connection of this id.
///
/// # Errors
/// 404 when there is none.
pub(crate) async fn find(app: &App, id: &Slug) -> Result<Connection, Problem> {
    app.store.connection(id).await?.ok_or_else(|| Problem::not_found(text("no-connection")))
}

enum Credentials {
    Remonline { api_key: SecretString },
    Facebook { page_id: MetaId, page_token: SecretString },
}

impl NewConnection {
    /// A page whose token did not come in a body.
    pub(crate) fn page(title: String, page_id: MetaId, page_token: SecretString) -> Self {
        let (id, page_id, page_token) = (None, Some(page_id), Some(page_token));
        Self { id, kind: Kind::Facebook, title, api_key: None, page_id, page_token }
    }

    /// The credentials that belong to the kind, and no others.
    fn credentials(self) -> Result<Credentials, Problem> {
        match (self.kind, self.api_key, self.page_id, self.page_token) {
            (Kind::Remonline, Some(api_key), None, None) => Ok(Credentials::Remonline { api_key }),
            (Kind::Facebook, None, Some(page_id), Some(page_token)) => {
                Ok(Credentials::Facebook { page_id, page_token })
            }
            (kind, api_key, page_id, page_token) => {
                let facebook = kind == Kind::Facebook;
                let fields = [
                    ("/api_key", !facebook, api_key.is_some()),
                    ("/page_id", facebook, page_id.is_some()),
                    ("/page_token", facebook, page_token.is_some()),
                ];
                let errors = fields.into_iter().filter(|(_, wanted, given)| wanted != given);
                Err(Problem::invalid(errors.map(|(pointer, wanted, _)| misplaced(pointer, wanted, kind)).collect()))
            }
        }
    }
}

impl ConnectionChange {
    /// Another token for a page.
    pub(crate) fn page_token(page_token: SecretString) -> Self {
        Self { title: None, api_key: None, page_token: Some(page_token) }
    }

    /// The new key, if there is one for this kind.
    fn secret(self, kind: Kind) -> Result<Option<SecretString>, Problem> {
        match (kind, self.api_key, self.page_token) {
            (Kind::Remonline, secret, None) | (Kind::Facebook, None, secret) => Ok(secret),
            (Kind::Remonline, _, Some(_)) => Err(Problem::invalid(vec![misplaced("/page_token", false, kind)])),
            (Kind::Facebook, Some(_), _) => Err(Problem::invalid(vec![misplaced("/api_key", false, kind)])),
        }
    }
}

fn misplaced(pointer: &str, wanted: bool, kind: Kind) -> FieldFault {
    let fault = if wanted { text("credential-missing") } else { text("credential-superfluous") };
    FieldFault::new(pointer, fault.with("kind", kind.name()))
}

impl Kind {
    pub(crate) fn of(kind: &ConnectionKind) -> Self {
        match kind {
            ConnectionKind::Remonline { .. } => Self::Remonline,
            ConnectionKind::Facebook { .. } => Self::Facebook,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Remonline => "remonline",
            Self::Facebook => "facebook",
        }
    }
}

/// Refuses a title that nobody could read.
///
/// # Errors
/// 422 blaming `/title`.
pub(crate) fn check_title(title: &str) -> Result<(), Problem> {
    if (1..=LONGEST_TITLE).contains(&title.trim().chars().count()) {
        return Ok(());
    }
    Err(Problem::invalid_field("/title", text("title-length").with("most", LONGEST_TITLE)))
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        let kind = Kind::of(&connection.kind).name();
        let (name, page_id) = match connection.kind {
            ConnectionKind::Remonline { account } => (account.name, None),
            ConnectionKind::Facebook { page_id, page_name } => (page_name, Some(page_id.into())),
        };
        Self {
            id: connection.id.into(),
            kind,
            title: connection.title,
            state: connection.state,
            account: AccountView { name },
            page_id,
            created_at: connection.created_at,
            checked_at: connection.checked_at,
        }
    }
}
