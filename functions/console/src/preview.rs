//! What a bundle would do with a lead: the plan and the decisions, with real look-ups and nothing written.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use domain::{
    Account, Answer, Bundle, ClientDecision, ClientMode, ExistingClient, ExistingOrder, Form, Lead, MappingError,
    MatchKey, Matches, MetaId, NewClient, NewOrder, OrderDecision, OrderMode, OrderRules, Plan, Planned, Slug,
    TransactionId, WhenFound, client_change, decide_client, decide_order, marker,
};
use facebook::graph::GraphError;
use jiff::{SignedDuration, Timestamp};
use remonline::{Choice, Client, Order, Person, PhoneVariants};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    app::{App, wrong_kind},
    bundles, connections,
    explain::Language,
    failure::{graph_problem, remonline_problem},
    problem::{FieldError, PROBLEM_JSON, Problem},
    request::{Body, Ids},
};

/// The lead to try a bundle on: either of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sample {
    /// Question key to answer.
    #[schema(value_type = Option<Object>, example = json!({"full_name": "Olena Koval"}))]
    answers: Option<BTreeMap<String, Answered>>,
    /// A lead that Meta has, Meta's id.
    #[schema(value_type = Option<String>)]
    leadgen_id: Option<MetaId>,
}

/// One answer, or several to a multiple choice.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answered {
    One(String),
    Several(Vec<String>),
}

/// What would be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    client: ClientPreview,
    order: OrderPreview,
    /// What keeps the bundle from being applied; nothing would be sent then.
    errors: Vec<FieldError>,
}

/// What would become of the client.
#[derive(Debug, Serialize, ToSchema)]
struct ClientPreview {
    decision: ClientWord,
    /// The client in RemOnline, if there is one.
    #[schema(required)]
    client_id: Option<i64>,
    requests: Vec<PreviewRequest>,
}

/// What would become of the order.
#[derive(Debug, Serialize, ToSchema)]
struct OrderPreview {
    decision: OrderWord,
    /// The order in RemOnline, if there is one.
    #[schema(required)]
    order_id: Option<i64>,
    requests: Vec<PreviewRequest>,
}

/// A request that would be sent. The id of what is not made yet is null in a body and `{id}` in a path.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewRequest {
    method: &'static str,
    path: String,
    #[schema(value_type = Object)]
    body: Value,
}

/// A decision about the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ClientWord {
    Create,
    Update,
    Unchanged,
    Skip,
}

/// A decision about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OrderWord {
    Create,
    Found,
    Comment,
    None,
}

