use std::collections::BTreeSet;

use domain::{AccountId, Bundle, BundleState, LeadSource, LeadgenEvent, MetaId, Reason, Slug, Transaction};
use jiff::Timestamp;

use crate::{Recorded, Store, StoreError};

/// What became of an announced lead for one bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenIn {
    /// The account it goes to.
    pub account_id: AccountId,
    /// It was not known before.
    pub is_new: bool,
    /// It is to be worked on, now or later.
    pub is_due: bool,
}

/// What became of many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intake {
    /// Accounts that have work because of them.
    pub accounts: BTreeSet<AccountId>,
    /// How many were not known before.
    pub new: usize,
}

impl Intake {
    /// Counts one more.
    pub fn add(&mut self, taken: TakenIn) {
        self.new += usize::from(taken.is_new);
        self.accounts.extend(Some(taken.account_id).filter(|_| taken.is_due));
    }

    /// Counts what somebody else counted.
    pub fn merge(&mut self, other: Self) {
        self.new += other.new;
        self.accounts.extend(other.accounts);
    }
}

/// Why an announced lead was not recorded. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// No answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bundle leads nowhere.
    #[error("bundle {0} names a RemOnline connection that is not there")]
    NoAccount(Slug),
}

impl Store {
    /// Puts the transaction of an announced lead and a bundle that takes it. One that is known is left as it is; that
    /// of a stopped bundle waits until it is started, and a lead that was erased does not come back.
    pub async fn take_in(
        &self,
        event: &LeadgenEvent,
        bundle: &Bundle,
        source: LeadSource,
        now: Timestamp,
    ) -> Result<TakenIn, IntakeError> {
        let connection = self.connection(&bundle.document.client.connection).await?;
        let Some(account) = connection.as_ref().and_then(|connection| connection.account()) else {
            return Err(IntakeError::NoAccount(bundle.id.clone()));
        };
        let account_id = account.id.clone();
        let mut transaction = Transaction::received(event, bundle, account_id.clone(), source, now);
        if bundle.state == BundleState::Stopped {
            let waits = transaction.wait(Reason::BundleStopped, None, now);
            debug_assert!(waits.is_ok(), "a new transaction may wait");
        }
        let recorded = self.record(&transaction).await?;
        let is_due = match &recorded {
            Recorded::New => transaction.due_at.is_some(),
            Recorded::Known(known) => known.due_at.is_some(),
            Recorded::Erased => false,
        };
        Ok(TakenIn { account_id, is_new: recorded == Recorded::New, is_due })
    }
    /// Puts the transactions of the page's announced leads that no bundle took, for those bundles that take them now
    /// and are `wanted` for a lead announced at that time, and forgets that they were unrouted. `bundles` are all of
    /// the page.
    pub async fn take_in_unrouted(
        &self,
        page_id: &MetaId,
        bundles: &[Bundle],
        source: LeadSource,
        now: Timestamp,
        wanted: impl Fn(&Bundle, Timestamp) -> bool,
    ) -> Result<Intake, IntakeError> {
        let mut intake = Intake::default();
        for unrouted in self.unrouted_of_page(page_id).await? {
            let takers = Bundle::takers(bundles, &unrouted.event.form_id);
            let takers = takers.into_iter().filter(|bundle| wanted(bundle, unrouted.received_at)).collect::<Vec<_>>();
            for bundle in &takers {
                intake.add(self.take_in(&unrouted.event, bundle, source, now).await?);
            }
            if !takers.is_empty() {
                self.forget_unrouted(&unrouted.event).await?;
            }
        }
        Ok(intake)
    }
}
