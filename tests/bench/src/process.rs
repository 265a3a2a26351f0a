//! What a process uses, as Linux counts it.

use std::{fs, time::Duration};

use anyhow::Context;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// What a process has used since it began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time of the threads that live.
    pub(crate) cpu: Duration,
    /// The most memory it ever held, in bytes.
    pub(crate) peak_memory: u64,
}

impl Usage {
    /// Of the process with this id. Source: Linux, `proc(5)`, `schedstat` and `status`.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let mut cpu = Duration::ZERO;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end while its neighbours are read.
            let Ok(times) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
            let running = times.split_whitespace().next().context("schedstat is empty")?;
            cpu += Duration::from_nanos(running.parse()?);
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        Ok(Self { cpu, peak_memory: kilobytes * 1024 })
    }
}

/// Keeps this thread, and the processes that it starts, on one processor while `measure` goes on: a function and its host take
/// turns, and on two processors every turn would have to wake the other one.
pub(crate) async fn on_one_processor<T>(measure: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let all = sched_getaffinity(None)?;
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).context("no processor")?;
    let mut one = CpuSet::new();
    one.set(first);
    sched_setaffinity(None, &one)?;
    let measured = measure.await;
    sched_setaffinity(None, &all)?;
    measured
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_used_something() {
        let own = Usage::of(std::process::id()).unwrap();
        assert!(own.cpu > Duration::ZERO && own.peak_memory > 0, "{own:?}");
    }
}