/// Shows what the bundle would do with a lead. Nothing is written anywhere.
#[utoipa::path(post, path = "/api/bundles/{id}/preview", tag = "bundles", params(("id" = String, Path)),
    request_body = Sample,
    responses((status = OK, body = Preview),
              (status = UNPROCESSABLE_ENTITY, description = "There is no such lead.", body = Problem,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
    Body(sample): Body<Sample>,
) -> Result<Json<Preview>, Problem> {
    let bundle = bundles::find(&app, &id).await?;
    let lead = sample.lead(&app, &bundle, language).await?;
    let plan = match Plan::make(&bundle.document, &lead) {
        Ok(Planned::Go(plan)) => plan,
        Ok(Planned::Skip { .. }) => return Ok(Json(Preview::nothing(Vec::new()))),
        Err(errors) => return Ok(Json(Preview::nothing(errors))),
    };
    let connection = connections::find(&app, &bundle.document.client.connection).await?;
    let account = connection.account().cloned().ok_or_else(|| wrong_kind(&connection, "RemOnline"))?;
    let remonline = app.remonline(&connection).await?;
    let look = Look { app: &app, bundle: &bundle, account, remonline, language, leadgen_id: lead.id };
    let client = look.client(&plan.client).await?;
    let order = look.order(&client, plan.order.as_ref()).await?;
    Ok(Json(Preview { client, order, errors: Vec::new() }))
}

impl Preview {
    /// Nothing would be sent.
    fn nothing(errors: Vec<MappingError>) -> Self {
        let errors = errors.into_iter().map(|error| FieldError::new(error.pointer, error.detail));
        Self { client: ClientPreview::skip(), order: OrderPreview::none(), errors: errors.collect() }
    }
}

impl ClientPreview {
    fn skip() -> Self {
        Self { decision: ClientWord::Skip, client_id: None, requests: Vec::new() }
    }
}

impl OrderPreview {
    fn none() -> Self {
        Self { decision: OrderWord::None, order_id: None, requests: Vec::new() }
    }
}

impl Sample {
    async fn lead(self, app: &App, bundle: &Bundle, language: Language) -> Result<Lead, Problem> {
        match (self.answers, self.leadgen_id) {
            (Some(answers), None) => {
                let form = form(app, bundle, language).await?;
                Ok(sample_lead(answers, form, bundle.page_id.clone(), app.clock.now()))
            }
            (None, Some(leadgen_id)) => fetch(app, bundle, leadgen_id, language).await,
            _ => Err(Problem::invalid_field("", "give either `answers` or `leadgen_id`")),
        }
    }
}

/// The form that the bundle names, which tells how its choices read; a bundle for every form has no questions to ask.
async fn form(app: &App, bundle: &Bundle, language: Language) -> Result<Form, Problem> {
    let Ok(form_id) = bundle.document.source.form_id.parse::<MetaId>() else { return Ok(no_form()) };
    let source = connections::find(app, &bundle.document.source.connection).await?;
    let token = app.secret(&source).await?;
    app.graph.form(&token, &form_id).await.map_err(|error| graph_problem(&error, language))
}

/// Reads a lead: from what was kept of it, else from Meta.
async fn fetch(app: &App, bundle: &Bundle, leadgen_id: MetaId, language: Language) -> Result<Lead, Problem> {
    let id = TransactionId { leadgen_id, bundle_id: bundle.id.clone() };
    if let Some(answers) = app.store.answers(&id).await? {
        return Ok(answers.lead);
    }
    let source = connections::find(app, &bundle.document.source.connection).await?;
    let token = app.secret(&source).await?;
    let refused = |error: GraphError| match error {
        GraphError::NotFound(_) => Problem::invalid_field("/leadgen_id", "Meta does not show this lead"),
        error => graph_problem(&error, language),
    };
    let lead = app.graph.lead(&token, &id.leadgen_id).await.map_err(refused)?;
    let form = app.graph.form(&token, &lead.form_id).await.map_err(refused)?;
    Ok(lead.with_form(form, bundle.page_id.clone()))
}

fn sample_lead(answers: BTreeMap<String, Answered>, form: Form, page_id: MetaId, now: Timestamp) -> Lead {
    let answers = answers.into_iter().map(|(name, answered)| match answered {
        Answered::One(value) => Answer { name, values: vec![value] },
        Answered::Several(values) => Answer { name, values },
    });
    Lead {
        id: nobody(),
        created_at: now,
        page_id,
        form,
        ad_id: None,
        ad_name: None,
        adset_name: None,
        campaign_name: None,
        platform: None,
        is_organic: true,
        answers: answers.collect(),
    }
}

fn no_form() -> Form {
    let (name, status) = (String::new(), String::new());
    Form { id: nobody(), name, status, questions: Vec::new(), tracking_keys: Vec::new() }
}

/// The id of a lead or form that Meta does not have.
#[expect(clippy::expect_used, reason = "one digit is an id")]
fn nobody() -> MetaId {
    "0".parse().expect("one digit")
}

/// One preview while RemOnline is asked.
struct Look<'a> {
    app: &'a App,
    bundle: &'a Bundle,
    account: Account,
    remonline: Client,
    language: Language,
    leadgen_id: MetaId,
}

