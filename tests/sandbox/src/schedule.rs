//! The schedules of EventBridge.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::lambda::Pool;
use crate::template::Schedule;

/// Invokes `function` on `schedule`, `scale` times as often, in one of `tasks` until `stop`. A round waits for the one
/// before it.
///
/// # Errors
/// When the expression is none that the sandbox knows.
pub(crate) fn start(
    schedule: &Schedule,
    function: &Arc<Pool>,
    scale: f64,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let period = period(&schedule.schedule_expression)?.div_f64(scale);
    let (event, function) = (Bytes::from(schedule.input.clone()), Arc::clone(function));
    let rounds = async move {
        let mut round = interval_at(Instant::now() + period, period);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            // The pool has logged a failure; the next round is the retry.
            let _failed = function.invoke(event.clone()).await;
        }
    };
    let stop = stop.clone();
    tasks.spawn(async move { stop.run_until_cancelled(rounds).await });
    Ok(())
}

/// The period of `rate(5 minutes)`.
fn period(expression: &str) -> anyhow::Result<Duration> {
    let unknown = || format!("the sandbox knows rate(...) only, not {expression}");
    let rate = expression.strip_prefix("rate(").and_then(|rate| rate.strip_suffix(')')).with_context(unknown)?;
    let (count, unit) = rate.split_once(' ').with_context(unknown)?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => bail!(unknown()),
    };
    Ok(Duration::from_secs(count.parse::<u64>().with_context(unknown)? * seconds))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("rate(1 minute)", Some(60))]
    #[case("rate(15 minutes)", Some(900))]
    #[case("rate(1 hour)", Some(3_600))]
    #[case("rate(2 days)", Some(172_800))]
    #[case("rate(1 week)", None)]
    #[case("cron(0 12 * * ? *)", None)]
    fn rates_are_read(#[case] expression: &str, #[case] seconds: Option<u64>) {
        assert_eq!(period(expression).ok(), seconds.map(Duration::from_secs));
    }
}
