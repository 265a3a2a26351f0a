//! Leads that Meta lists and never announced to us, leads that were announced when no bundle took them, and backfills
//! that a person asked for.

mod due;
mod page;

use std::collections::{BTreeMap, BTreeSet};

use connections::{Listing, ListingError, Taker};
use domain::{AccountId, Bundle, ConnectionState, LeadSource, MetaId, Pass};
use facebook::graph::{GraphError, ListedForm};
use jiff::Timestamp;
use runtime::Metric;
use store::{Backfill, Intake, IntakeError, StoreError, Watermark};

use crate::{Outcome, Scheduler};
use page::{Access, Page};

/// A form that is due.
struct FormRound {
    /// Index of its page.
    page: usize,
    watermark: Watermark,
    leads_count: Option<u64>,
    pass: Pass,
}

/// One round of the job.
struct Round<'s> {
    scheduler: &'s Scheduler,
    pages: Vec<Page>,
    stop_at: Timestamp,
    /// Accounts that have work now.
    accounts: BTreeSet<AccountId>,
    /// Leads that only this job found.
    found: usize,
    /// Every page could be asked whose connection is in use.
    complete: bool,
}

impl Scheduler {
    /// Reads the forms of every page that has bundles, the one that was not tried for the longest time first, and goes
    /// on with backfills. What the time does not suffice for is left to the next round.
    pub(crate) async fn reconcile(&self, deadline: Timestamp) -> Result<Outcome, StoreError> {
        let stop_at = deadline - self.timing.send_margin();
        // Read before the bundles, so that the bundle of each is among them.
        let backfills = self.store.backfills().await?;
        let pages = self.pages(&backfills).await?;
        let accounts = BTreeSet::new();
        let mut round = Round { scheduler: self, pages, stop_at, accounts, found: 0, complete: true };
        round.take_unrouted().await?;
        round.read_forms().await?;
        round.go_on_with(backfills).await?;
        let complete = usize::from(round.complete);
        let metrics =
            vec![Metric::count("LeadsFoundByReconcile", round.found), Metric::count("ReconcileRounds", complete)];
        Ok(Outcome { accounts: round.accounts, metrics, missed: round.found, ..Outcome::default() })
    }
}