impl Look<'_> {
    async fn client(&self, new: &NewClient) -> Result<ClientPreview, Problem> {
        let rules = &self.bundle.document.client.duplicates;
        let matches = self.matches(new).await?;
        Ok(match decide_client(rules, new, &matches) {
            ClientDecision::NoClient => ClientPreview::skip(),
            ClientDecision::Create => {
                let request = self.request("POST", "/contacts/people", json!(new.create_body()));
                ClientPreview { decision: ClientWord::Create, client_id: None, requests: vec![request] }
            }
            ClientDecision::Use { client, .. } => unchanged(&client),
            ClientDecision::Update { client, .. } => match client_change(&client, new, &rules.on_update) {
                None => unchanged(&client),
                Some(change) => {
                    let path = format!("/contacts/people/{}", client.id);
                    let requests = vec![self.request("PATCH", &path, json!(change))];
                    ClientPreview { decision: ClientWord::Update, client_id: Some(client.id), requests }
                }
            },
        })
    }

    /// The clients that may be this person, by each key that the bundle matches on.
    async fn matches(&self, new: &NewClient) -> Result<Matches, Problem> {
        let rules = &self.bundle.document.client.duplicates;
        let mut matches = Matches::default();
        if rules.mode == ClientMode::CreateAlways {
            return Ok(matches);
        }
        for key in &rules.match_on {
            match key {
                MatchKey::Phone => matches.by_phone = self.by_phone(new).await?,
                MatchKey::Email => matches.by_email = self.by_email(new).await?,
            }
        }
        Ok(matches)
    }

    async fn by_phone(&self, new: &NewClient) -> Result<Vec<ExistingClient>, Problem> {
        let Some(phone) = &new.phone else { return Ok(Vec::new()) };
        if let Some(known) = self.known(&self.app.hasher.phone(phone.e164())).await? {
            return Ok(vec![known]);
        }
        let variants = PhoneVariants::new(phone.e164(), Some(phone.national_digits()));
        let found = self.remonline.find_by_phone(&variants, self.account.phone_search).await;
        Ok(self.answered(found)?.iter().map(existing_client).collect())
    }

    async fn by_email(&self, new: &NewClient) -> Result<Vec<ExistingClient>, Problem> {
        let Some(email) = &new.email else { return Ok(Vec::new()) };
        if let Some(known) = self.known(&self.app.hasher.email(email.as_str())).await? {
            return Ok(vec![known]);
        }
        let found = self.remonline.find_by_email(email.as_str()).await;
        Ok(self.answered(found)?.iter().map(existing_client).collect())
    }

    /// The client that the dedup index names, as RemOnline has it now.
    async fn known(&self, hash: &str) -> Result<Option<ExistingClient>, Problem> {
        let entry = self.app.store.person(&self.account.id, hash).await?;
        let Some(client_id) = entry.and_then(|entry| entry.client_id) else { return Ok(None) };
        Ok(self.answered(self.remonline.person(client_id).await)?.as_ref().map(existing_client))
    }

    async fn order(&self, client: &ClientPreview, new: Option<&NewOrder>) -> Result<OrderPreview, Problem> {
        let (Some(rules), Some(new)) = (&self.bundle.document.order, new) else { return Ok(OrderPreview::none()) };
        if client.decision == ClientWord::Skip {
            return Ok(OrderPreview::none());
        }
        let statuses = self.statuses(rules, new).await?;
        if let Some(id) = self.found(rules, client.client_id, &statuses).await? {
            return Ok(self.existing_order(rules, id, new));
        }
        let mut body = json!(new.create_body(client.client_id.unwrap_or_default(), &self.marker()));
        body["client_id"] = json!(client.client_id);
        let mut requests = vec![self.request("POST", "/orders", body)];
        requests.extend(self.status_change(new, &statuses));
        Ok(OrderPreview { decision: OrderWord::Create, order_id: None, requests })
    }

    fn existing_order(&self, rules: &OrderRules, id: i64, new: &NewOrder) -> OrderPreview {
        let (decision, requests) = match rules.duplicates.when_found {
            WhenFound::Skip => (OrderWord::Found, Vec::new()),
            WhenFound::Comment => {
                let body = json!({"comment": new.comment(&self.marker()), "is_private": true});
                (OrderWord::Comment, vec![self.request("POST", &format!("/orders/{id}/comments"), body)])
            }
        };
        OrderPreview { decision, order_id: Some(id), requests }
    }

    /// The statuses, where they matter: to tell the first one, and which ones close an order.
    async fn statuses(&self, rules: &OrderRules, new: &NewOrder) -> Result<Vec<Choice>, Problem> {
        if new.status_id.is_none() && !rules.duplicates.only_open {
            return Ok(Vec::new());
        }
        self.answered(self.remonline.statuses().await)
    }

    /// The order that the bundle's rules count as this one.
    async fn found(
        &self,
        rules: &OrderRules,
        client_id: Option<i64>,
        statuses: &[Choice],
    ) -> Result<Option<i64>, Problem> {
        let Some(client_id) = client_id.filter(|_| rules.duplicates.mode != OrderMode::CreateAlways) else {
            return Ok(None);
        };
        let now = self.app.clock.now();
        let within = rules.duplicates.within_days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
        let orders = self.remonline.orders_of_client(client_id, within.map(|within| now - within)).await;
        let orders = self.answered(orders)?;
        let existing: Vec<_> = orders.iter().map(|order| existing_order(order, statuses, now)).collect();
        Ok(match decide_order(&rules.duplicates, &existing, now) {
            OrderDecision::Found { id } => Some(id),
            OrderDecision::Create => None,
        })
    }

    /// The request that gives a new order another status than the account's first.
    fn status_change(&self, new: &NewOrder, statuses: &[Choice]) -> Option<PreviewRequest> {
        let first = statuses.iter().find(|status| group(status) == Some(1)).or_else(|| statuses.first());
        let first = first.and_then(id);
        let wanted = new.status_id.filter(|wanted| first != Some(*wanted))?;
        Some(self.request("POST", "/orders/{id}/status", json!({"status_id": wanted})))
    }

    fn request(&self, method: &'static str, path: &str, body: Value) -> PreviewRequest {
        let version = self.app.remonline_url.path().trim_end_matches('/');
        PreviewRequest { method, path: format!("{version}{path}"), body }
    }

    fn marker(&self) -> String {
        marker(&self.leadgen_id, &self.bundle.id)
    }

    fn answered<T>(&self, answer: Result<T, remonline::Error>) -> Result<T, Problem> {
        answer.map_err(|error| remonline_problem(&error, self.language))
    }
}

