//! From an event to transactions: from here on the table is the truth.

use domain::{AccountId, Bundle, BundleState, LeadSource, LeadgenEvent, MetaId, Reason, Slug, Transaction};
use store::{Recorded, StoreError};

use crate::Processor;

/// Why an event was not recorded; its message goes back to the queue.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("bundle {0} names a RemOnline connection that is not there")]
    NoAccount(Slug),
}

impl Processor {
    /// Puts one transaction for every bundle that takes the event, or keeps it as unrouted. A repeated event changes
    /// nothing. Returns the accounts that may have work now.
    pub(crate) async fn record(&self, event: &LeadgenEvent) -> Result<Vec<AccountId>, RecordError> {
        let bundles = self.store.bundles_of_page(&event.page_id).await?;
        let takers = takers(&bundles, &event.form_id);
        if takers.is_empty() {
            tracing::info!(leadgen_id = %event.leadgen_id, form_id = %event.form_id, "no bundle takes this form");
            self.store.keep_unrouted(event, self.clock.now()).await?;
        }
        let mut accounts = Vec::new();
        for bundle in takers {
            accounts.extend(self.record_for(event, bundle).await?);
        }
        Ok(accounts)
    }

    async fn record_for(&self, event: &LeadgenEvent, bundle: &Bundle) -> Result<Option<AccountId>, RecordError> {
        let connection = self.store.connection(&bundle.document.client.connection).await?;
        let Some(account) = connection.as_ref().and_then(|connection| connection.account()) else {
            return Err(RecordError::NoAccount(bundle.id.clone()));
        };
        let now = self.clock.now();
        let mut transaction = Transaction::received(event, bundle, account.id.clone(), LeadSource::Webhook, now);
        if bundle.state == BundleState::Stopped {
            let waits = transaction.wait(Reason::BundleStopped, None, now);
            debug_assert!(waits.is_ok(), "a new transaction may wait");
        }
        let due = match self.store.record(&transaction).await? {
            Recorded::New => transaction.due_at.is_some(),
            Recorded::Known(known) => known.due_at.is_some(),
        };
        Ok(due.then(|| account.id.clone()))
    }
}

/// The bundles that take a form: those that name it and, unless an active one of them does, those for any form.
fn takers<'b>(bundles: &'b [Bundle], form_id: &MetaId) -> Vec<&'b Bundle> {
    let named = bundles.iter().any(|bundle| bundle.names_form(form_id) && bundle.state == BundleState::Active);
    bundles.iter().filter(|bundle| bundle.names_form(form_id) || (bundle.takes_any_form() && !named)).collect()
}
