//! What a person decides on a lead of which it is unclear what RemOnline has.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{IllegalTransition, MetaId, Slug, Stage, State as TransactionState, Step, StepKind, StepRequest};
use domain::{Transaction, TransactionId};
use jiff::Timestamp;
use remonline::{Client, Exchange, Order};
use serde::Deserialize;
use store::{Answers, AnswersChange, Change, KnownOrder, PersonWrite, RetryError, SaveError};
use utoipa::ToSchema;

use crate::{
    app::App,
    connections,
    explain::Language,
    problem::{PROBLEM_JSON, Problem, ProblemDetails},
    request::{Body, Ids},
    text::{Text, text},
    transactions::TransactionDetails,
};

/// What is to become of a lead in review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// RemOnline has it: the client, the order or both are named.
    Link,
    /// RemOnline does not have it: the next attempt is made.
    Create,
    /// Nothing is to be made of it.
    Dismiss,
}

/// The decision of a person who looked into RemOnline.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    decision: Decision,
    /// Only for `link`: the client in RemOnline.
    client_id: Option<i64>,
    /// Only for `link`: the order in RemOnline.
    order_id: Option<i64>,
}

/// What the person found in RemOnline, as RemOnline has it.
struct Found {
    client_id: i64,
    order: Option<Order>,
    /// How it was looked at.
    steps: Vec<Step>,
}

/// A look into RemOnline for what a person names.
struct Look<'a> {
    app: &'a App,
    lead: &'a Transaction,
    remonline: Client,
    language: Language,
}

impl Look<'_> {
    async fn order(&self, order_id: i64, client_id: Option<i64>) -> Result<Found, Problem> {
        let blame = |told: Text| Err(Problem::invalid_field("/order_id", told));
        let Some(order) = self.answered(self.remonline.order(order_id).await).await? else {
            return blame(text("order-gone").with("id", order_id));
        };
        let Some(owner) = order.client_id.filter(|_| !order.client_is_organization) else {
            return blame(text("order-of-no-person"));
        };
        if client_id.is_some_and(|client_id| client_id != owner) {
            return blame(text("order-of-other-client").with("id", owner));
        }
        self.fits(owner, "/order_id")?;
        Ok(Found { client_id: owner, order: Some(order), steps: self.steps(StepKind::FindOrder) })
    }

    async fn client(&self, client_id: i64) -> Result<Found, Problem> {
        self.fits(client_id, "/client_id")?;
        if self.answered(self.remonline.person(client_id).await).await?.is_none() {
            return Err(Problem::invalid_field("/client_id", text("client-gone").with("id", client_id)));
        }
        Ok(Found { client_id, order: None, steps: self.steps(StepKind::FindClient) })
    }

    /// I7: a client that is recorded stays.
    fn fits(&self, client_id: i64, pointer: &str) -> Result<(), Problem> {
        match self.lead.client_id {
            Some(recorded) if recorded != client_id => {
                Err(Problem::invalid_field(pointer, text("client-settled").with("id", recorded)))
            }
            _ => Ok(()),
        }
    }

    async fn answered<T>(&self, answer: Result<T, remonline::Error>) -> Result<T, Problem> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.app.remonline_failed(&self.lead.account_id, &error, self.language).await),
        }
    }

    fn steps(&self, step: StepKind) -> Vec<Step> {
        self.remonline.take_exchanges().iter().map(|seen| linked(step, seen)).collect()
    }
}

/// Decides on a lead in review: links it to what RemOnline has, has it created after all, or dismisses it. Whatever is
/// left to do is then done by itself.
#[utoipa::path(post, path = "/api/transactions/{bundle_id}/{leadgen_id}/resolve", tag = "transactions",
    params(("bundle_id" = String, Path, description = "The bundle."),
           ("leadgen_id" = String, Path, description = "The lead, Meta's id.")),
    request_body = Resolution,
    responses((status = OK, body = TransactionDetails),
              (status = CONFLICT, description = "It is not in review.", body = ProblemDetails, content_type = PROBLEM_JSON),
              (status = UNPROCESSABLE_ENTITY, description = "RemOnline has no such client or order, or the order is \
               somebody else's.", body = ProblemDetails, content_type = PROBLEM_JSON)))]
