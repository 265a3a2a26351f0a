//! The tables as a process sees them: rows in memory behind a seam.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use store::{
    Database, Memory, Unavailable,
    database::{Item, Key, Query, Table, Write, WriteError},
};

use crate::{
    effects::{Fate, Kind, Seam},
    meter::Meter,
};

/// How long a table takes to answer.
const LATENCY: Duration = Duration::from_millis(3);

/// Rows in memory, as one process reaches them.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) rows: Arc<Memory>,
    pub(crate) seam: Seam,
    /// Counts what passed.
    pub(crate) meter: Arc<Meter>,
}

impl Tables {
    async fn reading(&self, name: &str) -> Result<Fate, Unavailable> {
        let fate = self.seam.pass(Kind::StoreRead, name).await;
        tokio::time::sleep(LATENCY).await;
        match fate {
            Fate::Fine | Fate::CrashAfter => Ok(fate),
            _ => Err(Unavailable("the weather".to_owned())),
        }
    }
}

impl Tables {
    async fn apply(&self, writes: &[Write]) -> Result<(), WriteError> {
        let mut before = Vec::new();
        for write in writes {
            before.push(match target(write) {
                Some((table, key)) => self.rows.get(table, &key).await?,
                None => None,
            });
        }
        self.meter.write(writes, &before);
        self.rows.write(writes).await
    }
}

#[async_trait]
impl Database for Tables {
    async fn get(&self, table: Table, key: &Key) -> Result<Option<Item>, Unavailable> {
        let fate = self.reading(&format!("store get {}", kind_of(key))).await?;
        let item = self.rows.get(table, key).await;
        self.meter.read([item.as_ref().ok().and_then(Option::as_ref)]);
        self.seam.passed(fate).await;
        item
    }

    async fn get_many(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Item>>, Unavailable> {
        let kind = keys.first().map_or("nothing", kind_of);
        let fate = self.reading(&format!("store get many {kind}")).await?;
        let items = self.rows.get_many(table, keys).await;
        self.meter.read(items.iter().flatten().map(Option::as_ref));
        self.seam.passed(fate).await;
        items
    }

    async fn query(&self, query: &Query) -> Result<Vec<Item>, Unavailable> {
        let kind = query.partition.split('#').next().unwrap_or_default();
        let fate = self.reading(&format!("store query {kind}")).await?;
        let items = self.rows.query(query).await;
        self.meter.query(query, items.as_deref().unwrap_or_default());
        self.seam.passed(fate).await;
        items
    }

    async fn write(&self, writes: &[Write]) -> Result<(), WriteError> {
        let kind = if writes.len() == 1 { Kind::StorePut } else { Kind::StoreTransaction };
        let fate = self.seam.pass(kind, &format!("store write {}", kinds_of(writes))).await;
        tokio::time::sleep(LATENCY).await;
        if fate == Fate::Repeated {
            let _unheard = self.apply(writes).await;
        }
        match fate {
            Fate::Fine | Fate::CrashAfter | Fate::Repeated => {
                let written = self.apply(writes).await;
                self.seam.passed(fate).await;
                written
            }
            Fate::AnswerLost => {
                let _unheard = self.apply(writes).await;
                Err(Unavailable("the answer was lost".to_owned()).into())
            }
            _ => Err(Unavailable("the weather".to_owned()).into()),
        }
    }
}

/// The row that a write is about.
fn target(write: &Write) -> Option<(Table, Key)> {
    match write {
        Write::Put { table, item, .. } => Some((*table, Key::of(item)?)),
        Write::Delete { table, key, .. } | Write::Check { table, key, .. } => Some((*table, key.clone())),
    }
}

/// What a row is about, without ids.
fn kind_of(key: &Key) -> &str {
    let partition = key.partition.split('#').next().unwrap_or_default();
    if partition == "ACCOUNT" { &key.sort } else { partition }
}

fn kinds_of(writes: &[Write]) -> String {
    let kinds = writes.iter().map(|write| match write {
        Write::Put { item, .. } => Key::of(item).map_or(String::new(), |key| kind_of(&key).to_owned()),
        Write::Delete { key, .. } => format!("-{}", kind_of(key)),
        Write::Check { key, .. } => format!("?{}", kind_of(key)),
    });
    kinds.collect::<Vec<_>>().join(" ")
}
