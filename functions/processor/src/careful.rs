//! A lead that kills its process (no memory, no stack, no end) must not hold up the others for ever. While holders die
//! one after the other, the next one notes in the lease which lead it has at hand, and a lead that two died of is parked.

use domain::Transaction;
use store::StoreError;

use crate::{account::Shift, failure::Failure, story::Story};

/// After so many deaths in a row a holder is careful. One death may be anything: a deployment, a machine that broke.
const CAREFUL_AFTER: u32 = 2;

impl Shift<'_> {
    /// Whether leads are taken up one by one, each noted before. It costs a write for each lead, until a holder gives the
    /// lease back.
    pub(crate) fn is_careful(&self) -> bool {
        self.lease.deaths.in_a_row >= CAREFUL_AFTER
    }

    /// Notes what is at hand, where that matters.
    pub(crate) async fn take_in_hand(&mut self, transactions: &[Transaction]) -> Result<(), StoreError> {
        if let Some(transaction) = transactions.first().filter(|_| self.is_careful()) {
            self.stop |= !self.processor.store.take_in_hand(&mut self.lease, transaction).await?;
        }
        Ok(())
    }

    /// Parks the lead that the last two holders died of, before anything else is done. It keeps its stage: when a person
    /// retries it, what may have been sent is looked up first.
    pub(crate) async fn park_the_killer(&mut self) -> Result<(), StoreError> {
        let Some(killer) = self.lease.deaths.killer().cloned() else { return Ok(()) };
        let found = self.processor.store.transaction(&killer.id).await?;
        // Changed since: a person has it, or it is parked already.
        let Some(transaction) = found.filter(|found| found.revision == killer.revision) else { return Ok(()) };
        let (leadgen_id, bundle_id, deaths) = (&killer.id.leadgen_id, &killer.id.bundle_id, self.lease.deaths.in_a_row);
        tracing::error!(%leadgen_id, %bundle_id, deaths, "two in a row died of this lead");
        self.set_aside(Story::of(transaction), &Failure::Panicked).await
    }
}
