//! Feeds the targets for as long as one likes.
#![expect(clippy::print_stdout, reason = "a command that reports to people")]

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use fuzz::{TARGETS, Target, run::Run};
use tokio::time::Instant;

/// Feeds every target with its corpus and seeded mutations of it. What breaks something is kept in `fuzz/artifacts`.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long in all; each target has its share.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Where the mutations begin: the same seed gives the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One target only.
    #[arg(value_parser = TARGETS.each_ref().map(|target| target.name))]
    target: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let wanted = |target: &&Target| arguments.target.as_ref().is_none_or(|name| name == target.name);
    let targets = TARGETS.iter().filter(wanted).collect::<Vec<_>>();
    let share = Duration::from_secs(arguments.seconds.into()) / u32::try_from(targets.len()).unwrap_or(u32::MAX);
    let mut sound = true;
    for target in targets {
        if let Err(breach) = feed(target, arguments.seed, share) {
            println!("{breach:#}");
            sound = false;
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn feed(target: &'static Target, seed: u64, share: Duration) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut run = Run::begin(target, seed)?;
    while started.elapsed() < share {
        run.step()?;
    }
    let a_second = (run.inputs as f64 / started.elapsed().as_secs_f64()) as u64;
    println!("{}, seed {seed}: {} inputs, {a_second} a second, at most {}", target.name, run.inputs, run.cost);
    Ok(())
}
