use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use scheduler::Job;
use store::{
    Database, Store, Unavailable,
    database::{Item, Key, Query, Table, Write, WriteError},
};

use crate::world::World;

/// A database of which one table does not answer.
#[derive(Debug)]
struct Without(Table);

#[async_trait]
impl Database for Without {
    async fn get(&self, table: Table, _: &Key) -> Result<Option<Item>, Unavailable> {
        if table == self.0 { Err(Unavailable("no answer".to_owned())) } else { Ok(None) }
    }

    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable> {
        futures::future::try_join_all(keys.iter().map(|key| self.get(table, key))).await
    }

    async fn query(&self, _: &Query) -> Result<Vec<Item>, Unavailable> {
        Ok(Vec::new())
    }

    async fn write(&self, _: &[Write]) -> Result<(), WriteError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn dead_letters_go_back_when_every_table_answers() {
    let mut world = World::new(Duration::ZERO).await;
    assert!(world.run(Job::Redrive).await.redrive);
    for table in [Table::Connections, Table::Bundles, Table::Dedup, Table::Transactions] {
        world.scheduler.store = Store::new(Arc::new(Without(table)));
        let deadline = world.now();
        assert!(world.scheduler.handle(Job::Redrive, deadline).await.is_err(), "{table:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_job_moves_dead_letters() {
    let world = World::new(Duration::ZERO).await;
    for job in [Job::Wake, Job::Reconcile, Job::Audit] {
        assert!(!world.run(job).await.redrive, "{job:?}");
    }
}
