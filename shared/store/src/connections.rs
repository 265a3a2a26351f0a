use std::collections::BTreeSet;

use domain::{AccountId, Connection, MetaId, Slug};
use serde::{Deserialize, Serialize};

use crate::{
    ChangeError, CreateError, PutError, Sealed, Store, StoreError,
    database::{Condition, Query, Table, Write},
    keys,
    row::{Counted, REVISION},
};

const TABLE: Table = Table::Connections;

/// A connection and its secret, which change together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SealedConnection {
    /// The connection.
    #[serde(flatten)]
    pub connection: Connection,
    /// Its key or token.
    #[serde(rename = "sealed")]
    pub secret: Sealed,
}

impl Store {
    /// Every connection, by id.
    pub async fn connections(&self) -> Result<Vec<Connection>, StoreError> {
        self.list(&Query::partition(TABLE, keys::CONNECTIONS)).await
    }

    /// One connection.
    pub async fn connection(&self, id: &Slug) -> Result<Option<Connection>, StoreError> {
        self.read(TABLE, &keys::connection(id)).await
    }

    /// The Facebook connections of a page.
    pub async fn connections_of_page(&self, page_id: &MetaId) -> Result<Vec<Connection>, StoreError> {
        let all = self.connections().await?;
        Ok(all.into_iter().filter(|connection| connection.page_id() == Some(page_id)).collect())
    }

    /// The accounts behind the RemOnline connections, each once.
    pub async fn accounts(&self) -> Result<Vec<AccountId>, StoreError> {
        let all = self.connections().await?;
        let accounts = all.iter().filter_map(Connection::account).map(|account| account.id.clone());
        Ok(accounts.collect::<BTreeSet<_>>().into_iter().collect())
    }

    /// One connection with its secret.
    pub async fn sealed_connection(&self, id: &Slug) -> Result<Option<SealedConnection>, StoreError> {
        self.read(TABLE, &keys::connection(id)).await
    }

    /// Keeps a new connection with its secret.
    pub async fn create_connection(&self, connection: &Connection, secret: &Sealed) -> Result<(), CreateError> {
        let sealed = SealedConnection { connection: connection.clone(), secret: secret.clone() };
        let row = Counted { row: sealed, revision: 0 };
        match self.put_own(TABLE, &keys::connection(&connection.id), &row, Condition::absent()).await {
            Ok(()) => Ok(()),
            Err(PutError::Conflict) => Err(CreateError::Exists),
            Err(PutError::Store(error)) => Err(error.into()),
        }
    }

    /// Changes title, state or the time of the last check and keeps the secret. `before` is the connection as the
    /// caller read it: a job that found a key refused cannot undo what a person did meanwhile.
    pub async fn save_connection(&self, before: &Connection, after: &Connection) -> Result<(), ChangeError> {
        self.change_connection(before, after, None).await
    }

    /// Changes a connection together with its secret.
    pub async fn replace_secret(
        &self,
        before: &Connection,
        after: &Connection,
        secret: &Sealed,
    ) -> Result<(), ChangeError> {
        self.change_connection(before, after, Some(secret)).await
    }

    /// Forgets a connection and its secret.
    pub async fn delete_connection(&self, id: &Slug) -> Result<(), StoreError> {
        self.write_anyway(Write::delete(TABLE, keys::connection(id))).await
    }

    async fn change_connection(
        &self,
        before: &Connection,
        after: &Connection,
        secret: Option<&Sealed>,
    ) -> Result<(), ChangeError> {
        let key = keys::connection(&before.id);
        let stored: Option<Counted<SealedConnection>> = self.read(TABLE, &key).await?;
        let Some(Counted { row: kept, revision }) = stored.filter(|stored| stored.row.connection == *before) else {
            return Err(ChangeError::Stale);
        };
        let secret = secret.cloned().unwrap_or(kept.secret);
        let row = Counted { row: SealedConnection { connection: after.clone(), secret }, revision: revision + 1 };
        match self.put_own(TABLE, &key, &row, Condition::equals(REVISION, revision)).await {
            Ok(()) => Ok(()),
            Err(PutError::Conflict) => Err(ChangeError::Stale),
            Err(PutError::Store(error)) => Err(error.into()),
        }
    }
}
