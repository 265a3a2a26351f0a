//! What became of the leads of the last days, what stands still now, and how fast things go.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{Connection, State as TransactionState};
use jiff::{SignedDuration, tz::TimeZone};
use serde::Serialize;
use store::{Day, Statistics};
use utoipa::ToSchema;

use crate::{app::App, failure::unavailable, problem::Problem, text::text};

/// Of how many days is told, today included.
const DAYS: u16 = 30;

/// How the installation is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stats {
    /// The last 30 days in UTC, the first one first, days without leads included.
    pub(crate) days: Vec<DayView>,
    pub(crate) now: Now,
    pub(crate) lead_to_order_ms: Percentiles,
    pub(crate) remonline: Calls,
}

/// What became of the leads that were received on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Day)]
pub(crate) struct DayView {
    /// The day in UTC.
    #[schema(format = Date)]
    pub(crate) date: String,
    /// All of them.
    pub(crate) received: u64,
    /// Those that are done.
    pub(crate) done: u64,
    /// Those that are parked.
    pub(crate) parked: u64,
    /// Those in review.
    pub(crate) review: u64,
    /// Those that were left out.
    pub(crate) skipped: u64,
}

/// What stands still now, whenever it was received.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Now {
    /// Leads that go on by themselves.
    pub(crate) waiting: usize,
    /// Leads that need a person.
    pub(crate) parked: usize,
    /// Leads of which it is unclear what RemOnline has.
    pub(crate) review: usize,
    /// Leads of forms that no bundle takes.
    pub(crate) unrouted: u64,
    /// Webhooks that were signed and could not be read, about.
    pub(crate) quarantined: u64,
}

/// How long leads of the last 30 days took from the person's click until they were done; null when none is done.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Percentiles {
    /// Half of them took no longer.
    #[schema(required)]
    pub(crate) p50: Option<u64>,
    /// 95 of 100 took no longer.
    #[schema(required)]
    pub(crate) p95: Option<u64>,
    /// 99 of 100 took no longer.
    #[schema(required)]
    pub(crate) p99: Option<u64>,
}

/// What RemOnline was asked since midnight in UTC, over all accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Calls {
    /// Moments that were reserved for a call; a few may have passed unused.
    pub(crate) calls: u64,
    /// Calls that were refused because there were too many (429).
    pub(crate) throttled: u64,
}

/// Shows how the installation is doing.
#[utoipa::path(get, path = "/api/stats", tag = "console", responses((status = OK, body = Stats)))]
pub(crate) async fn get(State(app): State<Arc<App>>) -> Result<Json<Stats>, Problem> {
    let connections = app.store.connections().await?;
    Ok(Json(Stats::read(&app, &connections).await?))
}

impl Stats {
    /// Reads them now.
    ///
    /// # Errors
    /// 503 when the tables do not answer.
    pub(crate) async fn read(app: &App, connections: &[Connection]) -> Result<Self, Problem> {
        let (statistics, now, remonline) = futures::try_join!(
            async { Ok(app.store.statistics(DAYS, app.clock.now()).await?) },
            Now::of(app),
            Calls::of(app, connections)
        )?;
        let lead_to_order_ms = Percentiles::of(&statistics);
        let days = statistics.days.into_iter().map(DayView::from).collect();
        Ok(Self { days, now, lead_to_order_ms, remonline })
    }
}

impl Now {
    async fn of(app: &App) -> Result<Self, Problem> {
        let count = async |state| app.store.count_in(state).await;
        let (waiting, parked, review, forms) = futures::try_join!(
            count(TransactionState::Waiting),
            count(TransactionState::Parked),
            count(TransactionState::Review),
            app.store.unrouted_forms()
        )?;
        let unrouted = forms.iter().map(|form| form.count).sum();
        let quarantined = app.quarantine.depth().await;
        let quarantined = quarantined.map_err(|error| unavailable(text("quarantine-unavailable"), &error))?;
        Ok(Self { waiting, parked, review, unrouted, quarantined })
    }
}

impl Percentiles {
    fn of(statistics: &Statistics) -> Self {
        let within = |share| statistics.percentile(share).map(milliseconds);
        Self { p50: within(0.5), p95: within(0.95), p99: within(0.99) }
    }
}

impl Calls {
    async fn of(app: &App, connections: &[Connection]) -> Result<Self, Problem> {
        let today = TimeZone::UTC.to_datetime(app.clock.now()).date();
        let accounts = connections.iter().filter_map(Connection::account).map(|account| &account.id);
        let mut sum = Self { calls: 0, throttled: 0 };
        // Connections whose keys belong to one company share its account.
        for account in accounts.collect::<std::collections::BTreeSet<_>>() {
            let (calls, throttled) = app.store.calls_of_day(account, today).await?;
            sum.calls += calls;
            sum.throttled += throttled;
        }
        Ok(sum)
    }
}

impl From<Day> for DayView {
    fn from(day: Day) -> Self {
        let Day { date, received, done, parked, review, skipped } = day;
        Self { date: date.to_string(), received, done, parked, review, skipped }
    }
}

fn milliseconds(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or_default()
}
