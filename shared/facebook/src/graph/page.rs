use domain::MetaId;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Graph, GraphError, error, wire};

/// A page, with what stands in the way of reading its leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageDetails {
    /// The page's id.
    pub id: MetaId,
    /// The page's name.
    pub name: String,
    /// Whether the token may read leads; absent when Meta does not say.
    pub lead_access: Option<LeadAccess>,
    /// Whether the page has accepted the terms of lead ads; absent when Meta does not say.
    pub terms_accepted: Option<bool>,
}

/// What the Leads Access Manager says about the token.
/// Source: Meta, Graph API reference, Page `has_lead_access`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LeadAccess {
    /// Whether leads can be read.
    pub can_access_lead: bool,
    /// Why not.
    pub failure_reason: Option<String>,
    /// What the page's owner has to do.
    pub failure_resolution: Option<String>,
}

/// Whose token it is: a page for a page token, a person or a system user for theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// The id of the page, person or system user.
    pub id: MetaId,
    /// Its name.
    pub name: String,
}

/// What Meta knows of a token.
/// Source: Meta, Graph API reference, `/debug_token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDetails {
    /// Whether it works.
    pub is_valid: bool,
    /// `PAGE`, `USER`, `SYSTEM_USER`, ...
    pub kind: String,
    /// The app it was made for.
    pub app_id: Option<MetaId>,
    /// When it ends; none for never.
    pub expires_at: Option<Timestamp>,
    /// When it stops giving data although it is valid; none for never.
    pub data_access_expires_at: Option<Timestamp>,
    /// The permissions it carries.
    pub scopes: Vec<String>,
    /// Why it does not work, in Meta's words.
    pub problem: Option<String>,
}

#[derive(Deserialize)]
struct WirePage {
    id: wire::Id,
    #[serde(default)]
    name: String,
    has_lead_access: Option<LeadAccess>,
    leadgen_tos_accepted: Option<bool>,
}

#[derive(Deserialize)]
struct Debugged {
    data: WireToken,
}

#[derive(Deserialize)]
struct WireToken {
    #[serde(default)]
    is_valid: bool,
    #[serde(default, rename = "type")]
    kind: String,
    app_id: Option<wire::Id>,
    expires_at: Option<i64>,
    data_access_expires_at: Option<i64>,
    #[serde(default)]
    scopes: Vec<String>,
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    message: String,
}

impl Graph {
    /// Reads a page's name and whether its leads can be read.
    /// Source: Meta, Graph API reference, Page.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn page(&self, token: &SecretString, id: &MetaId) -> Result<PageDetails, GraphError> {
        let fields = "id,name,has_lead_access,leadgen_tos_accepted";
        let page = self.get::<WirePage>(token, id.as_str(), &[("fields", fields)]).await?;
        Ok(PageDetails {
            id: page.id.0,
            name: page.name,
            lead_access: page.has_lead_access,
            terms_accepted: page.leadgen_tos_accepted,
        })
    }

    /// Asks whose token it is.
    /// Source: Meta, Graph API, "Overview", "/me".
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn token_owner(&self, token: &SecretString) -> Result<TokenOwner, GraphError> {
        match self.get::<WirePage>(token, "me", &[("fields", "id,name")]).await {
            Ok(owner) => Ok(TokenOwner { id: owner.id.0, name: owner.name }),
            // "An active access token must be used to query information about the current user".
            Err(GraphError::Bug(cause)) if cause.code == Some(2500) => Err(GraphError::TokenRejected(cause)),
            Err(error) => Err(error),
        }
    }

    /// Asks what a token may do and how long, in the name of the app; `None` when the app's id is not configured.
    /// Source: Meta, Graph API reference, `/debug_token`.
    ///
    /// # Errors
    /// Any [`GraphError`], about the app's own token; an invalid `token` is a result.
    pub async fn debug_token(&self, token: &SecretString) -> Result<Option<TokenDetails>, GraphError> {
        let Some(app_token) = self.app_token() else { return Ok(None) };
        let query = [("input_token", token.expose_secret())];
        let answer = self.get::<Debugged>(&app_token, "debug_token", &query).await;
        let details = answer.map_err(|error| error.without(token))?.data;
        Ok(Some(TokenDetails {
            is_valid: details.is_valid,
            kind: details.kind,
            app_id: details.app_id.map(|id| id.0),
            expires_at: moment(details.expires_at),
            data_access_expires_at: moment(details.data_access_expires_at),
            scopes: details.scopes,
            problem: details.error.map(|problem| error::presentable(&problem.message, token)),
        }))
    }
}

/// Unix seconds, where 0 means never.
fn moment(seconds: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_second(seconds.filter(|seconds| *seconds > 0)?).ok()
}
