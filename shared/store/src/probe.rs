use crate::{Store, StoreError, database::Table, keys};

impl Store {
    /// Asks every table for a row that there is not.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub async fn probe(&self) -> Result<(), StoreError> {
        for table in [Table::Connections, Table::Bundles, Table::Dedup, Table::Transactions] {
            self.database.get(table, &keys::nothing()).await?;
        }
        Ok(())
    }
}
