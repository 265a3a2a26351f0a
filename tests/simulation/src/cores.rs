//! Work spread over all cores, each with a bench of its own.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

use crate::bench::Bench;

/// How many runs are played side by side.
pub fn count() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Does the work for each of the jobs and gathers what it gives, in no order.
///
/// # Errors
/// When a bench cannot be set up, or the work panics.
pub fn each<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&Bench, &J) -> Option<R> + Sync) -> anyhow::Result<Vec<R>> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let take_jobs = || {
        let bench = Bench::new()?;
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = work(&bench, job);
            results.lock().unwrap_or_else(PoisonError::into_inner).extend(result);
        }
        anyhow::Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..count()).map(|_| scope.spawn(take_jobs)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a run panicked")))
    })?;
    Ok(results.into_inner().unwrap_or_else(PoisonError::into_inner))
}
