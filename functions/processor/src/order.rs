//! The order of one lead: found, or made once with its marker.

use domain::{
    Attempt, NewOrder, OrderDecision, OrderMode, OrderOutcome, OrderRules, Reason, Stage, StepKind, WhenFound,
};
use jiff::{SignedDuration, Timestamp};
use remonline::{Choice, Order};
use store::KnownOrder;

use crate::{
    account::Shift,
    client::{CLOCK_SKEW, object},
    failure::Failure,
    person::{GONE, found_word},
    story::{SENDING, Story, Telling},
};

/// How every marker begins.
const ANY_MARKER: &str = "[fb:";

impl Shift<'_> {
    /// Settles the order: afterwards the transaction has its id, or is known to want none.
    pub(crate) async fn settle_order(&mut self, story: &mut Story, telling: &Telling) -> Result<(), Failure> {
        let (Some(rules), Some(order)) = (&telling.rules.order, &telling.plan.order) else {
            return Ok(story.transaction.set_order(None, OrderOutcome::None, self.now())?);
        };
        match story.transaction.stage.clone() {
            Stage::OrderIntent(attempt) => self.resolve_order(story, telling, order, attempt).await?,
            Stage::OrderSet => {}
            _ => self.find_or_create_order(story, telling, rules, order).await?,
        }
        match story.transaction.order_outcome {
            Some(OrderOutcome::Created) => self.set_status(story, telling, order).await,
            Some(OrderOutcome::Commented) => self.comment(story, telling, order).await,
            Some(OrderOutcome::Found | OrderOutcome::None) | None => Ok(()),
        }
    }

    async fn find_or_create_order(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        rules: &OrderRules,
        order: &NewOrder,
    ) -> Result<(), Failure> {
        if let Some(ours) = self.find_moved_order(story, telling).await? {
            return self.order_is(story, &ours);
        }
        let Some(id) = self.find_order(story, telling, rules).await? else {
            let attempt = Attempt::first(self.now(), self.lease.until);
            return self.create_order(story, telling, order, attempt).await;
        };
        let outcome = match rules.duplicates.when_found {
            WhenFound::Skip => OrderOutcome::Found,
            WhenFound::Comment => OrderOutcome::Commented,
        };
        Ok(story.transaction.set_order(Some(id), outcome, self.now())?)
    }

    /// Where an earlier client is gone, an order that was made for it may have moved to this one: they were merged.
    async fn find_moved_order(&mut self, story: &mut Story, telling: &Telling) -> Result<Option<Order>, Failure> {
        if story.client_is_new || !story.did(StepKind::FindClient, GONE) {
            return Ok(None);
        }
        let since = story.transaction.received_at - CLOCK_SKEW;
        let orders = self.orders_of_client(story, telling, Some(since)).await?;
        let marker = story.marker();
        Ok(orders.into_iter().find(|order| order.manager_notes.contains(&marker)))
    }

    /// The order that the bundle's rules count as this one. A client whose making was answered in this telling has none; one
    /// that was found when the answer was lost may have been there before.
    async fn find_order(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        rules: &OrderRules,
    ) -> Result<Option<i64>, Failure> {
        if rules.duplicates.mode == OrderMode::CreateAlways || story.client_is_new {
            return Ok(None);
        }
        let within = rules.duplicates.within_days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
        let since = within.map(|within| self.now() - within);
        let mut orders = self.orders_of_client(story, telling, since).await?;
        orders.extend(self.order_not_shown_yet(story, telling, &orders, since).await?);
        let now = self.now();
        let statuses = self.closing_statuses(story, telling, rules, &orders).await?;
        let existing = orders.iter().map(|order| order.existing(&statuses, now)).collect::<Vec<_>>();
        match domain::decide_order(&rules.duplicates, &existing, now) {
            OrderDecision::Create => Ok(None),
            OrderDecision::Found { id } => Ok(Some(id)),
        }
    }

    /// The latest order that we made for the client, where RemOnline's list lacks it: the list may lag behind.
    async fn order_not_shown_yet(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        shown: &[Order],
        since: Option<Timestamp>,
    ) -> Result<Option<Order>, Failure> {
        let client_id = story.client_id()?;
        let latest = self.processor.store.latest_order(&self.lease.account, client_id).await?;
        let is_shown = |latest: &KnownOrder| shown.iter().any(|order| order.id == latest.order_id);
        let missing = latest.filter(|it| since.is_none_or(|since| it.created_at >= since) && !is_shown(it));
        let Some(KnownOrder { order_id, .. }) = missing else { return Ok(None) };
        let found = telling.remonline.order(order_id).await;
        story.note(self, telling, StepKind::FindOrder, found_word(matches!(found, Ok(Some(_)))), &found);
        // Where two clients were merged the order may be another one's by now.
        Ok(found?.filter(|order| order.client_id == Some(client_id)))
    }

    /// The account's statuses, where they decide: an order does not say itself whether its status closes it.
    async fn closing_statuses(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        rules: &OrderRules,
        orders: &[Order],
    ) -> Result<Vec<Choice>, Failure> {
        if !rules.duplicates.only_open || orders.iter().all(Order::is_closed) {
            return Ok(Vec::new());
        }
        if self.statuses.is_empty() {
            let statuses = telling.remonline.statuses().await;
            story.note(self, telling, StepKind::FindOrder, "statuses", &statuses);
            self.statuses = statuses?;
        }
        Ok(self.statuses.clone())
    }

    async fn orders_of_client(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        since: Option<Timestamp>,
    ) -> Result<Vec<Order>, Failure> {
        let orders = telling.remonline.orders_of_client(story.client_id()?, since).await;
        let word = found_word(orders.as_ref().is_ok_and(|orders| !orders.is_empty()));
        story.note(self, telling, StepKind::FindOrder, word, &orders);
        Ok(orders?)
    }

    /// I5: the intent is stored before the request is sent. I6: what is not known to have failed stays an intent.
    async fn create_order(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        order: &NewOrder,
        attempt: Attempt,
    ) -> Result<(), Failure> {
        self.intend(story, Stage::OrderIntent(attempt.clone()), Vec::new()).await?;
        let body = order.create_body(story.client_id()?, &story.marker());
        let created = telling.remonline.create_order(&object(body)).await;
        story.note(self, telling, StepKind::CreateOrder, "created", &created);
        match created {
            Ok(created) => self.order_is(story, &created),
            Err(error @ remonline::Error::OutcomeUnknown(_)) => Err(self.doubt(story, attempt, &error)),
            Err(error) => {
                story.transaction.run(Stage::ClientSet, self.now())?;
                self.check_client(story, telling, &error).await?;
                Err(error.into())
            }
        }
    }

    /// A create was sent and its answer is unknown: the client's orders are searched for the marker. A hit counts at
    /// once, a miss only when the request can no longer take effect.
    async fn resolve_order(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        order: &NewOrder,
        attempt: Attempt,
    ) -> Result<(), Failure> {
        let orders = self.orders_of_client(story, telling, Some(attempt.first_at - CLOCK_SKEW)).await?;
        let marker = story.marker();
        if let Some(ours) = orders.iter().find(|order| order.manager_notes.contains(&marker)) {
            return self.order_is(story, ours);
        }
        let again = self.missed(story, attempt.clone(), Stage::OrderIntent)?;
        if orders.iter().any(|found| may_be_ours(found, order, &attempt)) {
            return Err(Failure::Unclear(Reason::SuspectedDouble));
        }
        self.create_order(story, telling, order, again).await
    }

    /// The order is known from now on. It is stored before anything else is sent, at the latest when the story ends.
    fn order_is(&self, story: &mut Story, order: &Order) -> Result<(), Failure> {
        let created_at = order.created_at.unwrap_or_else(|| self.now());
        story.known_order = Some(KnownOrder { client_id: story.client_id()?, order_id: order.id, created_at });
        story.first_status = order.status.as_ref().map(|status| status.id);
        Ok(story.transaction.set_order(Some(order.id), OrderOutcome::Created, self.now())?)
    }

    /// Sets the status that the bundle asks for, unless the order was created with it.
    async fn set_status(&mut self, story: &mut Story, telling: &Telling, order: &NewOrder) -> Result<(), Failure> {
        let (Some(wanted), Some(id)) = (order.status_id, story.transaction.order_id) else { return Ok(()) };
        if story.first_status == Some(wanted) || story.did(StepKind::SetStatus, "set") {
            return Ok(());
        }
        // An order from an earlier telling is stored already.
        if story.known_order.is_some() {
            self.save(story).await?;
        }
        let set = telling.remonline.set_status(id, wanted, None).await;
        story.note(self, telling, StepKind::SetStatus, "set", &set);
        // A status sets what is to be, so it may be repeated.
        set.map_err(|error| match error {
            remonline::Error::OutcomeUnknown(details) => remonline::Error::Unavailable(details).into(),
            error => error.into(),
        })
    }

    /// Leaves the lead on the order that was found, at most once: that it is about to be sent is stored with the order
    /// before. A comment whose outcome is unknown is not sent again: twice the same comment would be worse, and the order
    /// is there in any case.
    async fn comment(&mut self, story: &mut Story, telling: &Telling, order: &NewOrder) -> Result<(), Failure> {
        let Some(id) = story.transaction.order_id else { return Ok(()) };
        match story.last_outcome(StepKind::Comment) {
            Some("commented" | "outcome_unknown") => return Ok(()),
            Some(SENDING) => {
                story.note_lost(StepKind::Comment, self.now());
                return Ok(());
            }
            _ if self.out_of_time() => return Err(Failure::OutOfTime),
            _ => {}
        }
        story.note_sending(StepKind::Comment, self.now());
        self.save(story).await?;
        let commented = telling.remonline.comment(id, &order.comment(&story.marker()), true).await;
        story.drop_sending();
        story.note(self, telling, StepKind::Comment, "commented", &commented);
        match commented {
            Ok(()) | Err(remonline::Error::OutcomeUnknown(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether an order without any marker may be the one whose answer was lost: somebody may have removed the marker.
/// What was there when a person said that nothing is ours does not count.
fn may_be_ours(found: &Order, order: &NewOrder, attempt: &Attempt) -> bool {
    let unmarked = !found.manager_notes.contains(ANY_MARKER);
    let since = attempt.cleared_at.unwrap_or(attempt.first_at - SignedDuration::from_secs(60));
    let young = found.created_at.is_none_or(|at| at >= since);
    let same_type = found.order_type_id == order.fields.get("order_type_id").and_then(serde_json::Value::as_i64);
    unmarked && young && same_type
}
