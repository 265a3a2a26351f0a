//! The answers of all due leads, fetched from Meta in one call for each page.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use domain::{
    Contact, Detail, Form, LeadSource, MetaId, Reason, Slug, Stage, Step, StepKind, StepRequest, Transaction,
};
use facebook::graph::{Cause, FetchedLead, GraphError};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use store::{Answers, StoreError};

use crate::{
    account::{Shift, span},
    failure::Failure,
    story::Story,
};
use tracing::Instrument;

/// How long the questions of a form are remembered. Forms cannot be edited, only copied and archived.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(15);

/// How long Meta keeps a lead.
/// Source: Meta, Lead Ads, "Retrieving", retention.
const KEPT_BY_META: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Forms with their questions, kept between invocations.
#[derive(Debug, Default)]
pub struct FormCache(Mutex<HashMap<MetaId, (Form, Timestamp)>>);

impl FormCache {
    fn get(&self, id: &MetaId, now: Timestamp) -> Option<Form> {
        let forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forms.get(id).filter(|(_, until)| now < *until).map(|(form, _)| form.clone())
    }

    fn keep(&self, form: &Form, now: Timestamp) {
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forms.insert(form.id.clone(), (form.clone(), now + REMEMBERED));
    }
}

impl Shift<'_> {
    /// Stores the answers of those that have none yet, and gives back the stories that can be told now, oldest first.
    pub(crate) async fn fetch(&mut self, due: Vec<Transaction>) -> Result<Vec<Story>, StoreError> {
        let mut asked: BTreeMap<Slug, Vec<Transaction>> = BTreeMap::new();
        let mut ready = Vec::new();
        for transaction in due {
            match transaction.stage {
                Stage::Received => asked.entry(transaction.source_connection.clone()).or_default().push(transaction),
                _ => ready.push(Story::of(transaction)),
            }
        }
        for (connection, transactions) in asked {
            ready.extend(self.fetch_with(&connection, transactions).await?);
        }
        ready.sort_by_key(|Story { transaction, .. }| {
            (transaction.source == LeadSource::Backfill, transaction.received_at)
        });
        Ok(ready)
    }

    /// Fetches with the token of one page.
    async fn fetch_with(
        &mut self,
        connection: &Slug,
        transactions: Vec<Transaction>,
    ) -> Result<Vec<Story>, StoreError> {
        let mut fetched = self.leads_of(connection, &transactions).await;
        let mut ready = Vec::new();
        for transaction in transactions {
            let span = span(&transaction);
            let mut story = Story::of(transaction);
            let kept = async {
                match &mut fetched {
                    Ok(fetched) => match self.keep(&mut story, fetched).await {
                        Ok(()) => ready.push(story),
                        Err(failure) => self.set_aside(story, &failure).await?,
                    },
                    Err(failure) => self.set_aside(story, failure).await?,
                }
                Ok::<_, StoreError>(())
            };
            kept.instrument(span).await?;
        }
        Ok(ready)
    }

    async fn leads_of(&mut self, connection: &Slug, transactions: &[Transaction]) -> Result<Fetched, Failure> {
        let sealed = self.open_connection(connection).await?;
        let token = self.secret(&sealed).await?;
        let mut ids = transactions.iter().map(|transaction| transaction.id.leadgen_id.clone()).collect::<Vec<_>>();
        ids.dedup();
        let answers = self.processor.graph.leads(&token, &ids).await.into_iter().collect();
        Ok(Fetched { answers, forms: HashMap::new(), token })
    }

    /// Stores one lead's answers with its transaction.
    async fn keep(&mut self, story: &mut Story, fetched: &mut Fetched) -> Result<(), Failure> {
        let bundle = self.bundle(&story.transaction.id.bundle_id).await?;
        let lead = match fetched.lead(&story.transaction.id.leadgen_id) {
            Ok(lead) if self.is_stale(&lead) => {
                story.transaction.created_at = Some(lead.created_at);
                return Err(Failure::LeftOut(Reason::Stale));
            }
            Ok(lead) => self.form(&lead.form_id, fetched).await.map(|form| (lead, form)),
            Err(error) => Err(error),
        };
        story.note_fetch(lead.as_ref().err(), self.now());
        let (lead, form) = lead?;
        let lead = lead.with_form(form, story.transaction.page_id.clone());
        let contact = Contact::of(&lead, &bundle.document.default_region);
        let hasher = &self.processor.hasher;
        let transaction = &mut story.transaction;
        transaction.run(Stage::Fetched, self.processor.clock.now())?;
        transaction.bundle_version = bundle.version;
        transaction.tries = 0;
        transaction.created_at = Some(lead.created_at);
        transaction.contact = contact.masked();
        transaction.phone_hash = contact.phone.as_ref().map(|phone| hasher.phone(phone.e164()));
        transaction.email_hash = contact.email.as_ref().map(|email| hasher.email(email.as_str()));
        story.keep_answers(Answers::of(lead));
        self.save(story).await
    }

    /// Whether a lead is older than Meta keeps leads: an old webhook that somebody sent again, or a clock gone wrong.
    fn is_stale(&self, lead: &FetchedLead) -> bool {
        self.now().duration_since(lead.created_at) > KEPT_BY_META
    }

    /// A form with its questions, asked for once: where it is refused, it is refused for all leads of the call.
    async fn form(&self, id: &MetaId, fetched: &mut Fetched) -> Result<Form, GraphError> {
        let now = self.now();
        if let Some(form) = self.processor.forms.get(id, now) {
            return Ok(form);
        }
        if let Some(refused) = fetched.forms.get(id) {
            return Err(refused.clone());
        }
        let form = self.processor.graph.form(&fetched.token, id).await;
        match &form {
            Ok(form) => self.processor.forms.keep(form, now),
            Err(refused) => drop(fetched.forms.insert(id.clone(), refused.clone())),
        }
        form
    }
}

/// What one call brought.
struct Fetched {
    answers: HashMap<MetaId, Result<FetchedLead, GraphError>>,
    /// Forms that Meta did not show.
    forms: HashMap<MetaId, GraphError>,
    token: SecretString,
}

impl Fetched {
    fn lead(&self, id: &MetaId) -> Result<FetchedLead, GraphError> {
        self.answers.get(id).cloned().unwrap_or_else(|| Err(GraphError::Unavailable(Cause::default())))
    }
}

impl Story {
    fn note_fetch(&mut self, error: Option<&GraphError>, at: Timestamp) {
        let cause = error.map(GraphError::cause);
        let path = format!("/{}", self.transaction.id.leadgen_id);
        self.transaction.add_step(Step {
            at,
            step: StepKind::FetchLead,
            outcome: if error.is_some() { "failed" } else { "ok" }.to_owned(),
            status: cause.map_or(Some(200), |cause| cause.status),
            code: cause.and_then(|cause| cause.code),
            detail: cause.map(|cause| Detail::Words(cause.message.clone())),
            request: Some(StepRequest { method: "GET".to_owned(), path, body: None }),
            duration_ms: None,
        });
    }
}
