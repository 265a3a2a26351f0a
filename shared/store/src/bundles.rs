use domain::{Bundle, MetaId, Slug};

use crate::{
    ChangeError, CreateError, ROUNDS, Store, StoreError,
    database::{Condition, Order, Query, Table, Write, WriteError},
    keys,
    row::{self, Counted, REVISION},
};

const TABLE: Table = Table::Bundles;

impl Store {
    /// Every bundle, by id.
    pub async fn bundles(&self) -> Result<Vec<Bundle>, StoreError> {
        self.list(&Query::partition(TABLE, keys::BUNDLES)).await
    }

    /// One bundle as it is now.
    pub async fn bundle(&self, id: &Slug) -> Result<Option<Bundle>, StoreError> {
        self.read(TABLE, &keys::bundle(id)).await
    }

    /// The bundles of a page, active or not.
    pub async fn bundles_of_page(&self, page_id: &MetaId) -> Result<Vec<Bundle>, StoreError> {
        self.list(&Query::partition(TABLE, keys::page(page_id))).await
    }

    /// A bundle as it was when this version was made. It stays when the bundle is changed or deleted.
    pub async fn bundle_version(&self, id: &Slug, version: u32) -> Result<Option<Bundle>, StoreError> {
        self.read(TABLE, &keys::version(id, version)).await
    }

    /// Every version of a bundle as it was when it was made, newest first; of a deleted bundle too.
    pub async fn bundle_versions(&self, id: &Slug) -> Result<Vec<Bundle>, StoreError> {
        let versions = Query::partition(TABLE, keys::versions(id));
        self.list(&Query { order: Order::Descending, ..versions }).await
    }

    /// Keeps a new bundle and returns it with its version: 1, or one more than a deleted bundle of this id had, so
    /// that id and version name one document for ever.
    pub async fn create_bundle(&self, bundle: &Bundle) -> Result<Bundle, CreateError> {
        let latest =
            Query { order: Order::Descending, limit: 1, ..Query::partition(TABLE, keys::versions(&bundle.id)) };
        let latest: Option<Bundle> = self.list(&latest).await?.pop();
        let version = latest.map_or(1, |latest| latest.version + 1);
        let bundle = Bundle { version, ..bundle.clone() };
        let mut writes = vec![current(&bundle, 0, Condition::absent())?];
        writes.extend([new_version(&bundle)?, route(&bundle)?]);
        match self.database.write(&writes).await {
            Ok(()) => Ok(bundle),
            Err(WriteError::Conflict { .. }) => Err(CreateError::Exists),
            Err(WriteError::Unavailable(error)) => Err(StoreError::from(error).into()),
        }
    }

    /// Replaces the bundle if its version still is `expected`: a changed document with a new version, or another
    /// state with the same one.
    pub async fn save_bundle(&self, bundle: &Bundle, expected: u32) -> Result<(), ChangeError> {
        let stored: Option<Counted<Bundle>> = self.read(TABLE, &keys::bundle(&bundle.id)).await?;
        let Some(Counted { row: before, revision }) = stored.filter(|stored| stored.row.version == expected) else {
            return Err(ChangeError::Stale);
        };
        let mut writes = vec![current(bundle, revision + 1, Condition::equals(REVISION, revision))?, route(bundle)?];
        if bundle.version != expected {
            writes.push(new_version(bundle)?);
        }
        if bundle.page_id != before.page_id {
            writes.push(Write::delete(TABLE, keys::route(&before.page_id, &before.id)));
        }
        match self.database.write(&writes).await {
            Ok(()) => Ok(()),
            Err(WriteError::Conflict { .. }) => Err(ChangeError::Stale),
            Err(WriteError::Unavailable(error)) => Err(StoreError::from(error).into()),
        }
    }

    /// Forgets a bundle. Its versions stay, because transactions name them.
    pub async fn delete_bundle(&self, id: &Slug) -> Result<(), StoreError> {
        let key = keys::bundle(id);
        for _ in 0..ROUNDS {
            let stored: Option<Counted<Bundle>> = self.read(TABLE, &key).await?;
            let Some(Counted { row: bundle, revision }) = stored else { return Ok(()) };
            let condition = Condition::equals(REVISION, revision);
            let current = Write::Delete { table: TABLE, key: key.clone(), condition };
            let route = Write::delete(TABLE, keys::route(&bundle.page_id, id));
            match self.database.write(&[current, route]).await {
                Ok(()) => return Ok(()),
                Err(WriteError::Conflict { .. }) => {}
                Err(WriteError::Unavailable(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::busy())
    }
}

fn current(bundle: &Bundle, revision: u64, condition: Condition) -> Result<Write, StoreError> {
    let item = row::row(&keys::bundle(&bundle.id), &Counted { row: bundle, revision })?;
    Ok(Write::Put { table: TABLE, item, condition })
}

fn new_version(bundle: &Bundle) -> Result<Write, StoreError> {
    let item = row::row(&keys::version(&bundle.id, bundle.version), bundle)?;
    Ok(Write::Put { table: TABLE, item, condition: Condition::absent() })
}

/// The bundle once more under its page, so that the bundles of a form are found in one query.
fn route(bundle: &Bundle) -> Result<Write, StoreError> {
    Ok(Write::put(TABLE, row::row(&keys::route(&bundle.page_id, &bundle.id), bundle)?))
}
