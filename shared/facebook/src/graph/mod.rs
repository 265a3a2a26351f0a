//! Client of Meta's Graph API.
//!
//! Every call is a read that may be repeated, except [`Graph::subscribe`], which may be repeated too because it
//! states what shall be. The client itself repeats nothing, except that it asks for less when Meta wants less.

mod error;
mod form;
mod lead;
mod login;
mod page;
mod subscription;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use domain::MetaId;
pub use error::{Cause, GraphError, Lacking};
pub use form::{Created, LeadPage, ListedForm, ListedLead};
use http::{HeaderMap, HeaderValue, Request, header};
pub use lead::FetchedLead;
pub use login::OwnPage;
pub use page::{LeadAccess, PageDetails, TokenDetails, TokenOwner};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
pub use subscription::{AppSubscription, SubscribedApp};
use transport::Transport;
use url::Url;
pub use usage::Usage;

use crate::{AppSecrets, appsecret_proof};

/// The Graph API at one address, for one app.
#[derive(Debug)]
pub struct Graph {
    transport: Arc<dyn Transport>,
    base: Url,
    app_id: Option<MetaId>,
    secrets: AppSecrets,
    /// By the proof of the token, which does not give the token away.
    usage: Mutex<HashMap<String, Usage>>,
}

/// Names and values of a query or a form.
type Parameters<'a> = &'a [(&'a str, &'a str)];

impl Graph {
    /// Makes a client for the API at `base`, version included. With an `app_id`, calls carry `appsecret_proof` and
    /// the calls in the name of the app are possible.
    pub fn new(transport: Arc<dyn Transport>, base: Url, app_id: Option<MetaId>, secrets: AppSecrets) -> Self {
        Self { transport, base, app_id, secrets, usage: Mutex::default() }
    }

    /// How much of the token's allowance Meta counted at its last answer that told.
    pub fn usage(&self, token: &SecretString) -> Usage {
        let usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.get(&appsecret_proof(self.secrets.first(), token)).copied().unwrap_or_default()
    }

    /// Forgets what was told of the token's allowance: it may be old, and Meta tells nothing after little traffic.
    pub fn forget_usage(&self, token: &SecretString) {
        let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        usage.remove(&appsecret_proof(self.secrets.first(), token));
    }

    async fn get<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        query: Parameters<'_>,
    ) -> Result<T, GraphError> {
        let uri = format!("{}?{}", self.address(path), self.encode(token, query)?);
        wire::read(self.exchange(token, Request::get(uri), Bytes::new()).await?, path)
    }

    /// Reads `limit` items of a list from the cursor `after` on, asking for less while Meta finds it too much.
    async fn list<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        query: Parameters<'_>,
        mut limit: usize,
        after: Option<&str>,
    ) -> Result<wire::List<T>, GraphError> {
        loop {
            let text = limit.to_string();
            let mut query = [query, &[("limit", &text)]].concat();
            query.extend(after.map(|cursor| ("after", cursor)));
            match self.get(token, path, &query).await {
                Err(GraphError::ReduceData(_)) if limit > 1 => limit /= 2,
                answer => return answer,
            }
        }
    }

    async fn exchange(
        &self,
        token: &SecretString,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Value, GraphError> {
        let request = request.header(header::AUTHORIZATION, bearer(token)?).body(body);
        let request = request.map_err(|error| GraphError::Bug(Cause::ours(error.to_string())))?;
        let sent = self.transport.send(request).await;
        let answer = sent.map_err(|error| GraphError::Unavailable(Cause::ours(error.to_string())))?;
        let usage = self.note(token, answer.headers());
        error::judge(answer.status().as_u16(), answer.body(), token, usage)
    }

    /// Remembers what the headers tell about the allowance, and returns what this answer told.
    fn note(&self, token: &SecretString, headers: &HeaderMap) -> Usage {
        if let Some(warning) = headers.get("x-ad-api-version-warning") {
            tracing::warn!(warning = ?warning, "Meta warns about the version in GRAPH_API_URL");
        }
        let told = Usage::read(headers);
        if let Some(usage) = told {
            let key = appsecret_proof(self.secrets.first(), token);
            self.usage.lock().unwrap_or_else(PoisonError::into_inner).insert(key, usage);
        }
        told.unwrap_or_default()
    }

    fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// The parameters with the proof, in the form of a query.
    fn encode(&self, token: &SecretString, parameters: Parameters<'_>) -> Result<String, GraphError> {
        let proof = self.app_id.is_some().then(|| appsecret_proof(self.secrets.first(), token));
        let mut parameters = parameters.to_vec();
        parameters.extend(proof.as_deref().map(|proof| ("appsecret_proof", proof)));
        serde_urlencoded::to_string(parameters).map_err(|error| GraphError::Bug(Cause::ours(error.to_string())))
    }

    /// The token of the app itself, if its id is known.
    fn app_token(&self) -> Option<SecretString> {
        let id = self.app_id.as_ref()?;
        Some(format!("{id}|{}", self.secrets.first().expose_secret()).into())
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, GraphError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
    let unfit = |_| GraphError::TokenRejected(Cause::ours("the token has characters that no token has".to_owned()));
    let mut value = value.map_err(unfit)?;
    value.set_sensitive(true);
    Ok(value)
}
