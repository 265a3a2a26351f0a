use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use transport::Transport;

use super::call::Call;
use super::delivery::Delivery;
use super::errors::GraphError;
use super::faults::ScopedFaults;
use super::leads::{Ad, Answers, NewLead, Webhook};
use super::limits::Usage;
use super::subscriptions::Subscription;
use super::tokens::Token;
use super::{App, Form, LoggedRequest, Settings, edges, nodes, pages, subscriptions, tokens};

/// A JSON object.
pub(super) type Row = Map<String, Value>;

/// How long a lead can be read.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A Facebook page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) name: String,
    /// Leads Access Manager lets the app in.
    pub(super) lead_access: bool,
    pub(super) terms_accepted: bool,
    /// Webhook fields of the app on this page; none when the app is not installed.
    pub(super) installed: Option<BTreeSet<String>>,
    pub(super) usage: Usage,
}

/// A form of a page.
#[derive(Debug)]
pub(super) struct StoredForm {
    pub(super) page: String,
    pub(super) form: Form,
    pub(super) created: Timestamp,
    /// The ids of its leads.
    pub(super) leads: BTreeSet<String>,
}

/// A lead of a form.
#[derive(Debug)]
pub(super) struct Lead {
    pub(super) page: String,
    pub(super) form: String,
    pub(super) created: Timestamp,
    pub(super) platform: String,
    pub(super) ad: Option<Ad>,
    pub(super) field_data: Vec<(String, Vec<String>)>,
    pub(super) consents: Vec<(String, bool)>,
    pub(super) by_app_role: bool,
    pub(super) test: bool,
    pub(super) webhook: Webhook,
}

impl Lead {
    /// Whether its ninety days are over.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        now.duration_since(self.created) >= RETENTION
    }
}

/// Everything the server knows.
pub(super) struct State {
    pub(super) app: App,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// Carries what Meta itself sends; made when first needed.
    pub(super) transport: Option<Arc<dyn Transport>>,
    pub(super) settings: Settings,
    pub(super) pages: BTreeMap<String, Page>,
    pub(super) forms: BTreeMap<String, StoredForm>,
    pub(super) leads: BTreeMap<String, Lead>,
    pub(super) tokens: BTreeMap<String, Token>,
    /// Codes of logins that nobody exchanged yet.
    pub(super) codes: BTreeSet<String>,
    pub(super) subscription: Option<Subscription>,
    pub(super) faults: ScopedFaults,
    pub(super) requests: Vec<LoggedRequest>,
    pub(super) deliveries: Vec<Delivery>,
    last_number: u64,
    last_form: u64,
    last_lead: u64,
}

