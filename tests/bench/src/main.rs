//! What the product costs in time, memory, calls and money, beside a function that does nothing.
//!
//! `tests/bench/run` builds what is measured and starts this.

mod door;
mod events;
mod growth;
mod host;
mod ingest;
mod people;
mod plot;
mod price;
mod process;
mod processor;
mod report;
mod samples;
mod shop;
mod stand_in;
mod tls;

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use jiff::Timestamp;

use crate::report::Report;

/// Measures everything and writes `bench.json`, `bench.svg` and `bench.md`.
#[derive(Debug, Parser)]
struct Options {
    /// Where the functions are, each built alone as it is released: `empty`, `ingest` and `processor`.
    #[arg(long)]
    functions: PathBuf,
    /// Where to write the figures.
    #[arg(long)]
    out: PathBuf,
    /// Only these parts, of ingest, processor, shop and growth.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// The functions as they are released.
struct Programs {
    empty: PathBuf,
    ingest: PathBuf,
    processor: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "it is a command for people")]
async fn main() -> anyhow::Result<()> {
    let Options { functions, out, only } = Options::parse();
    let program = |name| functions.join(name).canonicalize().with_context(|| format!("{name} is not built"));
    let programs = Programs { empty: program("empty")?, ingest: program("ingest")?, processor: program("processor")? };
    let wanted = |part: &str| only.is_empty() || only.iter().any(|only| only == part);
    let mut report = Report { at: now().strftime("%Y-%m-%d").to_string(), machine: machine(), ..Report::default() };
    if wanted("ingest") {
        process::on_one_processor(ingest::measure(&programs, &mut report)).await?;
        report.size("ingest", &programs.ingest)?;
    }
    if wanted("processor") {
        process::on_one_processor(processor::measure(&programs, &mut report)).await?;
    }
    if wanted("shop") {
        shop::measure(&mut report).await?;
    }
    if wanted("growth") {
        growth::measure(&mut report).await?;
    }
    fs::create_dir_all(&out)?;
    fs::write(out.join("bench.json"), serde_json::to_string_pretty(&report)?)?;
    fs::write(out.join("bench.svg"), plot::svg(&report.lines)?)?;
    fs::write(out.join("bench.md"), report.table())?;
    println!("{}", report.table());
    Ok(())
}

/// The program of this crate that becomes the functions of a sandbox.
fn function_program() -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("bench-function"))
}

/// The processor of this machine and how many of them it has.
fn machine() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("model name")).collect();
    let model =
        models.first().and_then(|model| model.split_once(": ")).map_or("unknown processors", |(_, model)| model);
    format!("{} x {model}", models.len())
}

#[expect(clippy::disallowed_methods, reason = "what is measured lives by the clock of the machine")]
fn now() -> Timestamp {
    Timestamp::now()
}
