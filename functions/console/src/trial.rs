//! A key or token is tried before it is trusted: everything that the processor will need is read once.

use domain::{Account, AccountId, Connection, ConnectionKind, ConnectionState, EmailSearch, MetaId, PhoneSearch};
use facebook::graph::{Graph, GraphError, LeadAccess, PageDetails};
use fluent_bundle::FluentArgs;
use jiff::Timestamp;
use remonline::{Client, Company};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    explain::Language,
    failure::{explain_graph, explain_remonline, graph_problem, remonline_problem, sentence},
    problem::Problem,
    text::Text,
};

/// What a new key leads to.
///
/// # Errors
/// 422 when it is refused, 502 or 503 when it cannot be tried now.
pub(crate) async fn connect_remonline(
    app: &App,
    key: &SecretString,
    language: Language,
) -> Result<ConnectionKind, Problem> {
    let client = app.systems.remonline_with(key.clone(), None);
    let tried = try_key(&client, app.clock.now()).await.map_err(|failed| failed.problem("/api_key", language))?;
    let Tried { company, phone_search, email_search } = tried;
    let account = Account { id: account_id(&company), name: company.name, phone_search, email_search };
    // Until now nobody knew whose allowance was used; from the last call on everybody keeps the distance.
    app.store.reserve_slots(&account.id, 1, app.systems.min_interval, app.clock.now()).await?;
    Ok(ConnectionKind::Remonline { account })
}

/// What a new page token leads to; the app is told about the page's leads from now on.
///
/// # Errors
/// 422 when it is refused, 502 or 503 when it cannot be tried now.
pub(crate) async fn connect_page(
    app: &App,
    page_id: MetaId,
    token: &SecretString,
    language: Language,
) -> Result<ConnectionKind, Problem> {
    let tried = try_token(&app.systems.graph, token, &page_id).await;
    let page_name = tried.map_err(|failed| failed.problem("/page_token", language))?;
    Ok(ConnectionKind::Facebook { page_id, page_name })
}

/// A key that a connection cannot go on with.
pub(crate) struct RefusedKey {
    /// The state the connection gets, unless it is not known.
    pub(crate) state: Option<ConnectionState>,
    /// What the caller is told.
    pub(crate) problem: Problem,
}

/// Tries a key of a connection that exists, which is active then and keeps its account.
///
/// # Errors
/// When it is refused or cannot be tried now.
pub(crate) async fn retry_key(
    app: &App,
    connection: &mut Connection,
    secret: &SecretString,
    language: Language,
) -> Result<(), RefusedKey> {
    let refused = |pointer| {
        move |failed: Failed| RefusedKey { state: failed.state(), problem: failed.problem(pointer, language) }
    };
    match &mut connection.kind {
        ConnectionKind::Remonline { account } => {
            let client = app.systems.remonline_with(secret.clone(), Some(&account.id));
            let tried = try_key(&client, app.clock.now()).await;
            if let Err(Failed { why: Why::Remonline(error), .. }) = &tried {
                app.systems.heed(&account.id, error).await;
            }
            let tried = tried.map_err(refused("/api_key"))?;
            keep_account(account, tried, language).map_err(|problem| RefusedKey { state: None, problem })?;
        }
        ConnectionKind::Facebook { page_id, page_name } => {
            *page_name = try_token(&app.systems.graph, secret, page_id).await.map_err(refused("/page_token"))?;
        }
    }
    connection.state = ConnectionState::Active;
    connection.checked_at = app.clock.now();
    Ok(())
}

/// The account stays when the company has changed its name or its address, not when it is another company: its
/// clients and orders are not those we know.
fn keep_account(account: &mut Account, tried: Tried, language: Language) -> Result<(), Problem> {
    let Tried { company, phone_search, email_search } = tried;
    if account_id(&company) != account.id && company.name != account.name {
        let values = FluentArgs::from_iter([("other", company.name.as_str()), ("own", account.name.as_str())]);
        let told = language.text_with("key-of-other-company", &values).map(|told| sentence(&told));
        return Err(Problem::invalid_field("/api_key", Text::Words(told.unwrap_or_default())));
    }
    account.name = company.name;
    account.phone_search = phone_search;
    account.email_search = email_search;
    Ok(())
}

/// RemOnline names no id of a company, so what it says of it when it is first seen has to do.
fn account_id(company: &Company) -> AccountId {
    let Company { id, name, email, created_at, .. } = company;
    let told = id.map_or_else(|| format!("{name}\n{created_at:?}\n{email}"), |id| id.to_string());
    let hash = hex::encode(Sha256::digest(told));
    AccountId::new(format!("ro-{}", &hash[..24]))
}

/// What a key that works leads to.
#[derive(Debug)]
struct Tried {
    /// The company behind it.
    company: Company,
    /// How people can be searched there.
    phone_search: PhoneSearch,
    email_search: EmailSearch,
}

/// What a trial could not read.
#[derive(Debug)]
struct Failed {
    /// In the words of the other system.
    what: &'static str,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Remonline(remonline::Error),
    Graph(GraphError),
    OtherPage { name: String, id: MetaId },
    NoLeadAccess(Vec<String>),
    NoPermission,
}

/// The permission without which Meta shows no lead.
const LEADS_RETRIEVAL: &str = "leads_retrieval";

