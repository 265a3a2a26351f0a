use store::{Erasure, StoreError};

use crate::Scheduler;

impl Scheduler {
    /// Carries out the wishes to be forgotten that had to wait for the end of a step. What fails is tried again in the
    /// next round.
    pub(crate) async fn erase(&self) {
        if let Err(error) = self.erase_all().await {
            tracing::error!(%error, "wishes to be forgotten have to wait");
        }
    }

    async fn erase_all(&self) -> Result<(), StoreError> {
        for erasure in self.store.erasures().await? {
            self.erase_one(&erasure).await?;
        }
        Ok(())
    }

    async fn erase_one(&self, erasure: &Erasure) -> Result<(), StoreError> {
        let erased = self.store.carry_out(erasure, self.clock.now()).await?;
        tracing::info!(erased = erased.erased.len(), pending = erased.pending.len(), "a person is forgotten");
        Ok(())
    }
}
