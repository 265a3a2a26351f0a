//! What runs, and what needs a person.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use domain::{Bundle, BundleState, Connection, ConnectionKind, ConnectionState};
use jiff::SignedDuration;

use super::{Page, Reader, chart};
use crate::{app::App, problem::Problem, stats::Stats};

/// Calls that RemOnline allows in a second. Source: RO App API, "Rate limits".
const ALLOWED_A_SECOND: u64 = 3;

#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct Home {
    reader: Reader,
    stats: Stats,
    chart: String,
    troubled: Vec<Connection>,
    findings: usize,
    steps: Vec<FirstStep>,
    allowance: String,
}

/// A step to the first order of a new installation.
struct FirstStep {
    text: &'static str,
    address: &'static str,
    done: bool,
}

/// Shows how things stand.
pub(crate) async fn page(State(app): State<Arc<App>>, reader: Reader) -> Result<Page<Home>, Problem> {
    let connections = app.store.connections().await?;
    let (stats, bundles, findings) =
        futures::try_join!(Stats::read(&app, &connections), async { Ok(app.store.bundles().await?) }, async {
            Ok(app.store.findings().await?)
        },)?;
    let chart = chart::leads_per_day(&stats.days).map_err(|error| Problem::internal(error.as_ref()))?;
    let allowance = allowance(stats.remonline.calls, &connections);
    let steps = first_steps(&connections, &bundles, &stats);
    let troubled = connections.into_iter().filter(|it| it.state != ConnectionState::Active).collect();
    Ok(Page(Home { reader, stats, chart, troubled, findings: findings.len(), steps, allowance }))
}

impl Home {
    fn needs_attention(&self) -> bool {
        let now = &self.stats.now;
        let count = now.parked + now.review + self.troubled.len() + self.findings;
        count > 0 || now.unrouted + now.quarantined > 0
    }

    fn is_set_up(&self) -> bool {
        self.steps.iter().all(|step| step.done)
    }

    /// A time as people read it, or a dash.
    fn duration(&self, milliseconds: &Option<u64>) -> String {
        milliseconds.map_or_else(|| "–".to_owned(), |it| readable(SignedDuration::from_millis(it.cast_signed())))
    }
}

/// What was used of what a day allows, over all accounts, as percent.
fn allowance(calls: u64, connections: &[Connection]) -> String {
    let accounts = connections.iter().filter_map(Connection::account).map(|account| &account.id);
    let accounts = accounts.collect::<std::collections::BTreeSet<_>>().len().max(1) as u64;
    let allowed = accounts * ALLOWED_A_SECOND * 24 * 60 * 60;
    format!("{:.1}", calls as f64 * 100.0 / allowed as f64)
}

fn first_steps(connections: &[Connection], bundles: &[Bundle], stats: &Stats) -> Vec<FirstStep> {
    let connected =
        |remonline: bool| connections.iter().any(|it| matches!(it.kind, ConnectionKind::Remonline { .. }) == remonline);
    let started = bundles.iter().any(|bundle| bundle.state == BundleState::Active);
    let came = stats.days.iter().any(|day| day.received > 0);
    let step = |text, address, done| FirstStep { text, address, done };
    vec![
        step("first-remonline", "/connections/new/remonline", connected(true)),
        step("first-facebook", "/connections/new/facebook", connected(false)),
        step("first-bundle", "/bundles/new", !bundles.is_empty()),
        step("first-start", "/bundles", started),
        step("first-lead", "/connections/meta", came),
    ]
}

/// `1.4 s`, `3 min`, `2 h`, in units that all three languages understand.
fn readable(duration: SignedDuration) -> String {
    match duration.as_secs() {
        ..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 60..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
