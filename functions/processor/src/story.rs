//! The story of one lead, from its answers to its order.

use std::{panic::AssertUnwindSafe, sync::Arc};

use domain::{
    Account, BundleDocument, BundleState, Detail, MatchDoubt, Plan, Planned, Step, StepKind, StepRequest, Transaction,
    marker,
};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use store::{Answers, AnswersChange, Change, KnownOrder, PersonWrite, RequestBody, StoreError};
use tracing::Instrument;

use crate::{
    account::{Shift, millis, span},
    failure::{Failure, Verdict},
};

/// How a step says that its request is about to be sent: what is found so later was sent or not, nobody knows.
pub(crate) const SENDING: &str = "sending";

/// One transaction while it is worked on.
pub(crate) struct Story {
    /// As it is stored.
    stored: Transaction,
    /// As it will be.
    pub transaction: Transaction,
    /// The answers, once read.
    pub answers: Option<Answers>,
    answers_changed: bool,
    /// Bodies were sent that are to be kept with the answers when the story ends or stops. A process that dies before loses
    /// them: the history shows such a step without its body.
    bodies_to_keep: bool,
    /// What the next save tells the dedup index about the person.
    pub persons: Vec<PersonWrite>,
    /// The order that the next save tells the dedup index.
    pub known_order: Option<KnownOrder>,
    /// The status that the order was created with, where RemOnline said.
    pub first_status: Option<i64>,
    /// The client was recorded before this telling.
    pub client_from_before: bool,
    /// The client was made in this telling, and RemOnline said so.
    pub client_is_new: bool,
}

/// What a story is told with: the rules, what they make of the lead, and RemOnline.
pub(crate) struct Telling {
    pub rules: BundleDocument,
    pub plan: Plan,
    pub account: Account,
    pub remonline: Arc<remonline::Client>,
}

