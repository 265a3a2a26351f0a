//! From an event to transactions: from here on the table is the truth.

use domain::{AccountId, Bundle, LeadSource, LeadgenEvent};
use store::IntakeError;

use crate::Processor;

impl Processor {
    /// Puts one transaction for every bundle that takes the event, or keeps it as unrouted. A repeated event changes
    /// nothing. Returns the accounts that may have work now.
    pub(crate) async fn record(&self, event: &LeadgenEvent) -> Result<Vec<AccountId>, IntakeError> {
        let bundles = self.store.bundles_of_page(&event.page_id).await?;
        let takers = Bundle::takers(&bundles, &event.form_id);
        if takers.is_empty() {
            tracing::info!(leadgen_id = %event.leadgen_id, form_id = %event.form_id, "no bundle takes this form");
            self.store.keep_unrouted(event, self.clock.now()).await?;
        }
        let mut accounts = Vec::new();
        for bundle in takers {
            let taken = self.store.take_in(event, bundle, LeadSource::Webhook, self.clock.now()).await?;
            accounts.extend(Some(taken.account_id).filter(|_| taken.is_due));
        }
        Ok(accounts)
    }
}
