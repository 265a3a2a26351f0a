//! Plays seeds, or tells the canonical stories with something befalling them, and says what must not be.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

use clap::Parser;
use simulation::{
    bench::Bench,
    cores,
    crash_points::{self, Point, Told},
    drills::{Drill, Figure},
    effects::{Fate, Seen},
    growth::Growth,
    oracle::Verdict,
    run,
    stories::Story,
};
use tokio::time::Instant;

/// Plays seeds with the real code between simulators, and judges what is left behind.
#[derive(Debug, Parser)]
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
    /// Tell every canonical story, or that of `--story`, with every pair of things that can befall it.
    #[arg(long)]
    pairs: bool,
    /// Go through long trouble and say how soon it is made up for.
    #[arg(long)]
    drills: bool,
    /// So many leads at once, for one account: how much of RemOnline's allowance is used.
    #[arg(long, value_name = "LEADS")]
    backlog: Option<usize>,
    /// So many leads while one answer of RemOnline in fifty is lost: how soon that is settled, and how many need a person.
    #[arg(long, value_name = "LEADS")]
    lost_answers: Option<usize>,
    /// One installation with so many accounts, each with 10,000 leads a month, in its busiest hour: what it takes and costs.
    #[arg(long, value_name = "ACCOUNTS")]
    growth: Option<usize>,
    /// With `--growth`: invocations of the processor side by side, as the template's `MaximumConcurrency`.
    #[arg(long, default_value_t = 10)]
    at_once: usize,
    /// Tell one story and show every effect of it.
    #[arg(long)]
    story: Option<String>,
    /// With a story: at the effect of this number, its outcome of this number, as `12:3`.
    #[arg(long, value_parser = point)]
    at: Vec<Point>,
}

/// How often progress is told, in runs.
const TOLD_EVERY: usize = 1000;

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let good = match &options.story {
        Some(name) if options.pairs => pairs(&[story(name)?])?,
        Some(name) => tell(&story(name)?, &options.at)?,
        None if options.pairs => pairs(&Story::all())?,
        None if options.drills => drills(&Drill::all())?,
        None if options.backlog.is_some() => drills(options.backlog.map(Drill::backlog).as_slice())?,
        None if options.lost_answers.is_some() => drills(options.lost_answers.map(Drill::lost_answers).as_slice())?,
        None if options.growth.is_some() => growth(options.growth.unwrap_or_default(), options.at_once)?,
        None if options.trace => trace(options.seed)?,
        None => seeds(options.seed, options.seeds)?,
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn seeds(first: u64, count: u64) -> anyhow::Result<bool> {
    let seeds: Vec<u64> = (first..first + count).collect();
    let (played, effects) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let started = Instant::now();
    let failed = cores::each(&seeds, |bench, seed| {
        let outcome = run::seed(bench, *seed);
        effects.fetch_add(outcome.effects, Ordering::Relaxed);
        told(played.fetch_add(1, Ordering::Relaxed) + 1, &started);
        let breaches = outcome.verdict.breaches;
        (!breaches.is_empty()).then(|| {
            println!("seed {seed}:\n    {}", breaches.join("\n    "));
            println!("    cargo run --release -p simulation -- --seeds 1 --seed {seed}");
        })
    })?;
    let (seconds, cores) = (started.elapsed().as_secs_f64(), cores::count());
    println!(
        "{count} seeds from {first} on, {} effects, {} failed; {seconds:.1} s on {cores} cores",
        effects.into_inner(),
        failed.len(),
    );
    Ok(failed.is_empty())
}

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn pairs(stories: &[Story]) -> anyhow::Result<bool> {
    let (played, started) = (AtomicUsize::new(0), Instant::now());
    let Told { points, hit, failures, .. } = crash_points::pairs(stories, |all| {
        let played = played.fetch_add(1, Ordering::Relaxed);
        if played.is_multiple_of(TOLD_EVERY) {
            println!("{played} of {all} pairs, {:.0} s", started.elapsed().as_secs_f64());
        }
    })?;
    failures.iter().for_each(|failure| println!("{failure}"));
    println!("{points} pairs, {hit} as meant, {} failed; {:.0} s", failures.len(), started.elapsed().as_secs_f64());
    Ok(failures.is_empty() && hit == points)
}

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn drills(drills: &[Drill]) -> anyhow::Result<bool> {
    let bench = Bench::new()?;
    let mut good = true;
    for drill in drills {
        let (breaches, figures) = drill.play(&bench);
        println!("{}\n{}", drill.name, breaches.iter().map(|breach| format!("    {breach}\n")).collect::<String>());
        figures.iter().for_each(|figure| println!("    {figure}"));
        good &= breaches.is_empty() && figures.iter().all(Figure::is_met);
    }
    Ok(good)
}

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn growth(accounts: usize, at_once: usize) -> anyhow::Result<bool> {
    let grown = Growth::busy_hour(accounts, at_once).play(&Bench::new()?);
    println!("{accounts} accounts\n{grown}");
    grown.breaches.iter().for_each(|breach| println!("    {breach}"));
    Ok(grown.breaches.is_empty())
}

fn story(name: &str) -> anyhow::Result<Story> {
    let story = Story::all().into_iter().find(|story| story.name == name);
    story.ok_or_else(|| anyhow::anyhow!("there is no story '{name}'"))
}

fn tell(story: &Story, points: &[Point]) -> anyhow::Result<bool> {
    let bench = Bench::new()?;
    let fates = crash_points::fates_at(&bench, story, points);
    let (outcome, record) = crash_points::tell(&bench, story, &fates);
    Ok(show(&record, &outcome.verdict))
}

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn trace(seed: u64) -> anyhow::Result<bool> {
    let (outcome, world) = run::traced(&Bench::new()?, seed);
    for bundle in &world.bundles {
        let (client, order) = (&bundle.document.client, bundle.document.order.as_ref());
        println!("{} {} {:?}", bundle.id, client.connection, client.duplicates);
        println!("    {:?}", order.map(|order| (&order.duplicates, &order.fields.status_id)));
    }
    for person in world.outside.companies.iter().flat_map(|company| company.remonline.people()) {
        println!("{} {} {} {}", person["id"], person["phones"], person["email"], person["notes"]);
    }
    Ok(show(&world.effects.record(), &outcome.verdict))
}

/// Shows every effect, and whether all is well.
#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn show(record: &[Seen], verdict: &Verdict) -> bool {
    for Seen { boundary, fate, at } in record {
        let fate = if *fate == Fate::Fine { String::new() } else { format!("  {fate:?}") };
        println!("{:>12.3} {:>6} {}{fate}", at.as_secs_f64(), boundary.number, boundary.name);
    }
    println!("{:?}\n{}", verdict.states, verdict.breaches.join("\n"));
    verdict.breaches.is_empty()
}

#[expect(clippy::print_stdout, reason = "it is a command for people")]
fn told(played: usize, started: &Instant) {
    if played.is_multiple_of(TOLD_EVERY) {
        println!("{played} seeds, {:.0} s", started.elapsed().as_secs_f64());
    }
}

fn point(text: &str) -> Result<Point, String> {
    let parts = text.split_once(':').and_then(|(number, outcome)| Some((number.parse().ok()?, outcome.parse().ok()?)));
    parts.ok_or_else(|| "write the effect's number and its outcome's, as 12:3".to_owned())
}
