//! The connection doctor: what has to be right for leads to flow, looked at one by one. It speaks no language: whoever
//! asks puts what was found into words.

use std::fmt;

use domain::{Bundle, Connection, ConnectionKind, ConnectionState, Form, MetaId, NamedQuestion, Slug};
use facebook::graph::{Graph, GraphError, PageDetails, TokenDetails};
use jiff::{SignedDuration, Timestamp};
use remonline::Client;
use secrecy::SecretString;

use crate::{List, Lists, OpenError, Reference, Systems, references};

/// Without it Meta shows no lead.
const LEADS_RETRIEVAL: &str = "leads_retrieval";

/// What a page token needs to be granted.
/// Source: Meta, Marketing API, Lead Ads, "Permissions".
const PERMISSIONS: [&str; 4] = [LEADS_RETRIEVAL, "pages_manage_metadata", "pages_read_engagement", "pages_show_list"];

/// How long before its end a token is complained about.
const NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The field of a page that announces leads.
const LEADGEN: &str = "leadgen";

/// The status of a form that takes leads.
/// Source: Meta, Graph API reference, Lead Gen Form, `status`.
const ACTIVE: &str = "ACTIVE";

/// The name of the check whether the page tells the app about its leads.
pub const PAGE_SUBSCRIPTION: &str = "page_subscription";

/// The checks without which no lead gets through a connection.
const VITAL: [&str; 7] = ["api_key", "people", "orders", "page_token", "lead_access", "permissions", "forms"];

/// What the doctor found.
#[derive(Debug, Default)]
pub struct Checkup {
    /// One for each thing that has to be right.
    pub findings: Vec<Finding>,
    /// The state that the connection's own key earned by being refused.
    pub refused: Option<ConnectionState>,
}

/// What was found about one thing that has to be right.
#[derive(Debug)]
pub struct Finding {
    /// What was looked at, in a word.
    pub name: &'static str,
    /// The bundle that needs it; none for what every lead needs.
    pub bundle: Option<Slug>,
    /// What was seen, or what is wrong.
    pub told: Result<Seen, Fault>,
}

/// What was seen of something that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// That it is right.
    Right,
    /// Its name.
    Name(String),
    /// How many there are.
    Count(usize),
}

/// What is wrong.
#[derive(Debug)]
pub enum Fault {
    /// RemOnline refused, or did not answer.
    Remonline(remonline::Error),
    /// Meta refused, or did not answer.
    Graph(GraphError),
    /// The Leads Access Manager keeps the leads from the token; reason and resolution in Meta's words.
    NoLeadAccess(Option<String>, Option<String>),
    /// The token was not granted these permissions.
    Lacks(Vec<&'static str>),
    /// It is not so.
    NotSo,
    /// The page has no such form any more.
    NoForm(String),
    /// The form takes no leads: its status is another one than active.
    FormStatus(String),
    /// The form does not ask a question whose answer the bundle names.
    NoQuestion(NamedQuestion),
    /// RemOnline does not have what the bundle names.
    NoReference(Reference),
}

impl Systems {
    /// Looks at everything that has to be right for the leads of a connection, and of those of `bundles` that use it.
    ///
    /// # Errors
    /// When the connection's key does not open.
    pub async fn check(&self, connection: &Connection, bundles: &[Bundle]) -> Result<Checkup, OpenError> {
        let mut checkup = Checkup::default();
        match &connection.kind {
            ConnectionKind::Remonline { account } => {
                let client = self.remonline(connection).await?;
                let users = bundles.iter().filter(|bundle| bundle.document.client.connection == connection.id);
                checkup.remonline(&client, self.clock.now(), users).await;
                for error in checkup.findings.iter().filter_map(Finding::remonline_error) {
                    self.heed(&account.id, error).await;
                }
            }
            ConnectionKind::Facebook { page_id, .. } => {
                let token = self.secret(connection).await?;
                let users = bundles.iter().filter(|bundle| bundle.document.source.connection == connection.id);
                let page = Page { graph: &self.graph, token: &token, id: page_id };
                checkup.facebook(&page, self.clock.now(), users).await;
            }
        }
        Ok(checkup)
    }
}

/// A page with the token that is looked at.
struct Page<'a> {
    graph: &'a Graph,
    token: &'a SecretString,
    id: &'a MetaId,
}

