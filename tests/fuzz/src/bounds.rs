//! What an input may cost at most, however hostile it is.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::time::Instant;

use crate::Target;

/// Most bytes that are allocated at a time while one input is read.
pub const MEMORY: u64 = 64 * 1024 * 1024;

/// Longest time one input takes.
pub const TIME: Duration = Duration::from_millis(50);

/// An input that seems slow is tried so often; the fastest try counts, since anything else may have held up the others.
const TRIES: u32 = 5;

/// What an input did cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Most bytes allocated at a time.
    pub memory: u64,
    /// Time of the fastest try.
    pub time: Duration,
}

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// The target panicked: an assertion of its own, or the product's code.
    Panic,
    /// More than [`MEMORY`] was allocated at a time.
    Memory(u64),
    /// Even the fastest try took longer than [`TIME`].
    Slow(Duration),
}

impl Cost {
    /// The higher of both in each respect.
    #[must_use]
    pub fn or_higher(self, other: Self) -> Self {
        Self { memory: self.memory.max(other.memory), time: self.time.max(other.time) }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {:.1} ms", self.memory / 1024, self.time.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic => f.write_str("it panicked"),
            Self::Memory(bytes) => write!(f, "it took {} MiB", bytes / (1024 * 1024)),
            Self::Slow(time) => write!(f, "it took {} ms at best", time.as_millis()),
        }
    }
}

/// Runs a target on one input and measures what that cost. It is tried again only where it seems to have taken longer
/// than `slowest`, which is what an input is known to take.
///
/// # Errors
/// When the input broke something or cost too much.
pub fn check(target: &Target, input: &[u8], slowest: Duration) -> Result<Cost, Breach> {
    let mut cost = once(target, input)?;
    for _ in 1..TRIES {
        if cost.time <= slowest {
            break;
        }
        cost.time = cost.time.min(once(target, input)?.time);
    }
    match cost {
        Cost { memory, .. } if memory > MEMORY => Err(Breach::Memory(memory)),
        Cost { time, .. } if time > TIME => Err(Breach::Slow(time)),
        cost => Ok(cost),
    }
}

fn once(target: &Target, input: &[u8]) -> Result<Cost, Breach> {
    let mut outcome = Ok(());
    let started = Instant::now();
    let allocated = allocation_counter::measure(|| {
        outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    });
    let time = started.elapsed();
    outcome.map(|()| Cost { memory: allocated.bytes_max, time }).map_err(|_| Breach::Panic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(run: fn(&[u8])) -> Target {
        Target { name: "test", run }
    }

    #[test]
    fn a_panic_is_a_breach() {
        let picky = target(|input| assert!(input.is_empty(), "not empty"));
        assert!(check(&picky, b"", TIME).is_ok());
        assert_eq!(check(&picky, b"x", TIME), Err(Breach::Panic));
    }

    #[test]
    fn memory_that_was_freed_counts_too() {
        let greedy = target(|input| drop(std::hint::black_box(Vec::<u8>::with_capacity(input.len() * 1024 * 1024))));
        assert_eq!(check(&greedy, &[0; 64], TIME).unwrap().memory, MEMORY);
        assert_eq!(check(&greedy, &[0; 65], TIME), Err(Breach::Memory(65 * 1024 * 1024)));
    }

    #[test]
    fn only_what_is_slow_each_time_is_a_breach() {
        let slow = target(|_| std::thread::sleep(TIME * 2));
        assert!(matches!(check(&slow, b"", TIME), Err(Breach::Slow(time)) if time >= TIME * 2));
    }
}
