use std::collections::{BTreeMap, BTreeSet};

use connections::{OpenError, Taker};
use domain::{Bundle, Connection, ConnectionState, MetaId, Slug};
use facebook::graph::ListedForm;
use secrecy::SecretString;
use store::{Backfill, StoreError};

use crate::Scheduler;

/// A page whose forms are read.
pub(super) struct Page {
    pub(super) page_id: MetaId,
    /// Every bundle of the page.
    pub(super) bundles: Vec<Bundle>,
    /// The way there; `None` when there is none, or nothing more is to be read this round.
    pub(super) access: Option<Access>,
}

/// A connection that is in use, with its token.
pub(super) struct Access {
    pub(super) connection: Connection,
    pub(super) token: SecretString,
}

impl Page {
    /// Its bundles that were ever started.
    pub(super) fn started(&self) -> impl Iterator<Item = &Bundle> {
        self.bundles.iter().filter(|bundle| bundle.first_started_at.is_some())
    }

    /// The bundles that want leads of a form which were never announced, each since its first start.
    pub(super) fn takers(&self, form_id: &MetaId) -> Vec<Taker<'_>> {
        let takers = Bundle::takers(&self.bundles, form_id).into_iter();
        takers.filter_map(|bundle| bundle.first_started_at.map(|since| Taker { bundle, since })).collect()
    }

    /// Whether one of its bundles takes a form.
    pub(super) fn takes(&self, bundle_id: &Slug, form_id: &MetaId) -> bool {
        Bundle::takers(&self.bundles, form_id).iter().any(|bundle| bundle.id == *bundle_id)
    }

    /// The forms that Meta lists, archived ones among them, and those that a bundle names although Meta does not list
    /// them. A draft has no leads.
    pub(super) fn with_named(&self, mut listed: Vec<ListedForm>) -> Vec<ListedForm> {
        listed.retain(|form| form.status != "DRAFT");
        let known = listed.iter().map(|form| form.id.clone()).collect::<BTreeSet<_>>();
        let named = self.started().filter_map(|bundle| bundle.document.source.form_id.parse::<MetaId>().ok());
        let unlisted = named.filter(|id| !known.contains(id)).collect::<BTreeSet<_>>();
        let unlisted = unlisted.into_iter().map(|id| ListedForm { id, status: String::new(), leads_count: None });
        listed.extend(unlisted);
        listed
    }
}

impl Scheduler {
    /// Every page with a bundle that was ever started, or one whose backfill is not at its end.
    pub(super) async fn pages(&self, backfills: &[Backfill]) -> Result<Vec<Page>, StoreError> {
        let backfilled = backfills.iter().map(|backfill| &backfill.bundle_id).collect::<BTreeSet<_>>();
        let wanted = |bundle: &Bundle| bundle.first_started_at.is_some() || backfilled.contains(&bundle.id);
        let mut bundles_of: BTreeMap<MetaId, Vec<Bundle>> = BTreeMap::new();
        for bundle in self.store.bundles().await? {
            bundles_of.entry(bundle.page_id.clone()).or_default().push(bundle);
        }
        let mut pages = Vec::new();
        for (page_id, bundles) in bundles_of {
            if bundles.iter().any(wanted) {
                let access = self.open(bundles.iter().filter(|bundle| wanted(bundle))).await?;
                pages.push(Page { page_id, bundles, access });
            }
        }
        Ok(pages)
    }

    /// The first connection of these bundles that is in use and opens.
    async fn open(&self, bundles: impl Iterator<Item = &Bundle>) -> Result<Option<Access>, StoreError> {
        let ids = bundles.map(|bundle| &bundle.document.source.connection).collect::<BTreeSet<_>>();
        for id in ids {
            let connection = self.store.connection(id).await?;
            let in_use = |connection: &Connection| connection.state == ConnectionState::Active;
            let Some(connection) = connection.filter(in_use) else { continue };
            match self.systems.secret(&connection).await {
                Ok(token) => return Ok(Some(Access { connection, token })),
                Err(OpenError::Store(error)) => return Err(error),
                Err(error) => tracing::error!(connection_id = %id, %error, "the page's token does not open"),
            }
        }
        Ok(None)
    }
}