impl Shift<'_> {
    /// Tells the story of one lead as far as it goes now. A panic is that lead's alone.
    pub(crate) async fn tell(&mut self, mut story: Story) -> Result<(), StoreError> {
        let span = span(&story.transaction);
        async {
            let told = AssertUnwindSafe(self.advance(&mut story)).catch_unwind().await;
            match told.unwrap_or(Err(Failure::Panicked)) {
                Ok(()) => self.count_done(&story),
                Err(failure) => self.set_aside(story, &failure).await?,
            }
            Ok(())
        }
        .instrument(span)
        .await
    }

    /// The story itself: plan, client, order. Each part may find that it was settled before.
    async fn advance(&mut self, story: &mut Story) -> Result<(), Failure> {
        let telling = self.prepare(story).await?;
        self.settle_client(story, &telling).await?;
        self.settle_order(story, &telling).await?;
        story.transaction.finish(self.now())?;
        self.save(story).await
    }

    async fn prepare(&mut self, story: &mut Story) -> Result<Telling, Failure> {
        let rules = self.rules(&story.transaction).await?;
        let sealed = self.open_connection(&story.transaction.client_connection).await?;
        let account = sealed.connection.account().cloned();
        let account = account.ok_or(Failure::Inconsistent("the bundle's client connection is not RemOnline"))?;
        let answers = match story.answers.take() {
            Some(just_fetched) => Some(just_fetched),
            None => self.processor.store.answers(&story.transaction.id).await?,
        };
        let answers = story.answers.insert(answers.ok_or(Failure::Inconsistent("a fetched lead has no answers"))?);
        let plan = match Plan::make(&rules, &answers.lead) {
            Ok(Planned::Go(plan)) => plan,
            Ok(Planned::Skip { reason, plan }) => {
                let version = self.processor.remonline_url.path().trim_end_matches('/');
                story.note_what_would_be_sent(plan.as_ref(), version, self.now());
                return Err(Failure::LeftOut(reason));
            }
            Err(errors) => {
                let detail = Some(Detail::Faults(errors.clone()));
                story.transaction.add_step(Step { detail, ..own_step(self.now(), "mapping") });
                return Err(Failure::Mapping(errors));
            }
        };
        let remonline = self.remonline(&sealed).await?;
        Ok(Telling { rules, plan, account, remonline })
    }

    /// The rules of the version that the transaction is bound to, while its bundle is started.
    async fn rules(&mut self, transaction: &Transaction) -> Result<BundleDocument, Failure> {
        let bundle = self.bundle(&transaction.id.bundle_id).await?;
        if bundle.state == BundleState::Stopped {
            return Err(Failure::BundleStopped);
        }
        if bundle.version == transaction.bundle_version {
            return Ok(bundle.document);
        }
        let bound = self.processor.store.bundle_version(&bundle.id, transaction.bundle_version).await?;
        Ok(bound.ok_or(Failure::Inconsistent("a bundle's earlier version is not there"))?.document)
    }

    /// Writes the transaction as it is now, under the lease: a holder that lost it stops here.
    pub(crate) async fn save(&mut self, story: &mut Story) -> Result<(), Failure> {
        if story.transaction.is_final() {
            story.keep_answers_for(self.processor.retention_days, self.now());
        }
        let change = Change {
            before: &story.stored,
            after: &story.transaction,
            lease: Some(&self.lease),
            persons: std::mem::take(&mut story.persons),
            order: story.known_order.take(),
            answers: story.answers_change(self.processor.retention_days),
        };
        match self.processor.store.save(change).await {
            Ok(saved) => {
                story.stored = saved.clone();
                story.transaction = saved;
                story.answers_changed = false;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes down what becomes of a lead that cannot go on, and of the connection or the pace where they are to blame.
    pub(crate) async fn set_aside(&mut self, mut story: Story, failure: &Failure) -> Result<(), StoreError> {
        let now = self.now();
        if let Failure::Store(error) = failure {
            return Err(error.clone());
        }
        if let Some((connection, state)) = failure.closes_connection(&story.transaction) {
            self.close_connection(&connection, state).await?;
        }
        if let Failure::Remonline(remonline::Error::Throttled { retry_after, .. }) = failure {
            self.slow_down(*retry_after).await?;
        }
        self.stop |= failure.stops_the_shift();
        let verdict = failure.verdict(&story.transaction, &self.processor.timing, now);
        let step = story.transaction.steps.last().map(|last| last.step.name());
        tracing::info!(step, outcome = ?verdict, detail = %failure, "set aside");
        self.note_verdict(&verdict);
        let applied = verdict.apply(&mut story.transaction, now);
        debug_assert!(applied.is_ok(), "{applied:?}");
        // What was noted as about to be sent and then was not must not be taken for sent.
        let not_sent = verdict == Verdict::Leave && !matches!(failure, Failure::Overtaken(_));
        if applied.is_err() || (verdict == Verdict::Leave && !not_sent) {
            return Ok(());
        }
        story.answers_changed |= std::mem::take(&mut story.bodies_to_keep);
        match self.save(&mut story).await {
            Err(Failure::Store(error)) => Err(error),
            Err(overtaken) => {
                self.stop |= overtaken.stops_the_shift();
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// RemOnline asked to slow down: nobody calls the account for a while.
    async fn slow_down(&mut self, retry_after: Option<SignedDuration>) -> Result<(), StoreError> {
        let (store, account) = (&self.processor.store, &self.lease.account);
        let in_a_row = store.pace(account).await?.throttled;
        let wait = retry_after.unwrap_or_else(|| self.processor.timing.throttle(in_a_row));
        self.standing.pace.throttled = store.throttled(account, self.now() + wait, self.now()).await?;
        self.clients.values().for_each(|client| client.pacer().let_go());
        self.tally.throttled += 1;
        Ok(())
    }

    fn count_done(&mut self, story: &Story) {
        let transaction = &story.transaction;
        let took = millis(transaction.received_at, transaction.updated_at);
        self.tally.done += 1;
        self.tally.lead_to_order_ms.push(took);
        tracing::info!(outcome = "done", duration_ms = took, "client and order are there");
    }

    fn note_verdict(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Park { .. } => self.tally.parked += 1,
            Verdict::Review(_) => self.tally.review += 1,
            Verdict::Wait { .. } | Verdict::Skip(_) | Verdict::Leave => {}
        }
    }
}

impl Story {
    pub(crate) fn of(stored: Transaction) -> Self {
        let (transaction, answers, persons, known_order) = (stored.clone(), None, Vec::new(), None);
        let client_from_before = stored.client_id.is_some();
        let (answers_changed, bodies_to_keep, client_is_new, first_status) = (false, false, false, None);
        Self {
            stored,
            transaction,
            answers,
            answers_changed,
            bodies_to_keep,
            persons,
            known_order,
            first_status,
            client_from_before,
            client_is_new,
        }
    }

    /// The marker of the lead's order.
    pub(crate) fn marker(&self) -> String {
        marker(&self.transaction.id.leadgen_id, &self.transaction.id.bundle_id)
    }

    /// The client, which is settled before its order is thought of.
    pub(crate) fn client_id(&self) -> Result<i64, Failure> {
        self.transaction.client_id.ok_or(Failure::Inconsistent("an order was to be made without a client"))
    }

    /// Whether a step of this kind ended so before.
    pub(crate) fn did(&self, kind: StepKind, outcome: &str) -> bool {
        self.transaction.steps.iter().any(|step| step.step == kind && step.outcome == outcome)
    }

    /// How the last step of this kind ended.
    pub(crate) fn last_outcome(&self, kind: StepKind) -> Option<&str> {
        self.transaction.steps.iter().rfind(|step| step.step == kind).map(|step| step.outcome.as_str())
    }

    /// Notes that a request of this kind is about to be sent.
    pub(crate) fn note_sending(&mut self, step: StepKind, at: Timestamp) {
        self.transaction.add_step(Step { step, ..own_step(at, SENDING) });
    }

    /// The note that something is about to be sent makes way for what became of it.
    pub(crate) fn drop_sending(&mut self) {
        self.transaction.steps.retain(|step| step.outcome != SENDING);
    }

    /// Says that nobody knows whether a request of this kind was sent.
    pub(crate) fn note_lost(&mut self, step: StepKind, at: Timestamp) {
        self.drop_sending();
        let detail = Some(Detail::Interrupted);
        self.transaction.add_step(Step { step, detail, ..own_step(at, "outcome_unknown") });
    }

    /// Adds a step for what was just asked of RemOnline.
    pub(crate) fn note<T>(
        &mut self,
        shift: &mut Shift<'_>,
        telling: &Telling,
        kind: StepKind,
        outcome: &str,
        result: &Result<T, remonline::Error>,
    ) {
        let exchanges = telling.remonline.take_exchanges();
        shift.tally.calls += exchanges.len();
        shift.heard(&exchanges, result);
        let error = result.as_ref().err();
        let details = error.and_then(remonline::Error::details);
        let at = shift.now();
        let last = exchanges.last();
        self.transaction.add_step(Step {
            at,
            step: kind,
            outcome: error.map_or_else(|| outcome.to_owned(), |error| outcome_of(error).to_owned()),
            status: last.and_then(|last| last.status).or_else(|| details?.status),
            code: details.and_then(|details| details.code),
            detail: error.map(describe).map(Detail::Words),
            request: last.map(|last| StepRequest { method: last.method.clone(), path: last.path.clone(), body: None }),
            duration_ms: last
                .map(|_| exchanges.iter().map(|e| u64::try_from(e.duration.as_millis()).unwrap_or(0)).sum()),
        });
        if let (Some(answers), Some(body)) = (&mut self.answers, last.and_then(|last| last.body.clone())) {
            answers.bodies.push(RequestBody { at, step: kind, body });
            self.bodies_to_keep = true;
        }
    }

    /// Says in the history why another client might have been meant.
    pub(crate) fn note_doubts(&mut self, doubts: &[MatchDoubt], at: Timestamp) {
        for detail in doubts.iter().cloned().map(Detail::Doubt).map(Some) {
            let told = self.transaction.steps.iter().any(|step| step.detail == detail);
            if !told {
                self.transaction.add_step(Step { detail, ..own_step(at, "in_doubt") });
            }
        }
    }

    /// For a lead that is left out: what would have been sent is kept with the answers.
    fn note_what_would_be_sent(&mut self, plan: Option<&Plan>, version: &str, at: Timestamp) {
        let Some(plan) = plan else { return };
        let path = format!("{version}/contacts/people");
        self.note_unsent(StepKind::CreateClient, path, plan.client.create_body(), at);
        if let Some(order) = &plan.order {
            let mut body = order.create_body(0, &self.marker());
            body["client_id"] = serde_json::Value::Null;
            self.note_unsent(StepKind::CreateOrder, format!("{version}/orders"), body, at);
        }
    }

    fn note_unsent(&mut self, step: StepKind, path: String, body: serde_json::Value, at: Timestamp) {
        let request = Some(StepRequest { method: "POST".to_owned(), path, body: None });
        self.transaction.add_step(Step { step, request, ..own_step(at, "left_out") });
        if let Some(answers) = &mut self.answers {
            answers.bodies.push(RequestBody { at, step, body });
            self.bodies_to_keep = true;
        }
    }

    /// The next save keeps these answers.
    pub(crate) fn keep_answers(&mut self, answers: Answers) {
        self.answers = Some(answers);
        self.answers_changed = true;
    }

    fn keep_answers_for(&mut self, days: u32, now: Timestamp) {
        if let Some(answers) = &mut self.answers {
            answers.expire(days, now);
            self.answers_changed = true;
        }
    }

    fn answers_change(&self, retention_days: u32) -> AnswersChange<'_> {
        match &self.answers {
            Some(_) if self.transaction.is_final() && retention_days == 0 => AnswersChange::Delete,
            Some(answers) if self.answers_changed => AnswersChange::Save(answers),
            _ => AnswersChange::Keep,
        }
    }
}

/// A step for which nobody was asked.
fn own_step(at: Timestamp, outcome: &str) -> Step {
    let (status, code, detail, request, duration_ms) = (None, None, None, None, None);
    Step { at, step: StepKind::Plan, outcome: outcome.to_owned(), status, code, detail, request, duration_ms }
}

/// An error in one word.
fn outcome_of(error: &remonline::Error) -> &'static str {
    use remonline::Error as E;
    match error {
        E::Rejected(_) => "rejected",
        E::NotFound(_) => "not_found",
        E::KeyRejected(_) => "key_rejected",
        E::Forbidden(_) => "forbidden",
        E::Throttled { .. } => "throttled",
        E::Unavailable(_) | E::Pacing(_) => "remonline_unavailable",
        E::OutcomeUnknown(_) => "outcome_unknown",
    }
}

/// What RemOnline said, the fields it named first.
fn describe(error: &remonline::Error) -> String {
    let Some(details) = error.details() else { return error.to_string() };
    let fields = details.fields.iter().map(|(field, complaint)| format!("{field}: {complaint}"));
    fields.chain([details.message.clone()]).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}
