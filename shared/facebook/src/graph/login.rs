use bytes::Bytes;
use domain::MetaId;
use http::{Method, Request, header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::{Cause, Graph, GraphError, Parameters, Usage, error, wire};

/// What the app needs of the person who logs in. Source: Meta, Permissions Reference, and Webhooks for Leads.
const PERMISSIONS: &str =
    "leads_retrieval,pages_show_list,pages_manage_metadata,pages_read_engagement,pages_manage_ads";

/// Most pages of one person that are looked at.
const PAGES: &str = "100";

/// A page of a person, with the token of the page itself.
#[derive(Debug)]
pub struct OwnPage {
    /// The page's id.
    pub id: MetaId,
    /// The page's name.
    pub name: String,
    /// The page's token. Made with a long-lived token of the person, it does not end by itself.
    pub token: SecretString,
}

#[derive(Deserialize)]
struct WireToken {
    access_token: SecretString,
}

#[derive(Deserialize)]
struct WireOwnPage {
    id: wire::Id,
    #[serde(default)]
    name: String,
    access_token: Option<SecretString>,
}

impl Graph {
    /// Where a person logs in and lets the app read the leads of a page; Meta then leads to `back` with a `code` and the
    /// `state` that was given. Nothing without the app's id.
    /// Source: Meta, Facebook Login, "Manually Build a Login Flow".
    pub fn login_address(&self, back: &Url, state: &str) -> Option<Url> {
        let app_id = self.app_id.as_ref()?;
        let mut address = self.base.clone();
        let host = self.base.host_str()?;
        // The dialog is on the site for people, next to the one for programs.
        let site = host.strip_prefix("graph.").map_or_else(|| host.to_owned(), |domain| format!("www.{domain}"));
        address.set_host(Some(&site)).ok()?;
        address.path_segments_mut().ok()?.pop_if_empty().extend(["dialog", "oauth"]);
        let query = [
            ("client_id", app_id.as_str()),
            ("redirect_uri", back.as_str()),
            ("state", state),
            ("scope", PERMISSIONS),
            ("response_type", "code"),
        ];
        address.query_pairs_mut().extend_pairs(query);
        Some(address)
    }

    /// Makes a long-lived token of the person out of the code that a login ended with.
    /// Source: Meta, Facebook Login, "Exchanging Code for an Access Token" and "Long-Lived Access Tokens".
    ///
    /// # Errors
    /// [`GraphError::Forbidden`] or [`GraphError::Bug`] when Meta does not take the code, which is good once and for some
    /// minutes.
    pub async fn log_in(&self, code: &SecretString, back: &Url) -> Result<SecretString, GraphError> {
        let short = self.token(&[("code", code.expose_secret()), ("redirect_uri", back.as_str())]).await?;
        let long = [("grant_type", "fb_exchange_token"), ("fb_exchange_token", short.expose_secret())];
        self.token(&long).await
    }

    /// The pages of a person or system user, each with its own token.
    /// Source: Meta, Graph API reference, User `accounts`.
    ///
    /// # Errors
    /// Any error of Meta.
    pub async fn own_pages(&self, person: &SecretString) -> Result<Vec<OwnPage>, GraphError> {
        let query = [("fields", "id,name,access_token"), ("limit", PAGES)];
        let pages: wire::List<WireOwnPage> = self.get(person, "me/accounts", &query).await?;
        let page = |page: WireOwnPage| Some(OwnPage { id: page.id.0, name: page.name, token: page.access_token? });
        Ok(pages.data.into_iter().filter_map(page).collect())
    }

    /// Asks for a token in the name of the app. The secret goes in the body, where no log of an address has it.
    async fn token(&self, parameters: Parameters<'_>) -> Result<SecretString, GraphError> {
        let ours = |what: String| GraphError::Bug(Cause::ours(what));
        let app_id = self.app_id.as_ref().ok_or_else(|| ours("the app's id is not known".to_owned()))?;
        let secret = self.secrets.first();
        let app = [("client_id", app_id.as_str()), ("client_secret", secret.expose_secret())];
        let body = serde_urlencoded::to_string([&app, parameters].concat()).map_err(|error| ours(error.to_string()))?;
        let request = Request::builder().method(Method::POST).uri(self.address("oauth/access_token"));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(body)).map_err(|error| ours(error.to_string()))?;
        let sent = self.transport.send(request).await;
        let answer = sent.map_err(|error| GraphError::Unavailable(Cause::ours(error.to_string())))?;
        let value = error::judge(answer.status().as_u16(), answer.body(), secret, Usage::default())?;
        wire::read::<WireToken>(value, "oauth/access_token").map(|token| token.access_token)
    }
}