pub(crate) async fn resolve(
    State(app): State<Arc<App>>,
    Ids((bundle_id, leadgen_id)): Ids<(Slug, MetaId)>,
    language: Language,
    Body(resolution): Body<Resolution>,
) -> Result<Json<TransactionDetails>, Problem> {
    resolution.check_ids()?;
    let id = TransactionId { leadgen_id, bundle_id };
    let before = app.store.transaction(&id).await?.ok_or_else(|| Problem::not_found(text("no-transaction")))?;
    if before.state != TransactionState::Review {
        return Err(not_in_review(before.state));
    }
    let saved = match resolution.decision {
        Decision::Link => app.link(&before, &resolution, language).await?,
        Decision::Create => app.create_again(&before).await?,
        Decision::Dismiss => app.dismiss(&before).await?,
    };
    tracing::info!(leadgen_id = %id.leadgen_id, bundle_id = %id.bundle_id, decision = ?resolution.decision, "resolved");
    if saved.due_at.is_some() {
        app.wake([saved.account_id.clone()]).await;
    }
    let answers = app.store.answers(&id).await?;
    Ok(Json(TransactionDetails::masked(saved, answers.as_ref(), language)))
}

impl Resolution {
    /// Ids belong to a link, and only there.
    fn check_ids(&self) -> Result<(), Problem> {
        let given = [("/client_id", self.client_id), ("/order_id", self.order_id)];
        let superfluous = given.into_iter().find(|(_, id)| id.is_some() && self.decision != Decision::Link);
        superfluous.map_or(Ok(()), |(pointer, _)| Err(Problem::invalid_field(pointer, text("only-for-link"))))
    }
}

impl App {
    async fn link(
        &self,
        before: &Transaction,
        wanted: &Resolution,
        language: Language,
    ) -> Result<Transaction, Problem> {
        let Found { client_id, order, steps } = self.look(before, wanted, language).await?;
        let now = self.clock.now();
        let mut after = before.clone();
        steps.into_iter().for_each(|step| after.add_step(step));
        match &order {
            Some(order) => after.link_order(client_id, order.id, now)?,
            None => {
                self.must_have_bundle(before).await?;
                after.link_client(client_id, now)?;
            }
        }
        let settle = |hash| PersonWrite::Settle { hash, client_id };
        let persons = self.claims(before).await?.into_iter().map(settle).collect();
        let order = match order {
            Some(order) => self.latest(before, client_id, &order).await?,
            None => None,
        };
        self.decide(Change { persons, order, ..Change::new(before, &after) }).await
    }

    async fn create_again(&self, before: &Transaction) -> Result<Transaction, Problem> {
        self.must_have_bundle(before).await?;
        let now = self.clock.now();
        let mut after = before.clone();
        let creates_order = matches!(before.stage, Stage::OrderIntent(_));
        let step = if creates_order { StepKind::CreateOrder } else { StepKind::CreateClient };
        after.add_step(told(now, step, "cleared"));
        after.create_again(now)?;
        self.decide(Change::new(before, &after)).await
    }

    /// The person is free for other leads then.
    async fn dismiss(&self, before: &Transaction) -> Result<Transaction, Problem> {
        let now = self.clock.now();
        let mut after = before.clone();
        after.add_step(told(now, StepKind::Plan, "dismissed"));
        after.dismiss(now)?;
        let release = |hash| PersonWrite::Release { hash };
        let persons = self.claims(before).await?.into_iter().map(release).collect();
        self.decide(Change { persons, ..Change::new(before, &after) }).await
    }