impl Checkup {
    /// Whether leads get through the connection, as far as its own key or token is concerned.
    pub fn works(&self) -> bool {
        !self.findings.iter().any(Finding::blocks)
    }

    /// What is wrong.
    pub fn failed(&self) -> impl Iterator<Item = (&Finding, &Fault)> {
        self.findings.iter().filter_map(|finding| Some((finding, finding.told.as_ref().err()?)))
    }

    /// Whether this check was made and failed.
    pub fn has_failed(&self, name: &str) -> bool {
        self.failed().any(|(finding, _)| finding.name == name)
    }

    async fn remonline<'b>(&mut self, client: &Client, now: Timestamp, bundles: impl Iterator<Item = &'b Bundle>) {
        client.pacer().expect(6);
        self.asked("api_key", client.company().await.map(|company| Seen::Name(company.name)));
        if self.refused == Some(ConnectionState::KeyRejected) {
            return;
        }
        self.asked("people", client.list_people(1).await.map(|_| Seen::Right));
        self.asked("orders", client.orders_created_since(now, 1).await.map(|_| Seen::Right));
        let mut lists = Lists::new(client);
        for (name, list) in
            [("locations", List::Branches), ("order_types", List::OrderTypes), ("statuses", List::Statuses)]
        {
            self.asked(name, lists.get(list).await.map(|choices| Seen::Count(choices.len())));
        }
        for bundle in bundles {
            let missing = lists.missing(references(&bundle.document)).await;
            let faults = missing.map(|missing| missing.into_iter().map(Fault::NoReference).collect());
            self.of_bundle("references", bundle, faults.unwrap_or_else(|error| vec![Fault::Remonline(error)]));
        }
    }

    async fn facebook<'b>(&mut self, page: &Page<'_>, now: Timestamp, bundles: impl Iterator<Item = &'b Bundle>) {
        let details = page.graph.page(page.token, page.id).await;
        self.told("page_token", &details, |details| Seen::Name(details.name.clone()));
        if self.refused == Some(ConnectionState::KeyRejected) {
            return;
        }
        if let Ok(details) = &details {
            self.lead_access(details);
            if let Some(accepted) = details.terms_accepted {
                self.judge("terms", accepted);
            }
        }
        match page.graph.debug_token(page.token).await {
            Ok(Some(details)) => self.token(&details, now),
            Ok(None) => {}
            Err(error) => self.add("permissions", Err(Fault::Graph(error))),
        }
        let forms = page.graph.forms(page.token, page.id).await;
        self.told("forms", &forms, |forms| Seen::Count(forms.len()));
        self.page_subscription(page).await;
        self.app_subscription(page.graph).await;
        if let Ok(forms) = forms {
            bundles.for_each(|bundle| self.form(bundle, &forms));
        }
    }

    fn lead_access(&mut self, page: &PageDetails) {
        let Some(access) = &page.lead_access else { return };
        let refused = || Fault::NoLeadAccess(access.failure_reason.clone(), access.failure_resolution.clone());
        self.add("lead_access", if access.can_access_lead { Ok(Seen::Right) } else { Err(refused()) });
    }

    fn token(&mut self, details: &TokenDetails, now: Timestamp) {
        let granted = |wanted: &&str| details.scopes.iter().any(|scope| scope == wanted);
        let lacking: Vec<_> = PERMISSIONS.into_iter().filter(|wanted| !granted(wanted)).collect();
        self.add("permissions", if lacking.is_empty() { Ok(Seen::Right) } else { Err(Fault::Lacks(lacking)) });
        let ends = details.expires_at.into_iter().chain(details.data_access_expires_at).min();
        self.judge("token_expiry", ends.is_none_or(|end| end >= now + NOTICE));
    }

    async fn page_subscription(&mut self, page: &Page<'_>) {
        match page.graph.is_subscribed(page.token, page.id).await {
            Ok(subscribed) => self.judge(PAGE_SUBSCRIPTION, subscribed),
            Err(error) => self.add(PAGE_SUBSCRIPTION, Err(Fault::Graph(error))),
        }
    }

    async fn app_subscription(&mut self, graph: &Graph) {
        match graph.app_subscriptions().await {
            Ok(None) => {}
            Ok(Some(subscriptions)) => {
                let live = subscriptions.iter().any(|subscription| {
                    let leads = subscription.fields.iter().any(|field| field == LEADGEN);
                    subscription.object == "page" && subscription.active && leads
                });
                self.judge("app_subscription", live);
            }
            Err(error) => self.add("app_subscription", Err(Fault::Graph(error))),
        }
    }

    /// Whether the form of a bundle takes leads and asks what the bundle counts on. A bundle of all forms counts on
    /// none.
    fn form(&mut self, bundle: &Bundle, forms: &[Form]) {
        let wanted = &bundle.document.source.form_id;
        if wanted == "*" {
            return;
        }
        let Some(form) = forms.iter().find(|form| form.id.as_str() == wanted) else {
            return self.of_bundle("form", bundle, vec![Fault::NoForm(wanted.clone())]);
        };
        let other_status = (form.status != ACTIVE).then(|| Fault::FormStatus(form.status.clone()));
        self.of_bundle("form", bundle, Vec::from_iter(other_status));
        let unasked = bundle.document.questions().into_iter().filter(|question| !form.asks(&question.key));
        self.of_bundle("questions", bundle, unasked.map(Fault::NoQuestion).collect());
    }

    /// What RemOnline answered to one question.
    fn asked(&mut self, name: &'static str, answer: Result<Seen, remonline::Error>) {
        use remonline::Error as E;
        let refused = match &answer {
            Err(E::KeyRejected(_)) => Some(ConnectionState::KeyRejected),
            Err(E::Forbidden(_)) => Some(ConnectionState::Forbidden),
            _ => None,
        };
        self.refused = self.refused.or(refused);
        self.add(name, answer.map_err(Fault::Remonline));
    }

    /// What Meta answered about the page.
    fn told<T>(&mut self, name: &'static str, answer: &Result<T, GraphError>, seen: impl FnOnce(&T) -> Seen) {
        let refused = match answer {
            Err(GraphError::TokenRejected(_)) => Some(ConnectionState::KeyRejected),
            Err(GraphError::Forbidden { .. }) => Some(ConnectionState::Forbidden),
            _ => None,
        };
        self.refused = self.refused.or(refused);
        self.add(name, answer.as_ref().map(seen).map_err(|error| Fault::Graph(error.clone())));
    }

    /// What is wrong for one bundle, each thing told for itself.
    fn of_bundle(&mut self, name: &'static str, bundle: &Bundle, faults: Vec<Fault>) {
        let finding = |told| Finding { name, bundle: Some(bundle.id.clone()), told };
        if faults.is_empty() {
            self.findings.push(finding(Ok(Seen::Right)));
        }
        self.findings.extend(faults.into_iter().map(|fault| finding(Err(fault))));
    }

    fn judge(&mut self, name: &'static str, right: bool) {
        self.add(name, if right { Ok(Seen::Right) } else { Err(Fault::NotSo) });
    }

    fn add(&mut self, name: &'static str, told: Result<Seen, Fault>) {
        self.findings.push(Finding { name, bundle: None, told });
    }
}

