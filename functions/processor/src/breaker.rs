//! RemOnline as the account's calls show it: while it does not work, nobody calls it but a probe now and then, and when
//! it works again, nobody waits longer than needed.

use domain::{Reason, Transaction};
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use store::{Change, SaveError, StoreError};

use crate::{account::Shift, failure::Failure};

/// Transactions read at once.
const BATCH: usize = 100;

/// Transactions written side by side.
const PARALLEL: usize = 8;

impl Shift<'_> {
    /// What earlier shifts heard of RemOnline.
    pub(crate) async fn read_standing(&mut self) -> Result<(), StoreError> {
        self.standing = self.processor.store.standing(&self.lease.account).await?;
        self.kept_breaker = self.standing.breaker;
        Ok(())
    }

    /// No lead calls RemOnline while the breaker holds. When its time is over, the next lead's first call is the probe;
    /// there is only one, since only the holder of the lease calls.
    pub(crate) fn may_call(&self) -> Result<(), Failure> {
        let holds_until = self.standing.breaker.holds_until(self.now());
        holds_until.map_or(Ok(()), |probe_at| Err(Failure::HeldBack { probe_at }))
    }

    /// Notes how calls went, of which the last ended with `result`. 4xx and 429 are answers too.
    pub(crate) fn heard<T>(&mut self, exchanges: &[remonline::Exchange], result: &Result<T, remonline::Error>) {
        use remonline::Error as E;
        let Some(last) = exchanges.last() else { return };
        let failed = match result {
            // RemOnline that answers and only cannot search works: what is missing is then not the answer's fault.
            Err(E::Unavailable(details) | E::OutcomeUnknown(details)) => details.status == last.status,
            _ => false,
        };
        let (now, timing) = (self.now(), self.processor.timing);
        for call in 1..=exchanges.len() {
            self.standing.breaker.note(failed && call == exchanges.len(), now, &timing);
        }
        self.calm = !matches!(result, Err(E::Throttled { .. }));
    }

    /// Writes down what was heard during one lead, where it differs from what is known already.
    pub(crate) async fn keep_standing(&mut self) -> Result<(), StoreError> {
        let account = self.lease.account.clone();
        if std::mem::take(&mut self.calm) && self.standing.pace.throttled > 0 {
            self.processor.store.calm(&account).await?;
            self.standing.pace.throttled = 0;
        }
        let breaker = self.standing.breaker;
        if breaker == self.kept_breaker {
            return Ok(());
        }
        if breaker.is_open() != self.kept_breaker.is_open() {
            tracing::warn!(account_id = %account, open = breaker.is_open(), ?breaker, "the breaker of RemOnline");
        }
        let closes = self.kept_breaker.is_open() && !breaker.is_open();
        if closes && !self.bring_forward().await? {
            return Ok(());
        }
        self.stop |= !self.processor.store.save_breaker(&self.lease, &breaker).await?;
        self.kept_breaker = breaker;
        Ok(())
    }

    /// RemOnline works again: what waits for it is due now, oldest first. Whoever dies in the middle leaves the breaker
    /// open, so that the next holder's probe brings the rest. False when there is no time for it all.
    async fn bring_forward(&mut self) -> Result<bool, StoreError> {
        let (store, now) = (&self.processor.store, self.now());
        let later = store.due_later(&self.lease.account, now).await?;
        for ids in later.chunks(BATCH) {
            if self.out_of_time() {
                return Ok(false);
            }
            let waiting = store.transactions(ids).await?.into_iter().filter(waits_for_remonline);
            let brought = futures::stream::iter(waiting).map(|transaction| self.make_due(transaction, now));
            let kept_lease = brought.buffer_unordered(PARALLEL).try_all(|kept| async move { kept }).await?;
            if !kept_lease {
                self.stop = true;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// False when the lease is lost. Whoever changed the transaction meanwhile knows better when it is due.
    async fn make_due(&self, before: Transaction, now: Timestamp) -> Result<bool, StoreError> {
        let after = Transaction { due_at: Some(now), ..before.clone() };
        let change = Change { lease: Some(&self.lease), ..Change::new(&before, &after) };
        match self.processor.store.save(change).await {
            Ok(_) | Err(SaveError::Conflict | SaveError::PersonClaimed) => Ok(true),
            Err(SaveError::LeaseLost) => Ok(false),
            Err(SaveError::Store(error)) => Err(error),
        }
    }
}

fn waits_for_remonline(transaction: &Transaction) -> bool {
    transaction.reason == Some(Reason::RemonlineUnavailable) && transaction.due_at.is_some()
}