    /// Looks in RemOnline for what the person names.
    ///
    /// # Errors
    /// 422 for the field to blame when it is not there, or does not fit what is recorded.
    async fn look(&self, lead: &Transaction, wanted: &Resolution, language: Language) -> Result<Found, Problem> {
        let connection = connections::find(self, &lead.client_connection).await?;
        let remonline = self.remonline(&connection).await?;
        let look = Look { app: self, lead, remonline, language };
        let order_is_open = matches!(lead.stage, Stage::OrderIntent(_));
        match (wanted.client_id, wanted.order_id) {
            (client_id, Some(order_id)) => look.order(order_id, client_id).await,
            (_, None) if order_is_open => Err(Problem::invalid_field("/order_id", text("order-missing"))),
            (Some(client_id), None) => look.client(client_id).await,
            (None, None) => Err(Problem::invalid_field("/client_id", text("client-or-order-missing"))),
        }
    }

    /// Under which hashes the lead holds the person for itself.
    async fn claims(&self, lead: &Transaction) -> Result<Vec<String>, Problem> {
        let hashes: Vec<String> = lead.person_hashes.iter().cloned().collect();
        let entries = self.store.persons(&lead.account_id, &hashes).await?;
        let claimed = hashes.into_iter().zip(entries);
        let ours = claimed.filter(|(_, entry)| entry.as_ref().and_then(|it| it.claimed_by.as_ref()) == Some(&lead.id));
        Ok(ours.map(|(hash, _)| hash).collect())
    }

    /// The order as the client's latest, unless a later one is known.
    async fn latest(&self, lead: &Transaction, client_id: i64, order: &Order) -> Result<Option<KnownOrder>, Problem> {
        let created_at = order.created_at.unwrap_or_else(|| self.clock.now());
        let known = self.store.latest_order(&lead.account_id, client_id).await?;
        let is_latest = known.is_none_or(|known| known.created_at <= created_at);
        Ok(is_latest.then_some(KnownOrder { client_id, order_id: order.id, created_at }))
    }

    /// What is to go on needs rules to go on by.
    async fn must_have_bundle(&self, lead: &Transaction) -> Result<(), Problem> {
        let bundle = self.store.bundle(&lead.id.bundle_id).await?;
        bundle.map(drop).ok_or_else(|| RetryError::NoBundle.into())
    }

    async fn decide(&self, change: Change<'_>) -> Result<Transaction, Problem> {
        let mut answers = if change.after.is_final() { self.store.answers(&change.after.id).await? } else { None };
        let answers = self.kept(answers.as_mut());
        self.store.save(Change { answers, ..change }).await.map_err(|error| match error {
            SaveError::Store(error) => error.into(),
            SaveError::Conflict | SaveError::LeaseLost | SaveError::PersonClaimed => RetryError::Busy.into(),
        })
    }

    /// The answers of a lead that is final now are kept as long as those of any other.
    fn kept<'a>(&self, answers: Option<&'a mut Answers>) -> AnswersChange<'a> {
        let Some(answers) = answers else { return AnswersChange::Keep };
        if self.retention_days == 0 {
            return AnswersChange::Delete;
        }
        answers.expire(self.retention_days, self.clock.now());
        AnswersChange::Save(answers)
    }
}

fn not_in_review(state: TransactionState) -> Problem {
    Problem::conflict(text("not-in-review").with_text("state", state.into()))
}

/// For what changed between reading and deciding.
impl From<IllegalTransition> for Problem {
    fn from(illegal: IllegalTransition) -> Self {
        Self::conflict(text("not-now").with_text("state", illegal.from.into()))
    }
}

/// A step of a person.
fn told(at: Timestamp, step: StepKind, outcome: &str) -> Step {
    let (status, code, detail, request, duration_ms) = (None, None, None, None, None);
    Step { at, step, outcome: outcome.to_owned(), status, code, detail, request, duration_ms }
}

fn linked(step: StepKind, seen: &Exchange) -> Step {
    let request = StepRequest { method: seen.method.clone(), path: seen.path.clone(), body: None };
    let duration_ms = u64::try_from(seen.duration.as_millis()).ok();
    Step { status: seen.status, request: Some(request), duration_ms, ..told(seen.at, step, "linked") }
}
