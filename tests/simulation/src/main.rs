//! Plays seeds until one of them shows something that must not be.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread::available_parallelism,
};

use clap::Parser;
use simulation::{
    bench::Bench,
    effects::{Fate, Seen},
    run,
};

/// Plays seeds with the real code between simulators, and judges what is left behind.
#[derive(Debug, Clone, Copy, Parser)]
struct Options {
    /// How many seeds to play.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Show every effect of the first seed, with what befell it.
    #[arg(long)]
    trace: bool,
}

/// How often progress is told, in seeds.
const TOLD_EVERY: u64 = 1000;

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if options.trace {
        return trace(options.seed);
    }
    let (next, failed, effects) = (AtomicU64::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let started = tokio::time::Instant::now();
    let threads = available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let work = || {
            let bench = Bench::new()?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= options.seeds {
                    return anyhow::Ok(());
                }
                let seed = options.seed + number;
                let outcome = run::seed(&bench, seed);
                effects.fetch_add(outcome.effects, Ordering::Relaxed);
                if !outcome.verdict.breaches.is_empty() {
                    failed.fetch_add(1, Ordering::Relaxed);
                    println!("seed {seed}: {}", outcome.verdict.breaches.join("\n    "));
                    println!("    cargo run --release -p simulation -- --seeds 1 --seed {seed}");
                }
                if (number + 1) % TOLD_EVERY == 0 {
                    println!("{} seeds, {:.0} s", number + 1, started.elapsed().as_secs_f64());
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a run panicked")))
    })?;
    let (failed, seconds) = (failed.into_inner(), started.elapsed().as_secs_f64());
    println!(
        "{} seeds from {} on, {} effects, {failed} failed; {seconds:.1} s, {:.0} seeds a second on each of {threads} cores",
        options.seeds,
        options.seed,
        effects.into_inner(),
        options.seeds as f64 / seconds / threads as f64,
    );
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn trace(seed: u64) -> anyhow::Result<ExitCode> {
    let (outcome, world) = run::traced(&Bench::new()?, seed);
    for Seen { boundary, fate, at } in world.effects.record() {
        let fate = if fate == Fate::Fine { String::new() } else { format!("  {fate:?}") };
        println!("{:>12.3} {:>6} {}{fate}", at.as_secs_f64(), boundary.number, boundary.name);
    }
    println!("{:?}\n{}", outcome.verdict.states, outcome.verdict.breaches.join("\n"));
    Ok(if outcome.verdict.breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