fn unchanged(client: &ExistingClient) -> ClientPreview {
    ClientPreview { decision: ClientWord::Unchanged, client_id: Some(client.id), requests: Vec::new() }
}

/// The card as the domain compares it.
fn existing_client(person: &Person) -> ExistingClient {
    let phones = person.phones.iter().map(|phone| phone.number().to_owned()).collect();
    let card = match json!(person) {
        Value::Object(card) => card,
        _ => serde_json::Map::new(),
    };
    ExistingClient { id: person.id, phones, card }
}

/// An order's own answer names its status without the group, so the list of statuses tells whether it is closed. One
/// that does not say when it was made counts as new: one too few is better than one too many.
fn existing_order(order: &Order, statuses: &[Choice], now: Timestamp) -> ExistingOrder {
    let status = order.status.as_ref().map(|status| status.id);
    let listed = statuses.iter().find(|listed| id(listed) == status);
    let closed = order.is_closed() || matches!(listed.and_then(group), Some(6 | 7));
    ExistingOrder { id: order.id, created_at: order.created_at.unwrap_or(now), closed }
}

fn id(choice: &Choice) -> Option<i64> {
    match choice.id {
        remonline::ChoiceId::Number(id) => Some(id),
        remonline::ChoiceId::Field(_) => None,
    }
}

fn group(status: &Choice) -> Option<i64> {
    status.extra.get("group")?.as_i64()
}
