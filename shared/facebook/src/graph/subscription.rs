use bytes::Bytes;
use domain::MetaId;
use http::Request;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Cause, Graph, GraphError, wire};

/// The field of a page that announces leads.
const LEADGEN: &str = "leadgen";

/// An app that is told about a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribedApp {
    /// The app's id.
    pub id: MetaId,
    /// The app's name.
    pub name: String,
    /// What it is told about.
    pub fields: Vec<String>,
}

/// What Meta sends to the app, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSubscription {
    /// `page`, `user`, ...
    pub object: String,
    /// Where the notices go.
    pub callback_url: String,
    /// Whether they go at all.
    pub active: bool,
    /// What they are about.
    pub fields: Vec<String>,
}

#[derive(Deserialize)]
struct WireApp {
    id: wire::Id,
    #[serde(default)]
    name: String,
    #[serde(default)]
    subscribed_fields: Vec<String>,
}

#[derive(Deserialize)]
struct WireSubscription {
    object: String,
    #[serde(default)]
    callback_url: String,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
}

impl Graph {
    /// Lists the apps that are told about a page.
    /// Source: Meta, Graph API reference, Page `subscribed_apps`.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn subscribed_apps(
        &self,
        token: &SecretString,
        page_id: &MetaId,
    ) -> Result<Vec<SubscribedApp>, GraphError> {
        let query = [("fields", "id,name,subscribed_fields")];
        let list = self.list::<WireApp>(token, &format!("{page_id}/subscribed_apps"), &query, 100, None).await?;
        let apps = list.data.into_iter();
        Ok(apps.map(|app| SubscribedApp { id: app.id.0, name: app.name, fields: app.subscribed_fields }).collect())
    }

    /// Has the app told about the page's leads, and about whatever else it is told already: Meta may take the
    /// given fields for the whole.
    /// Source: Meta, Graph API reference, Page `subscribed_apps`.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn subscribe(&self, token: &SecretString, page_id: &MetaId) -> Result<(), GraphError> {
        let mut fields = self.own_fields(self.subscribed_apps(token, page_id).await?);
        if !fields.iter().any(|field| field == LEADGEN) {
            fields.push(LEADGEN.to_owned());
        }
        let query = self.encode(token, &[("subscribed_fields", &fields.join(","))])?;
        let request = Request::post(format!("{}?{query}", self.address(&format!("{page_id}/subscribed_apps"))));
        let done = wire::read::<wire::Success>(self.exchange(token, request, Bytes::new()).await?, "subscribed_apps")?;
        let refused = || GraphError::Bug(Cause::ours("Meta did not subscribe the page and did not say why".to_owned()));
        if done.is_true() { Ok(()) } else { Err(refused()) }
    }

    /// Whether the app is told about the page's leads. Without the app's id any app counts.
    ///
    /// # Errors
    /// Any [`GraphError`].
    pub async fn is_subscribed(&self, token: &SecretString, page_id: &MetaId) -> Result<bool, GraphError> {
        let is_own = |app: &SubscribedApp| self.app_id.as_ref().is_none_or(|id| app.id == *id);
        let is_told = |app: &SubscribedApp| app.fields.iter().any(|field| field == LEADGEN);
        Ok(self.subscribed_apps(token, page_id).await?.iter().any(|app| is_own(app) && is_told(app)))
    }

    /// What our own app is told about. Without the app's id a single app is taken for ours.
    fn own_fields(&self, apps: Vec<SubscribedApp>) -> Vec<String> {
        let alone = apps.len() == 1;
        let is_own = |app: &SubscribedApp| self.app_id.as_ref().map_or(alone, |id| app.id == *id);
        apps.into_iter().find(is_own).map(|app| app.fields).unwrap_or_default()
    }

    /// Lists what Meta sends to the app; `None` when the app's id is not configured.
    /// Source: Meta, Graph API reference, App `subscriptions`.
    ///
    /// # Errors
    /// Any [`GraphError`], about the app's own token.
    pub async fn app_subscriptions(&self) -> Result<Option<Vec<AppSubscription>>, GraphError> {
        let (Some(id), Some(token)) = (&self.app_id, self.app_token()) else { return Ok(None) };
        let list = self.get::<wire::List<WireSubscription>>(&token, &format!("{id}/subscriptions"), &[]).await?;
        Ok(Some(list.data.into_iter().map(AppSubscription::from).collect()))
    }
}

impl From<WireSubscription> for AppSubscription {
    fn from(wire: WireSubscription) -> Self {
        let fields = wire.fields.into_iter().map(|field| field.name).collect();
        Self { object: wire.object, callback_url: wire.callback_url, active: wire.active, fields }
    }
}
