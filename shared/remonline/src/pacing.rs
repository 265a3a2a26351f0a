//! When requests may leave: three a second over all functions and processes of an account.

use std::collections::VecDeque;
use std::error::Error as StdError;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Clock;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

/// How late a request may leave. With send times 360 ms apart four requests are then never closer than 1030 ms; a
/// send time that is missed by more is lost.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(50);

/// So many send times may be missed in a row before a call gives up.
const MOST_MISSED: u32 = 10;

/// Send times being reserved.
pub type Reservation = BoxFuture<'static, Result<Vec<Timestamp>, ReserveError>>;

type Reserve = Box<dyn Fn(u32) -> Reservation + Send + Sync>;

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
pub enum ReserveError {
    /// The account's row could not be written.
    #[error("no time to send could be reserved: {0}")]
    Store(#[source] Box<dyn StdError + Send + Sync>),
    /// Nothing is free before the limit set by [`Pacer::not_after`].
    #[error("no time to send is free in time")]
    TooLate,
    /// Each reserved time had passed before it could be used: this process is far too slow.
    #[error("every reserved time to send was missed")]
    Missed,
}

impl ReserveError {
    /// Wraps what the store said.
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Store(error.into())
    }
}

/// Makes every exchange wait for a send time of its account.
///
/// Times are reserved a few at once where the caller says how many it needs ([`Pacer::expect`]), otherwise one by
/// one. A time that has passed is never used, not even if the request before it was slow: two requests would
/// meet. What a 429 asks for is the caller's business, since it concerns every process.
pub struct Pacer {
    clock: Clock,
    reserve: Reserve,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Reserved and not yet used, earliest first.
    held: VecDeque<Timestamp>,
    /// Calls announced for which nothing is reserved yet.
    expected: u32,
    not_after: Option<Timestamp>,
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pacer")
    }
}

impl Pacer {
    /// Paces by `reserve`, which reserves that many send times, earliest first, for nobody else. Times that lie at
    /// least as far ahead as the reservation takes are not missed.
    pub fn new(clock: Clock, reserve: impl Fn(u32) -> Reservation + Send + Sync + 'static) -> Self {
        Self { clock, reserve: Box::new(reserve), state: Mutex::default() }
    }

    /// Paces by itself, `interval` apart: for trying a key whose account is not yet known.
    pub fn local(clock: Clock, interval: SignedDuration) -> Self {
        let next = Mutex::new(Timestamp::MIN);
        let now = clock.clone();
        Self::new(clock, move |n| {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            let first = now.now().max(*next);
            let times = (0..n).map(|i| first + interval * i.cast_signed()).collect::<Vec<_>>();
            *next = first + interval * n.cast_signed();
            std::future::ready(Ok(times)).boxed()
        })
    }

    /// Says that `calls` calls are coming, so that one reservation covers them all. What is already held counts.
    pub fn expect(&self, calls: u32) {
        let mut state = self.state();
        state.held.retain(|time| self.is_fresh(*time));
        state.expected = calls.saturating_sub(u32::try_from(state.held.len()).unwrap_or(u32::MAX));
    }

    /// Sends nothing later than `limit`, so that a wait for a send time cannot carry a write past the end of a
    /// lease: such a call ends as [`ReserveError::TooLate`], unsent.
    pub fn not_after(&self, limit: Timestamp) {
        self.state().not_after = Some(limit);
    }