/// Reads the company, people and orders: four or five calls.
///
/// # Errors
/// Names what could not be read.
async fn try_key(client: &Client, now: Timestamp) -> Result<Tried, Failed> {
    client.pacer().expect(5);
    let failed = |what| move |error| Failed { what, why: Why::Remonline(error) };
    let company = client.company().await.map_err(failed("company"))?;
    let (phone_search, email_search) = client.probe_search().await.map_err(failed("people"))?;
    client.orders_created_since(now, 1).await.map_err(failed("orders"))?;
    Ok(Tried { company, phone_search, email_search })
}

/// Reads whose token it is, the page, the token's permissions and the page's forms, has the app told about its leads,
/// and returns the page's name.
///
/// # Errors
/// Names what could not be read.
async fn try_token(graph: &Graph, token: &SecretString, page_id: &MetaId) -> Result<String, Failed> {
    let failed = |what| move |error| Failed { what, why: Why::Graph(error) };
    own_page(graph, token, page_id).await?;
    let page = graph.page(token, page_id).await.map_err(failed("page"))?;
    may_read_leads(graph, token, &page).await?;
    graph.forms(token, page_id).await.map_err(failed("forms"))?;
    graph.subscribe(token, page_id).await.map_err(failed("subscribed_apps"))?;
    Ok(page.name)
}

/// Whether the token is the page's own. Where Meta does not tell, reading the page's forms has to show it.
async fn own_page(graph: &Graph, token: &SecretString, page_id: &MetaId) -> Result<(), Failed> {
    match graph.token_owner(token).await {
        Ok(owner) if owner.id == *page_id => Ok(()),
        Ok(owner) => Err(Failed { what: "page", why: Why::OtherPage { name: owner.name, id: owner.id } }),
        Err(GraphError::NotFound(_) | GraphError::Bug(_)) => Ok(()),
        Err(error) => Err(Failed { what: "token", why: Why::Graph(error) }),
    }
}

/// Whether the permissions and the Leads Access Manager let the token read leads, as far as Meta tells.
async fn may_read_leads(graph: &Graph, token: &SecretString, page: &PageDetails) -> Result<(), Failed> {
    let kept_out = |access: &&LeadAccess| !access.can_access_lead;
    if let Some(access) = page.lead_access.as_ref().filter(kept_out) {
        let words = [&access.failure_reason, &access.failure_resolution].into_iter().flatten().cloned();
        return Err(Failed { what: "has_lead_access", why: Why::NoLeadAccess(words.collect()) });
    }
    match graph.debug_token(token).await {
        Ok(Some(details)) if !details.scopes.is_empty() && !details.scopes.iter().any(|s| s == LEADS_RETRIEVAL) => {
            Err(Failed { what: "permissions", why: Why::NoPermission })
        }
        Ok(_) => Ok(()),
        // The app's own token was refused, which says nothing of the page's.
        Err(error) => {
            tracing::warn!(%error, "Meta does not tell the token's permissions");
            Ok(())
        }
    }
}

impl Failed {
    /// The state of a connection with this key; `None` when the failure will pass.
    fn state(&self) -> Option<ConnectionState> {
        use remonline::Error as E;
        match &self.why {
            Why::Remonline(E::KeyRejected(_)) | Why::Graph(GraphError::TokenRejected(_)) | Why::OtherPage { .. } => {
                Some(ConnectionState::KeyRejected)
            }
            Why::Remonline(E::Forbidden(_) | E::Rejected(_) | E::NotFound(_))
            | Why::Graph(GraphError::Forbidden { .. } | GraphError::NotFound(_))
            | Why::NoLeadAccess(_)
            | Why::NoPermission => Some(ConnectionState::Forbidden),
            Why::Remonline(E::Throttled { .. } | E::Unavailable(_) | E::OutcomeUnknown(_) | E::Pacing(_))
            | Why::Graph(
                GraphError::Throttled { .. }
                | GraphError::Unavailable(_)
                | GraphError::ReduceData(_)
                | GraphError::Bug(_),
            ) => None,
        }
    }

    /// 422 blaming the field at `pointer` when the key is refused, 502 or 503 when it could not be tried now.
    fn problem(&self, pointer: &str, language: Language) -> Problem {
        match (&self.why, self.state()) {
            (Why::Remonline(error), None) => remonline_problem(error, language),
            (Why::Graph(error), None) => graph_problem(error, language),
            _ => Problem::invalid_field(pointer, Text::Words(format!("{}: {}", self.what, self.explained(language)))),
        }
    }

    fn explained(&self, language: Language) -> String {
        match &self.why {
            Why::Remonline(error) => sentence(&explain_remonline(error, language)),
            Why::Graph(error) => sentence(&explain_graph(error, language)),
            Why::OtherPage { name, id } => {
                let values = FluentArgs::from_iter([("name", name.as_str()), ("id", id.as_str())]);
                language.text_with("token-of-other-page", &values).map(|text| sentence(&text)).unwrap_or_default()
            }
            Why::NoLeadAccess(words) => {
                let explained = language.graph(Some(103), None).map(|text| sentence(&text));
                explained.into_iter().chain(words.iter().cloned()).collect::<Vec<_>>().join(" ")
            }
            Why::NoPermission => language.graph(Some(200), None).map(|text| sentence(&text)).unwrap_or_default(),
        }
    }
}
