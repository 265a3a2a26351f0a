//! What each side takes for the time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use domain::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that can be wrong.
#[derive(Debug, Clone)]
pub struct WrongClock {
    began: Instant,
    wrong_by: Arc<AtomicI64>,
}

impl WrongClock {
    /// A right one.
    pub fn right(began: Instant) -> Self {
        Self { began, wrong_by: Arc::default() }
    }

    /// From now on it is wrong by so many seconds.
    pub fn set(&self, wrong_by: i64) {
        self.wrong_by.store(wrong_by, Ordering::Relaxed);
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.began.elapsed()).unwrap_or_default();
        start() + elapsed + SignedDuration::from_secs(self.wrong_by.load(Ordering::Relaxed))
    }

    /// The moment at which it will show `at`, if nobody sets it; now for the past.
    pub fn moment(&self, at: Timestamp) -> Instant {
        Instant::now() + self.now().duration_until(at).max(SignedDuration::ZERO).unsigned_abs()
    }

    /// As the product takes it.
    pub fn clock(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now())
    }
}

/// When every run begins.
pub fn start() -> Timestamp {
    Timestamp::constant(1_795_424_400, 0)
}