impl State {
    pub(super) fn new(app: App, clock: Box<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self {
            app,
            clock,
            transport: None,
            settings: Settings::default(),
            pages: BTreeMap::new(),
            forms: BTreeMap::new(),
            leads: BTreeMap::new(),
            tokens: BTreeMap::new(),
            codes: BTreeSet::new(),
            subscription: None,
            faults: ScopedFaults::default(),
            requests: Vec::new(),
            deliveries: Vec::new(),
            last_number: 0,
            last_form: 700_000_000_000_000,
            last_lead: 900_000_000_000_000,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A number that has not been used yet.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn add_form(&mut self, page: &str, form: Form) -> String {
        assert!(self.pages.contains_key(page), "there is no page {page}");
        let id = take_id(&mut self.last_form, form.id.as_deref());
        let created = self.now();
        self.forms.insert(id.clone(), StoredForm { page: page.to_owned(), form, created, leads: BTreeSet::new() });
        id
    }

    pub(super) fn add_lead(&mut self, form_id: &str, new: NewLead) -> String {
        let Some(StoredForm { page, form, .. }) = self.forms.get(form_id) else { panic!("there is no form {form_id}") };
        let answers = match new.answers {
            Answers::Given(answers) => answers,
            Answers::Dummy => {
                form.questions.iter().map(|question| (question.key.clone(), vec![question.dummy_answer()])).collect()
            }
        };
        // Tracking parameters come first, unmarked.
        let tracking = form.tracking_parameters.iter().map(|(key, value)| (key.clone(), vec![value.clone()]));
        let lead = Lead {
            page: page.clone(),
            form: form_id.to_owned(),
            created: new.created.unwrap_or_else(|| self.now()),
            platform: new.platform.unwrap_or_else(|| "fb".to_owned()),
            ad: new.ad,
            field_data: tracking.chain(answers).collect(),
            consents: new.consents,
            by_app_role: new.by_app_role,
            test: new.test,
            webhook: new.webhook,
        };
        let id = take_id(&mut self.last_lead, new.id.as_deref());
        self.leads.insert(id.clone(), lead);
        if let Some(form) = self.forms.get_mut(form_id) {
            form.leads.insert(id.clone());
        }
        id
    }

    /// Takes a lead away. False when there is none.
    pub(super) fn remove_lead(&mut self, id: &str) -> bool {
        let Some(lead) = self.leads.remove(id) else { return false };
        if let Some(form) = self.forms.get_mut(&lead.form) {
            form.leads.remove(id);
        }
        true
    }

    /// The leads of a form, by id.
    pub(super) fn leads_of<'s>(&'s self, form: &'s StoredForm) -> impl Iterator<Item = (&'s String, &'s Lead)> {
        form.leads.iter().filter_map(|id| self.leads.get_key_value(id))
    }

    /// The page that a call is about, else the one whose token it carries.
    pub(super) fn page_of(&self, call: &Call) -> Option<&str> {
        let id = call.id();
        let of_lead = || self.leads.get(id).map(|lead| lead.page.as_str());
        let of_form = || self.forms.get(id).map(|form| form.page.as_str());
        let of_page = || self.pages.get_key_value(id).map(|(id, _)| id.as_str());
        let of_token = || self.tokens.get(call.token.as_deref()?)?.page();
        of_lead().or_else(of_form).or_else(of_page).or_else(of_token)
    }

    /// Lets a call in: its version, its token, its page's limit.
    pub(super) fn enter(&mut self, call: &Call) -> Result<Token, GraphError> {
        if call.version.is_none() {
            return Err(GraphError::new(2500, None).say(format!("Unknown path components: {}", call.path)));
        }
        let token = self.authenticate(call)?;
        self.count(call)?;
        Ok(token)
    }

    /// Does what a call asks for.
    pub(super) fn act(&mut self, call: &Call) -> Result<Value, GraphError> {
        let (method, path) = call.target();
        if path == ["oauth", "access_token"] {
            return tokens::exchange(self, call);
        }
        let token = self.enter(call)?;
        match (method, path.as_slice()) {
            ("GET", []) => nodes::read_many(self, call, &token),
            ("GET", ["me", "accounts"]) => tokens::accounts(self, call, &token),
            ("GET", ["debug_token"]) => tokens::debug(self, call, &token),
            ("GET", [_, "subscriptions"]) => subscriptions::show(self, call, &token),
            ("DELETE", [_, "subscriptions"]) => subscriptions::remove(self, call, &token),
            ("GET", [_, "subscribed_apps"]) => pages::installed_apps(self, call, &token),
            ("POST", [_, "subscribed_apps"]) => pages::install(self, call, &token),
            ("DELETE", [_, "subscribed_apps"]) => pages::uninstall(self, call, &token),
            ("GET", [id]) => nodes::read(self, call, &token, id),
            ("DELETE", [id]) => nodes::delete(self, &token, id),
            ("GET", [_, _]) => edges::read(self, call, &token),
            _ => Err(GraphError::new(2500, None).say(format!("Unknown path components: {}", call.path))),
        }
    }
}

/// The next id of a sequence, or the one asked for.
fn take_id(last: &mut u64, wanted: Option<&str>) -> String {
    let number = wanted.map_or(Some(*last + 1), |wanted| wanted.parse().ok());
    *last = number.unwrap_or(0).max(*last);
    wanted.map_or_else(|| last.to_string(), str::to_owned)
}