    /// Gives up what is reserved: after a 429 nothing is sent before the pause of the account, which only a new
    /// reservation knows.
    pub fn let_go(&self) {
        let mut state = self.state();
        state.held.clear();
        state.expected = 0;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for the next send time.
    pub(crate) async fn wait(&self) -> Result<(), ReserveError> {
        for missed in 0..MOST_MISSED {
            let time = match self.take() {
                Some(time) => time,
                None => self.take_reserved(missed).await?,
            };
            if self.state().not_after.is_some_and(|limit| time > limit) {
                return Err(ReserveError::TooLate);
            }
            self.sleep_until(time).await;
            if self.is_fresh(time) {
                return Ok(());
            }
        }
        Err(ReserveError::Missed)
    }

    /// The earliest time held that has not been missed. Where some were, the caller is slower than it thought: then
    /// nothing more is reserved ahead.
    fn take(&self) -> Option<Timestamp> {
        let mut state = self.state();
        let held = state.held.len();
        state.held.retain(|time| self.is_fresh(*time));
        if state.held.len() < held {
            state.expected = 0;
        }
        state.held.pop_front()
    }

    /// Reserves what is expected and takes the first. After misses it reserves one more each time, so that even where
    /// a reservation takes longer than the interval one of them lies ahead.
    async fn take_reserved(&self, missed: u32) -> Result<Timestamp, ReserveError> {
        let expected = std::mem::take(&mut self.state().expected);
        let times = (self.reserve)(expected.max(missed + 1)).await?;
        let first_fresh = times.iter().position(|time| self.is_fresh(*time)).unwrap_or(0);
        let mut state = self.state();
        state.held.extend(times.into_iter().skip(first_fresh));
        state.held.make_contiguous().sort_unstable();
        state.held.pop_front().ok_or(ReserveError::Missed)
    }

    fn is_fresh(&self, time: Timestamp) -> bool {
        self.now().duration_since(time) <= TOLERANCE
    }

    async fn sleep_until(&self, time: Timestamp) {
        let wait = self.now().duration_until(time);
        if wait.is_positive() {
            tokio::time::sleep(wait.unsigned_abs()).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use tokio::time::{Instant, sleep};

    use super::*;

    const INTERVAL: SignedDuration = SignedDuration::from_millis(360);

    /// An account's row, shared by several pacers, and when requests left.
    #[derive(Clone)]
    struct Account {
        clock: Clock,
        next: Arc<Mutex<Timestamp>>,
        latency: Duration,
        reserved: Arc<Mutex<Vec<u32>>>,
        sent: Arc<Mutex<Vec<Timestamp>>>,
    }

    impl Account {
        fn new(latency_ms: u64) -> Self {
            let start = Instant::now();
            let epoch = "2026-11-23T09:00:00Z".parse::<Timestamp>().unwrap();
            Self {
                clock: Clock::new(move || epoch + start.elapsed()),
                next: Arc::new(Mutex::new(epoch)),
                latency: Duration::from_millis(latency_ms),
                reserved: Arc::default(),
                sent: Arc::default(),
            }
        }

        fn pacer(&self) -> Pacer {
            let account = self.clone();
            Pacer::new(self.clock.clone(), move |n| {
                let account = account.clone();
                async move {
                    let first = account.clock.now().max(*account.next.lock().unwrap());
                    *account.next.lock().unwrap() = first + INTERVAL * n.cast_signed();
                    account.reserved.lock().unwrap().push(n);
                    sleep(account.latency).await;
                    Ok((0..n).map(|i| first + INTERVAL * i.cast_signed()).collect())
                }
                .boxed()
            })
        }

        async fn call(&self, pacer: &Pacer, answer_ms: u64) {
            pacer.wait().await.unwrap();
            self.sent.lock().unwrap().push(self.clock.now());
            sleep(Duration::from_millis(answer_ms)).await;
        }

        fn busiest_second(&self) -> usize {
            let sent = self.sent.lock().unwrap();
            let within = |from: Timestamp| sent.iter().filter(|t| (0..1000).contains(&millis(from, **t))).count();
            sent.iter().map(|from| within(*from)).max().unwrap_or(0)
        }

        fn reserved(&self) -> Vec<u32> {
            self.reserved.lock().unwrap().clone()
        }
    }

    fn millis(from: Timestamp, to: Timestamp) -> i128 {
        from.duration_until(to).as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn one_reservation_covers_a_lead() {
        let account = Account::new(5);
        let pacer = account.pacer();
        pacer.expect(3);
        for _ in 0..3 {
            account.call(&pacer, 200).await;
        }
        assert_eq!(account.reserved(), [3]);
        account.call(&pacer, 200).await;
        assert_eq!(account.reserved(), [3, 1]);
        assert_eq!(account.busiest_second(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_not_reserved_again() {
        let account = Account::new(5);
        let pacer = account.pacer();
        pacer.expect(4);
        account.call(&pacer, 10).await;
        pacer.expect(4);
        for _ in 0..4 {
            account.call(&pacer, 10).await;
        }
        assert_eq!(account.reserved(), [4, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn missed_times_are_lost_and_then_reserved_singly() {
        let account = Account::new(5);
        let pacer = account.pacer();
        pacer.expect(3);
        account.call(&pacer, 5_000).await;
        pacer.expect(3);
        account.call(&pacer, 5_000).await;
        account.call(&pacer, 10).await;
        account.call(&pacer, 10).await;
        assert_eq!(account.reserved(), [3, 3, 1, 1]);
        assert_eq!(account.busiest_second(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn missed_times_end_what_was_expected() {
        let account = Account::new(5);
        let pacer = account.pacer();
        pacer.expect(3);
        account.call(&pacer, 10).await;
        pacer.expect(5);
        account.call(&pacer, 5_000).await;
        account.call(&pacer, 10).await;
        assert_eq!(account.reserved(), [3, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_store_delays_and_stops_nothing() {
        let account = Account::new(1_500);
        let pacer = account.pacer();
        for _ in 0..3 {
            account.call(&pacer, 10).await;
        }
        assert_eq!(account.sent.lock().unwrap().len(), 3);
        assert!(account.busiest_second() <= 3);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_leaves_after_the_limit() {
        let account = Account::new(5);
        let (first, second) = (account.pacer(), account.pacer());
        first.expect(10);
        account.call(&first, 10).await;
        second.not_after(account.clock.now() + SignedDuration::from_secs(2));
        assert!(matches!(second.wait().await, Err(ReserveError::TooLate)));
        let asked = account.clock.now();
        assert!(matches!(second.wait().await, Err(ReserveError::TooLate)));
        assert!(millis(asked, account.clock.now()) < 100, "it is refused at once, not after the wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_fails_holds_the_request_back() {
        let account = Account::new(0);
        let pacer = Pacer::new(account.clock, |_| std::future::ready(Err(ReserveError::new("table gone"))).boxed());
        let error = pacer.wait().await.unwrap_err();
        assert_eq!(error.to_string(), "no time to send could be reserved: table gone");
    }

    #[tokio::test(start_paused = true)]
    async fn times_that_never_lie_ahead_end_the_call() {
        let account = Account::new(0);
        let past = Pacer::new(account.clock.clone(), |_| std::future::ready(Ok(vec![Timestamp::UNIX_EPOCH])).boxed());
        assert!(matches!(past.wait().await, Err(ReserveError::Missed)));
        let none = Pacer::new(account.clock, |_| std::future::ready(Ok(vec![])).boxed());
        assert!(matches!(none.wait().await, Err(ReserveError::Missed)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_local_pacer_keeps_its_interval() {
        let account = Account::new(0);
        let pacer = Pacer::local(account.clock.clone(), INTERVAL);
        pacer.expect(2);
        for _ in 0..6 {
            account.call(&pacer, 100).await;
        }
        assert_eq!(account.busiest_second(), 3);
        let sent = account.sent.lock().unwrap();
        assert!(millis(sent[0], sent[5]) < 1_850, "{sent:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Three processes, each with its own pacer, calls of any slowness and any expectation.
        #[test]
        fn never_more_than_three_a_second(
            processes in proptest::collection::vec(
                proptest::collection::vec((0..900_u64, 0..5_u32), 1..12), 1..4),
            latency in 0..200_u64,
        ) {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let account = Account::new(latency);
                let account = &account;
                let runs = processes.iter().map(|calls| async move {
                    let pacer = account.pacer();
                    for (answer_ms, expected) in calls {
                        pacer.expect(*expected);
                        account.call(&pacer, *answer_ms).await;
                    }
                });
                futures::future::join_all(runs).await;
                prop_assert!(account.busiest_second() <= 3, "{:?}", account.sent.lock().unwrap());
                Ok(())
            })?;
        }
    }
}