impl Finding {
    fn remonline_error(&self) -> Option<&remonline::Error> {
        match &self.told {
            Err(Fault::Remonline(error)) => Some(error),
            _ => None,
        }
    }

    fn blocks(&self) -> bool {
        let harmless = match &self.told {
            Ok(_) => true,
            Err(Fault::Lacks(permissions)) => !permissions.contains(&LEADS_RETRIEVAL),
            Err(_) => false,
        };
        VITAL.contains(&self.name) && !harmless
    }
}

/// For logs: without personal data and without a secret.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remonline(error) => error.fmt(f),
            Self::Graph(error) => error.fmt(f),
            Self::NoLeadAccess(reason, _) => {
                write!(f, "no access to leads: {}", reason.as_deref().unwrap_or("Meta does not say why"))
            }
            Self::Lacks(permissions) => write!(f, "not granted: {}", permissions.join(", ")),
            Self::NotSo => f.write_str("not so"),
            Self::NoForm(id) => write!(f, "the page has no form {id}"),
            Self::FormStatus(status) => write!(f, "the form is {status}"),
            Self::NoQuestion(named) => write!(f, "{}: the form does not ask {}", named.pointer, named.key),
            Self::NoReference(named) => write!(f, "{}: RemOnline has no {}", named.pointer, named.id_text()),
        }
    }
}
