//! Leads that Meta lists, taken in where we never saw them.

use domain::{Bundle, LeadSource, LeadgenEvent, MetaId, Pass, Stretch, TransactionId};
use facebook::graph::{Created, GraphError, ListedLead};
use futures::{StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use store::{Intake, IntakeError, StoreError};

use crate::Systems;

/// How many leads are recorded side by side.
const PARALLEL: usize = 8;

/// A bundle that takes the leads of a form.
#[derive(Debug, Clone, Copy)]
pub struct Taker<'b> {
    /// The bundle.
    pub bundle: &'b Bundle,
    /// It wants the leads created from this second on.
    pub since: Timestamp,
}

/// The list of a form's leads, and who takes them.
#[derive(Debug)]
pub struct Listing<'l> {
    /// Both systems and the tables.
    pub systems: &'l Systems,
    /// Of the page.
    pub token: &'l SecretString,
    /// The form's page.
    pub page_id: &'l MetaId,
    /// The form.
    pub form_id: &'l MetaId,
    /// Every bundle that the leads are put for.
    pub takers: &'l [Taker<'l>],
    /// How the leads come to us.
    pub source: LeadSource,
    /// No call is made after this.
    pub stop_at: Timestamp,
}

/// Why a list was not read on.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// Meta does not show it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A lead could not be recorded.
    #[error(transparent)]
    Intake(#[from] IntakeError),
}

impl From<StoreError> for ListingError {
    fn from(error: StoreError) -> Self {
        Self::Intake(error.into())
    }
}

impl Listing<'_> {
    /// Walks on to the end of the pass or of the time, and puts every lead that a taker wants and has not. True at the
    /// end of the pass. `pass` and `intake` hold what was done, also after an error.
    ///
    /// # Errors
    /// When Meta or the tables do not answer.
    pub async fn walk(&self, pass: &mut Pass, intake: &mut Intake) -> Result<bool, ListingError> {
        while let Some(stretch) = pass.stretch() {
            if !self.read(&stretch, intake).await? {
                pass.break_off();
                return Ok(false);
            }
            pass.advance(&stretch);
        }
        Ok(true)
    }

    /// Reads a stretch to its last page. False when the time does not suffice.
    async fn read(&self, stretch: &Stretch, intake: &mut Intake) -> Result<bool, ListingError> {
        // Meta's bounds are not within.
        let created = Created { after: Some(stretch.from - SignedDuration::from_secs(1)), before: stretch.to };
        let mut next = None;
        loop {
            let graph = &self.systems.graph;
            // Calls that can wait leave the rest of the allowance to new leads.
            if self.systems.clock.now() >= self.stop_at || !graph.usage(self.token).allows_polling() {
                return Ok(false);
            }
            let page = graph.form_leads(self.token, self.form_id, created, next.as_deref()).await?;
            self.take(&page.leads, intake).await?;
            next = page.next;
            if next.is_none() {
                return Ok(true);
            }
        }
    }

    async fn take(&self, leads: &[ListedLead], intake: &mut Intake) -> Result<(), ListingError> {
        for taker in self.takers {
            let wanted = leads.iter().filter(|lead| taker.wants(lead.created_at));
            let ids =
                wanted.map(|lead| TransactionId { leadgen_id: lead.id.clone(), bundle_id: taker.bundle.id.clone() });
            let unknown = self.systems.store.unknown(ids.collect()).await?;
            let puts = futures::stream::iter(unknown).map(|id| self.put(taker.bundle, id.leadgen_id));
            let mut puts = puts.buffer_unordered(PARALLEL);
            while let Some(taken) = puts.try_next().await? {
                intake.add(taken);
            }
        }
        Ok(())
    }

    async fn put(&self, bundle: &Bundle, leadgen_id: MetaId) -> Result<store::TakenIn, IntakeError> {
        let event = LeadgenEvent { leadgen_id, page_id: self.page_id.clone(), form_id: self.form_id.clone() };
        self.systems.store.take_in(&event, bundle, self.source, self.systems.clock.now()).await
    }
}

impl Taker<'_> {
    /// Meta tells whole seconds.
    fn wants(&self, created_at: Timestamp) -> bool {
        created_at.as_second() >= self.since.as_second()
    }
}
