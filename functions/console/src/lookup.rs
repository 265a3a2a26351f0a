//! What RemOnline has for a lead, and so what would be done: for the preview, by reading alone.

use domain::{
    Account, Bundle, ClientDecision, ClientMode, ExistingClient, Match, MatchKey, Matches, MetaId, NewClient, NewOrder,
    OrderDecision, OrderMode, OrderRules, WhenFound, client_change, decide_client, decide_order, marker,
};
use jiff::SignedDuration;
use remonline::{Choice, Client, Person};
use serde_json::{Value, json};

use crate::{
    app::App,
    explain::Language,
    preview::{ClientPreview, ClientWord, OrderPreview, OrderWord, PreviewRequest},
    problem::Problem,
};

/// One preview while RemOnline is asked.
pub(crate) struct Look<'a> {
    pub(crate) app: &'a App,
    pub(crate) bundle: &'a Bundle,
    pub(crate) account: Account,
    pub(crate) remonline: Client,
    pub(crate) language: Language,
    pub(crate) leadgen_id: MetaId,
}

impl Look<'_> {
    /// What would become of the client.
    ///
    /// # Errors
    /// When RemOnline or the tables do not answer.
    pub(crate) async fn client(&self, new: &NewClient) -> Result<ClientPreview, Problem> {
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

    /// The clients that may be this person. Where one matching key is enough, the keys after it are not searched for.
    async fn matches(&self, new: &NewClient) -> Result<Matches, Problem> {
        let rules = &self.bundle.document.client.duplicates;
        let mut matches = Matches::default();
        if rules.mode == ClientMode::CreateAlways {
            return Ok(matches);
        }
        if let Some(client) = self.by_both(new).await? {
            return Ok(Matches { by_phone: vec![client.clone()], by_email: vec![client] });
        }
        for key in &rules.match_on {
            match key {
                MatchKey::Phone => matches.by_phone = self.by_phone(new).await?,
                MatchKey::Email => matches.by_email = self.by_email(new).await?,
            }
            let found = !matches.by_phone.is_empty() || !matches.by_email.is_empty();
            if rules.match_keys == Match::Any && found {
                break;
            }
        }
        Ok(matches)
    }

    /// The client that phone and e-mail together are known to lead to, where only one with both counts.
    async fn by_both(&self, new: &NewClient) -> Result<Option<ExistingClient>, Problem> {
        let both = new.phone.as_ref().zip(new.email.as_ref());
        let both = both.filter(|_| self.bundle.document.client.duplicates.wants_both());
        let Some((phone, email)) = both else { return Ok(None) };
        self.known(&self.app.hasher.both(phone.e164(), email.as_str())).await
    }

    async fn by_phone(&self, new: &NewClient) -> Result<Vec<ExistingClient>, Problem> {
        let Some(phone) = &new.phone else { return Ok(Vec::new()) };
        let known = self.known(&self.app.hasher.phone(phone.e164())).await?;
        if self.is_enough(known.as_ref()) {
            return Ok(Vec::from_iter(known));
        }
        let found = self.remonline.find_by_phone(phone, self.account.phone_search).await;
        Ok(united(known, &self.answered(found).await?))
    }

    async fn by_email(&self, new: &NewClient) -> Result<Vec<ExistingClient>, Problem> {
        let Some(email) = &new.email else { return Ok(Vec::new()) };
        let known = self.known(&self.app.hasher.email(email.as_str())).await?;
        if self.is_enough(known.as_ref()) {
            return Ok(Vec::from_iter(known));
        }
        let found = self.remonline.find_by_email(email.as_str(), self.account.email_search).await;
        Ok(united(known, &self.answered(found).await?))
    }

    /// Where every key must lead to the same client, whoever else has the key counts too.
    fn is_enough(&self, known: Option<&ExistingClient>) -> bool {
        known.is_some() && self.bundle.document.client.duplicates.match_keys == Match::Any
    }

    /// The client that the dedup index names, as RemOnline has it now.
    async fn known(&self, hash: &str) -> Result<Option<ExistingClient>, Problem> {
        let entry = self.app.store.person(&self.account.id, hash).await?;
        let Some(client_id) = entry.and_then(|entry| entry.client_id) else { return Ok(None) };
        Ok(self.answered(self.remonline.person(client_id).await).await?.as_ref().map(ExistingClient::from))
    }

    /// What would become of the order of that client.
    ///
    /// # Errors
    /// When RemOnline or the tables do not answer.
    pub(crate) async fn order(&self, client: &ClientPreview, new: Option<&NewOrder>) -> Result<OrderPreview, Problem> {
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
        self.answered(self.remonline.statuses().await).await
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
        let orders = self.answered(orders).await?;
        let existing: Vec<_> = orders.iter().map(|order| order.existing(statuses, now)).collect();
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
        let version = self.app.systems.remonline_url.path().trim_end_matches('/');
        PreviewRequest { method, path: format!("{version}{path}"), body }
    }

    fn marker(&self) -> String {
        marker(&self.leadgen_id, &self.bundle.id)
    }

    async fn answered<T>(&self, answer: Result<T, remonline::Error>) -> Result<T, Problem> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.app.remonline_failed(&self.account.id, &error, self.language).await),
        }
    }
}

/// The client that the dedup index names, and the others that RemOnline found.
fn united(known: Option<ExistingClient>, found: &[Person]) -> Vec<ExistingClient> {
    let known_id = known.as_ref().map(|known| known.id);
    let others = found.iter().filter(|person| Some(person.id) != known_id).map(ExistingClient::from);
    known.into_iter().chain(others).collect()
}

fn unchanged(client: &ExistingClient) -> ClientPreview {
    ClientPreview { decision: ClientWord::Unchanged, client_id: Some(client.id), requests: Vec::new() }
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
