//! The protocol's model, looked through to the end: `cargo run --release -p simulation --bin model -- --leads 3`.

#![expect(clippy::print_stdout, reason = "what was found is the purpose")]

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use clap::Parser;
use simulation::model::{Findings, Protocol, Safeguard};
use stateright::{
    Checker, HasDiscoveries, Model,
    report::{ReportData, ReportDiscovery, Reporter},
};

/// Looks at every state that the write-once protocol can get into, within bounds.
#[derive(Debug, Parser)]
#[command(name = "model")]
struct Flags {
    /// Leads of one new person
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=4))]
    leads: u8,
    /// Attempts before a person is asked
    #[arg(long, value_name = "N", default_value_t = 3)]
    attempts: u8,
    /// How long a lease lasts, in the model's unit of time
    #[arg(long, value_name = "T", default_value_t = 2)]
    lease: u8,
    /// How long after it was sent a create may take effect, in the model's unit of time
    #[arg(long, value_name = "T", default_value_t = 1)]
    quiet_period: u8,
    /// Leave out pieces of the protocol, separated by commas, and stop where something breaks
    #[arg(long, value_name = "PIECES", value_delimiter = ',')]
    without: Vec<Safeguard>,
    /// Threads
    #[arg(long, value_name = "N", default_value_t = 2)]
    threads: usize,
}

impl Flags {
    fn protocol<const LEADS: usize>(&self) -> Protocol<LEADS> {
        Protocol {
            without: self.without.clone(),
            lease: self.lease,
            quiet_period: self.quiet_period,
            max_attempts: self.attempts,
            by_kind: true,
        }
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let findings = match flags.leads {
        1 => look::<1>(&flags),
        2 => look::<2>(&flags),
        3 => look::<3>(&flags),
        _ => look::<4>(&flags),
    };
    tell(&findings);
    if findings.are_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where something breaks, it is looked for once more with leads and invocations that keep their numbers.
fn look<const LEADS: usize>(flags: &Flags) -> Findings {
    let protocol = flags.protocol::<LEADS>();
    let findings = run(protocol.clone(), flags.threads);
    if findings.broken.is_empty() { findings } else { run(Protocol { by_kind: false, ..protocol }, 1) }
}

fn run<const LEADS: usize>(protocol: Protocol<LEADS>, threads: usize) -> Findings {
    let checker = protocol.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    Findings::of(&checker.spawn_bfs().join_and_report(&mut Progress))
}

fn tell(findings: &Findings) {
    for (property, steps) in &findings.possible {
        println!("possible: {property} (after {steps} steps)");
    }
    // A run that found something broken stopped there.
    for property in findings.impossible.iter().filter(|_| findings.broken.is_empty()) {
        println!("NEVER: {property}");
    }
    for (property, steps) in &findings.broken {
        println!("BROKEN: {property}");
        for (number, step) in steps.iter().enumerate() {
            println!("{:4}. {step}", number + 1);
        }
    }
    println!("{}", if findings.are_good() { "everything holds" } else { "something does not hold" });
}

/// Says how far a run is.
struct Progress;

impl<M: Model> Reporter<M> for Progress {
    fn report_checking(&mut self, data: ReportData) {
        let word = if data.done { "looked at" } else { "looking:" };
        let (unique, all, seconds) = (data.unique_states, data.total_states, data.duration.as_secs_f32());
        println!("{word} {unique} states, {all} with repetitions, up to {} steps, {seconds:.1} s", data.max_depth);
    }

    fn report_discoveries(&mut self, _: &M, _: BTreeMap<&'static str, ReportDiscovery<M>>) {}

    fn delay(&self) -> Duration {
        Duration::from_secs(5)
    }
}
