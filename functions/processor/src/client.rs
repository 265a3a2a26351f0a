//! The client of one lead: found, made or updated, once.

use domain::{
    Attempt, ClientDecision, ClientOutcome, ExistingClient, MatchKey, Matches, NewClient, Reason, Stage, StepKind,
};
use jiff::SignedDuration;
use remonline::Person;
use serde_json::Value;
use store::PersonWrite;

use crate::{
    account::Shift,
    failure::Failure,
    person::Known,
    story::{Story, Telling},
};

/// Attempts whose outcome could not be settled before a person is asked.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// How far RemOnline's clock may be from ours when something is recognised by its creation time.
pub(crate) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

impl Shift<'_> {
    /// Settles the client: afterwards the transaction has its id.
    pub(crate) async fn settle_client(&mut self, story: &mut Story, telling: &Telling) -> Result<(), Failure> {
        match story.transaction.stage.clone() {
            Stage::Received | Stage::Fetched => self.find_or_create_client(story, telling).await,
            Stage::ClientIntent(attempt) => self.resolve_client(story, telling, attempt).await,
            Stage::ClientSet | Stage::OrderIntent(_) | Stage::OrderSet => Ok(()),
        }
    }

    async fn find_or_create_client(&mut self, story: &mut Story, telling: &Telling) -> Result<(), Failure> {
        let mut known = self.known(telling).await?;
        self.await_other_claims(story, &known)?;
        self.expect_calls(telling, &known);
        let matches = self.find_client(story, telling, &mut known).await?;
        let rules = &telling.rules.client.duplicates;
        match domain::decide_client(rules, &telling.plan.client, &matches) {
            ClientDecision::Create => {
                let attempt = Attempt::first(self.now(), self.lease.until);
                self.create_client(story, telling, attempt, &known).await
            }
            ClientDecision::Use { client, doubts } => {
                story.note_doubts(&doubts, self.now());
                self.client_is(story, client.id, ClientOutcome::Found, &known)
            }
            ClientDecision::Update { client, doubts } => {
                story.note_doubts(&doubts, self.now());
                self.update_client(story, telling, &client, &known).await
            }
            ClientDecision::NoClient => Err(Failure::LeftOut(Reason::NoClient)),
        }
    }

    /// One reservation covers the calls that are likely to come: look, create or update, order.
    fn expect_calls(&self, telling: &Telling, known: &[Known]) {
        let is_known = known.iter().any(|known| known.client_id().is_some());
        telling.remonline.pacer().expect(if is_known { 2 } else { 3 });
    }

    /// I6: while another lead may have created this very client, nobody else does.
    fn await_other_claims(&self, story: &Story, known: &[Known]) -> Result<(), Failure> {
        let claims = known.iter().filter_map(|known| known.entry.as_ref()?.claimed_by.as_ref());
        if claims.into_iter().any(|by| *by != story.transaction.id) {
            return Err(Failure::PersonClaimed);
        }
        Ok(())
    }

    /// I5: the intent is stored, and the person claimed, before the request is sent.
    async fn create_client(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        attempt: Attempt,
        known: &[Known],
    ) -> Result<(), Failure> {
        let claims = claims(known);
        let persons = claims.iter().cloned().map(|hash| PersonWrite::Claim { hash }).collect();
        self.intend(story, Stage::ClientIntent(attempt.clone()), persons).await?;
        let created = telling.remonline.create_person(&object(telling.plan.client.create_body())).await;
        story.note(self, telling, StepKind::CreateClient, "created", &created);
        match created {
            Ok(person) => {
                story.client_is_new = true;
                self.client_is(story, person.id, ClientOutcome::Created, known)
            }
            Err(error @ remonline::Error::OutcomeUnknown(_)) => Err(self.doubt(story, attempt, &error)),
            Err(error) => {
                // It is known not to have taken effect: the person is free for other leads again.
                story.persons = claims.into_iter().map(|hash| PersonWrite::Release { hash }).collect();
                story.transaction.run(Stage::Fetched, self.now())?;
                Err(error.into())
            }
        }
    }

    /// A create was sent and its answer is unknown: RemOnline is asked what it has. A hit counts at once, a miss only
    /// when the request can no longer take effect.
    async fn resolve_client(&mut self, story: &mut Story, telling: &Telling, attempt: Attempt) -> Result<(), Failure> {
        let known = self.known(telling).await?;
        if let Some(id) = self.made_since(story, telling, &attempt, &known).await? {
            return self.client_is(story, id, ClientOutcome::Created, &known);
        }
        let again = self.missed(story, attempt, Stage::ClientIntent)?;
        self.create_client(story, telling, again, &known).await
    }

    /// The client that the attempt made, as far as RemOnline shows it: a new card that says what was sent, or whoever the
    /// bundle's rules take for this person, since there was nobody before.
    async fn made_since(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        attempt: &Attempt,
        known: &[Known],
    ) -> Result<Option<i64>, Failure> {
        let mut found = Vec::new();
        for known in known {
            if let [key] = known.keys[..] {
                found.extend(self.search(story, telling, key).await?);
            }
        }
        let since = attempt.first_at - CLOCK_SKEW;
        let searchable = known.iter().any(|known| known.keys == [MatchKey::Phone]);
        if found.is_empty() && !searchable {
            // RemOnline may not search by e-mail at all; the newest clients are looked through instead.
            let newest = telling.remonline.people_created_since(since, 1).await;
            story.note(self, telling, StepKind::FindClient, "listed", &newest);
            found = newest?.rows;
        }
        let (rules, client) = (&telling.rules.client.duplicates, &telling.plan.client);
        let existing = found.iter().map(ExistingClient::from).collect::<Vec<_>>();
        let by_rules = match domain::decide_client(rules, client, &Matches::among(&existing, client)) {
            ClientDecision::Use { client, .. } | ClientDecision::Update { client, .. } => Some(client.id),
            ClientDecision::Create | ClientDecision::NoClient => None,
        };
        let taken = |id| known.iter().any(|known| known.client_id() == Some(id));
        let young = |person: &Person| person.created_at.is_none_or(|at| at >= since);
        let as_sent = found.iter().filter(|person| young(person) && !taken(person.id) && looks_like(person, client));
        // Since the create was sent, another bundle may have made an older card look like this person.
        Ok(as_sent.map(|person| person.id).min().or(by_rules))
    }

    async fn update_client(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        existing: &ExistingClient,
        known: &[Known],
    ) -> Result<(), Failure> {
        let rules = &telling.rules.client.duplicates;
        let Some(patch) = domain::client_change(existing, &telling.plan.client, &rules.on_update) else {
            return self.client_is(story, existing.id, ClientOutcome::Unchanged, known);
        };
        let updated = telling.remonline.update_person(existing.id, &object(patch)).await;
        story.note(self, telling, StepKind::UpdateClient, "updated", &updated);
        match updated {
            Ok(()) => self.client_is(story, existing.id, ClientOutcome::Updated, known),
            // An update sets what is to be, so it may be repeated.
            Err(remonline::Error::OutcomeUnknown(details)) => Err(remonline::Error::Unavailable(details).into()),
            Err(error) => Err(error.into()),
        }
    }

    /// The client is known from now on, and so is the person under every key that led nowhere before. It is stored with
    /// what comes next, which is the order's intent or the end of the story: nothing is asked before, but about the orders of
    /// a client that was there already.
    fn client_is(
        &mut self,
        story: &mut Story,
        client_id: i64,
        outcome: ClientOutcome,
        known: &[Known],
    ) -> Result<(), Failure> {
        let unknown = known.iter().filter(|known| known.client_id().is_none());
        let settle = |known: &Known| PersonWrite::Settle {
            hash: known.hash.clone(),
            client_id: known.elsewhere.unwrap_or(client_id),
        };
        story.persons = unknown.map(settle).collect();
        story.transaction.set_client(client_id, outcome, self.now())?;
        story.transaction.tries = 0;
        Ok(())
    }

    /// I5: stores an intent and makes sure that there is time to send its request before the lease can end.
    pub(crate) async fn intend(
        &mut self,
        story: &mut Story,
        intent: Stage,
        persons: Vec<PersonWrite>,
    ) -> Result<(), Failure> {
        if self.out_of_time() {
            return Err(Failure::OutOfTime);
        }
        let before = story.transaction.stage.clone();
        // What was learnt of the person since the last save goes along.
        story.persons.extend(persons);
        story.transaction.run(intent, self.now())?;
        let saved = self.save(story).await;
        if saved.is_err() {
            story.transaction.stage = before;
        }
        saved
    }

    /// The request left at the latest now, so the doubt can be settled sooner than after a crash.
    pub(crate) fn doubt(&self, story: &mut Story, mut attempt: Attempt, error: &remonline::Error) -> Failure {
        tracing::warn!(%error, attempt = attempt.number, "the outcome of a create is unknown");
        attempt.latest_send = self.now();
        let intent = match &story.transaction.stage {
            Stage::OrderIntent(_) => Stage::OrderIntent(attempt),
            _ => Stage::ClientIntent(attempt),
        };
        story.transaction.stage = intent;
        Failure::Unsettled { look_again_at: self.now() + self.processor.timing.next_lookup(0) }
    }

    /// I6: a look-up found nothing. Gives the next attempt when that is settled, else says when to look again.
    pub(crate) fn missed(
        &self,
        story: &mut Story,
        mut attempt: Attempt,
        intent: fn(Attempt) -> Stage,
    ) -> Result<Attempt, Failure> {
        let (timing, now) = (&self.processor.timing, self.now());
        let settled = attempt.miss(now, timing.quiet_period(), timing.between_misses());
        story.transaction.stage = intent(attempt.clone());
        if settled {
            let again = attempt.next(self.lease.until);
            return if again.number > MAX_ATTEMPTS { Err(Failure::Unclear(Reason::OutcomeUnknown)) } else { Ok(again) };
        }
        let quiet_end = attempt.latest_send + timing.quiet_period();
        let look_again_at = match attempt.missed_at {
            Some(missed_at) => missed_at + timing.between_misses(),
            None => (now + timing.next_lookup(attempt.misses)).min(quiet_end.max(now)),
        };
        Err(Failure::Unsettled { look_again_at })
    }
}

/// The keys that a create claims: those that lead to nobody yet. Also where every lead makes a new client: while it is in
/// doubt, another bundle would find that client, and it would pass for the other's.
fn claims(known: &[Known]) -> Vec<String> {
    known.iter().filter(|known| known.client_id().is_none()).map(|known| known.hash.clone()).collect()
}

/// Whether a card says what a create of `client` would have written.
fn looks_like(person: &Person, client: &NewClient) -> bool {
    let name = |field: &str| client.fields.get(field).and_then(Value::as_str).unwrap_or_default().trim();
    let email = client.email.as_ref().map(domain::Email::as_str).unwrap_or_default();
    person.first_name.trim() == name("first_name")
        && person.last_name.trim() == name("last_name")
        && person.email.trim().to_lowercase() == email
        && client.phone.as_ref().is_none_or(|phone| person.has_phone(phone))
}

/// The fields of a body, which is always an object.
pub(crate) fn object(body: Value) -> serde_json::Map<String, Value> {
    match body {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    }
}