impl Round<'_> {
    fn now(&self) -> Timestamp {
        self.scheduler.clock.now()
    }

    fn over(&self) -> bool {
        self.now() >= self.stop_at
    }

    /// Takes in what was announced after a bundle's first start and before it took the form.
    async fn take_unrouted(&mut self) -> Result<(), StoreError> {
        let store = &self.scheduler.store;
        let mut taken = Intake::default();
        for Page { page_id, bundles, .. } in &self.pages {
            let wanted = |bundle: &Bundle, at| bundle.first_started_at.is_some_and(|started| started <= at);
            match store.take_in_unrouted(page_id, bundles, LeadSource::Reconcile, self.now(), wanted).await {
                Ok(intake) => taken.merge(intake),
                Err(IntakeError::Store(error)) => return Err(error),
                Err(error) => tracing::error!(%page_id, %error, "unrouted leads could not be taken in"),
            }
        }
        if taken.new > 0 {
            tracing::info!(leads = taken.new, "unrouted leads taken in");
        }
        self.accounts.extend(taken.accounts);
        Ok(())
    }

    async fn read_forms(&mut self) -> Result<(), StoreError> {
        let mut forms = self.due_forms().await?;
        forms.sort_by_key(|form| form.watermark.tried_at);
        let (due, mut tried, mut read) = (forms.len(), 0, 0);
        for form in forms {
            if self.over() {
                break;
            }
            tried += 1;
            read += usize::from(self.read_form(form).await?);
        }
        // A large form may take a whole round; where not even one was begun, the lists took all the time.
        self.complete &= tried > 0 || !self.over();
        tracing::info!(due, read, found = self.found, "forms reconciled");
        Ok(())
    }

    /// The forms of all pages that have to be read.
    async fn due_forms(&mut self) -> Result<Vec<FormRound>, StoreError> {
        let mut due = Vec::new();
        for index in 0..self.pages.len() {
            let forms = match self.listed(index).await {
                Some(Ok(forms)) => forms,
                Some(Err(error)) => {
                    self.refused(index, &error).await?;
                    continue;
                }
                None => continue,
            };
            let page = &self.pages[index];
            let known = self.scheduler.store.watermarks(&page.page_id).await?.into_iter();
            let mut known = known.map(|watermark| (watermark.form_id.clone(), watermark)).collect::<BTreeMap<_, _>>();
            for ListedForm { id, leads_count, .. } in page.with_named(forms) {
                let Some(started) = page.takers(&id).iter().map(|taker| taker.since).min() else { continue };
                let mut watermark = known.remove(&id).unwrap_or_else(|| Watermark::new(page.page_id.clone(), id));
                if let Some(pass) = due::begin(&mut watermark, leads_count, started, self.now()) {
                    due.push(FormRound { page: index, watermark, leads_count, pass });
                }
            }
        }
        Ok(due)
    }

    /// The forms of a page as Meta lists them; `None` when it is not asked.
    async fn listed(&self, index: usize) -> Option<Result<Vec<ListedForm>, GraphError>> {
        let page = &self.pages[index];
        let access = page.access.as_ref().filter(|_| !self.over())?;
        // A page that has backfills only has nothing to be reconciled.
        page.started().next()?;
        let graph = &self.scheduler.systems.graph;
        graph.forget_usage(&access.token);
        Some(graph.listed_forms(&access.token, &page.page_id).await)
    }

    /// Reads a form. True when the pass came to its end.
    async fn read_form(&mut self, form: FormRound) -> Result<bool, StoreError> {
        let FormRound { page: index, mut watermark, leads_count, mut pass } = form;
        let page = &self.pages[index];
        let Some(access) = page.access.as_ref() else { return Ok(false) };
        let takers = page.takers(&watermark.form_id);
        let mut intake = Intake::default();
        let walked = self.listing(page, access, &watermark.form_id, &takers, LeadSource::Reconcile);
        let walked = walked.walk(&mut pass, &mut intake).await;
        if intake.new > 0 {
            let Watermark { page_id, form_id, .. } = &watermark;
            tracing::warn!(%page_id, %form_id, leads = intake.new, "leads whose webhook never came");
        }
        self.found += intake.new;
        self.accounts.extend(intake.accounts);
        match walked {
            Ok(true) => due::finish(&mut watermark, &pass, leads_count, self.now()),
            Ok(false) | Err(_) => due::interrupt(&mut watermark, pass, self.now()),
        }
        self.scheduler.store.save_watermark(&watermark, self.now()).await?;
        match walked {
            Ok(over) => Ok(over),
            Err(error) => self.failed(index, &watermark.form_id, error).await.map(|()| false),
        }
    }

    fn listing<'l>(
        &'l self,
        page: &'l Page,
        access: &'l Access,
        form_id: &'l MetaId,
        takers: &'l [Taker<'l>],
        source: LeadSource,
    ) -> Listing<'l> {
        let (systems, stop_at) = (&self.scheduler.systems, self.stop_at);
        Listing { systems, token: &access.token, page_id: &page.page_id, form_id, takers, source, stop_at }
    }

    /// Goes on with what a person asked for, as long as the bundle takes the form.
    async fn go_on_with(&mut self, backfills: Vec<Backfill>) -> Result<(), StoreError> {
        for backfill in backfills {
            if self.over() {
                return Ok(());
            }
            let takes = |page: &Page| page.takes(&backfill.bundle_id, &backfill.form_id);
            match self.pages.iter().position(takes) {
                Some(index) => self.bring(index, backfill).await?,
                None => self.scheduler.store.forget_backfill(&backfill).await?,
            }
        }
        Ok(())
    }

    async fn bring(&mut self, index: usize, mut backfill: Backfill) -> Result<(), StoreError> {
        let page = &self.pages[index];
        let Some(access) = page.access.as_ref() else { return Ok(()) };
        let bundle = page.bundles.iter().filter(|bundle| bundle.id == backfill.bundle_id);
        let takers = bundle.map(|bundle| Taker { bundle, since: backfill.since }).collect::<Vec<_>>();
        let mut intake = Intake::default();
        let listing = self.listing(page, access, &backfill.form_id, &takers, LeadSource::Backfill);
        let walked = listing.walk(&mut backfill.pass, &mut intake).await;
        let Backfill { bundle_id, form_id, .. } = &backfill;
        tracing::info!(%bundle_id, %form_id, leads = intake.new, "leads brought by a backfill");
        self.accounts.extend(intake.accounts);
        match walked {
            Ok(true) => self.scheduler.store.forget_backfill(&backfill).await,
            Ok(false) => self.scheduler.store.save_backfill(&backfill).await,
            Err(error) => {
                self.scheduler.store.save_backfill(&backfill).await?;
                let form_id = form_id.clone();
                self.failed(index, &form_id, error).await
            }
        }
    }

    /// A form was not read to its end. What is wrong with the form alone does not stop its page.
    async fn failed(&mut self, index: usize, form_id: &MetaId, error: ListingError) -> Result<(), StoreError> {
        match error {
            ListingError::Intake(IntakeError::Store(error)) => return Err(error),
            ListingError::Graph(GraphError::NotFound(_) | GraphError::Bug(_) | GraphError::ReduceData(_))
            | ListingError::Intake(_) => tracing::error!(%form_id, %error, "the form's leads could not be read"),
            ListingError::Graph(error) => self.refused(index, &error).await?,
        }
        Ok(())
    }

    /// Nothing more is read of a page this round; a token that Meta refuses is not used again at all, which is told for
    /// itself.
    async fn refused(&mut self, index: usize, error: &GraphError) -> Result<(), StoreError> {
        let page = &mut self.pages[index];
        let Some(Access { connection, .. }) = page.access.take() else { return Ok(()) };
        tracing::error!(page_id = %page.page_id, connection_id = %connection.id, %error, "the page could not be read");
        if !matches!(error, GraphError::TokenRejected(_)) {
            self.complete = false;
            return Ok(());
        }
        self.scheduler.systems.close(&connection, ConnectionState::KeyRejected).await
    }
}
