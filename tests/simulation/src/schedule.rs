//! The scheduler's jobs, run when they are due.

use std::{sync::Arc, time::Duration};

use domain::AccountId;
use futures::future::select;
use store::{Store, StoreError};
use tokio::time::Instant;

use crate::world::{COMPANIES, World};

/// How often `wake` runs.
const WAKE: Duration = Duration::from_secs(60);

/// When which job runs.
#[derive(Debug)]
pub(crate) struct Schedule {
    began: Instant,
    woken_at: Option<Instant>,
}

impl Schedule {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), woken_at: None }
    }

    /// The next minute at which `wake` will have something to do. Those before it read the tables and send nothing, and
    /// are left out: most runs last for hours in which nothing is due.
    pub(crate) async fn next_wake(&self, world: &World) -> Option<Instant> {
        let mut due = None;
        for account in COMPANIES.map(AccountId::new) {
            let next = world.store.next_due(&account).await.ok()?;
            due = next.into_iter().chain(due).min();
        }
        let due_at = world.ours.moment(due?).max(Instant::now());
        let earliest = self.woken_at.map_or(due_at, |woken_at| due_at.max(woken_at + WAKE));
        let minutes = earliest.duration_since(self.began).as_nanos().div_ceil(WAKE.as_nanos());
        Some(self.began + WAKE * u32::try_from(minutes).unwrap_or(u32::MAX))
    }

    /// Starts the jobs whose time has come.
    pub(crate) fn start_jobs(&mut self, world: &Arc<World>, wake_at: Option<Instant>) {
        let now = Instant::now();
        if wake_at.is_some_and(|at| at <= now) {
            self.woken_at = Some(now);
            world.spawn(run_wake(Arc::clone(world)));
        }
    }
}

/// `wake` in a process of its own, which may die of it.
async fn run_wake(world: Arc<World>) {
    let seam = world.seam();
    let store = world.tables(&seam);
    let job = async {
        if let Ok(accounts) = accounts_due(&store, &world).await {
            accounts.iter().for_each(|account| world.nudge(account, Duration::ZERO));
        }
    };
    select(std::pin::pin!(job), std::pin::pin!(seam.fuse.burnt())).await;
}

/// What `wake` of the scheduler asks the tables.
async fn accounts_due(store: &Store, world: &World) -> Result<Vec<AccountId>, StoreError> {
    let now = world.ours.now();
    let mut due = Vec::new();
    for account in store.accounts().await? {
        let next = store.next_due(&account).await?;
        due.extend(next.filter(|next| *next <= now).map(|_| account));
    }
    Ok(due)
}
