//! `ingest` beside the empty function: the same event, the same host, in turns.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::ensure;

use crate::{
    Programs,
    events::webhook,
    host::Process,
    report::{Goal, Report, Unit},
    samples::{median, millis, percentile},
    stand_in::{SECRET, StandIn},
    tls::Tls,
};

/// Fresh processes, and rounds of webhooks in processes that are warm.
const COLD: usize = 20;
const ROUNDS: usize = 5;
const ROUND: usize = 2_000;
/// Webhooks in a process before it counts as warm.
const WARMING: usize = 100;
/// What SQS takes for an answer where webhooks are large.
const DELAY: Duration = Duration::from_millis(10);
/// Webhooks of a thousand leads.
const LARGE: usize = 100;
/// A vCPU is what a function of so many MB has.
/// Source: AWS, Lambda developer guide, "Configure Lambda function memory".
const MEMORY_OF_A_CPU: f64 = 1769.0;
const MEMORY: f64 = 128.0;

/// What one function took, each a median over processes or rounds.
#[derive(Default)]
struct Took {
    init: Vec<f64>,
    first: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cpu: Vec<f64>,
    memory: Vec<f64>,
    logged: f64,
}

/// Measures it.
pub(crate) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    let tls = Tls::new()?;
    let quick = StandIn::serve(&tls, Duration::ZERO).await?;
    let environment = environment(&tls, &quick.url);
    let (mut empty, mut ingest, mut refusing) = (Took::default(), Took::default(), Took::default());
    let one_lead: Vec<Vec<u8>> = (0..ROUND as u64).map(|number| webhook(number, 1, SECRET)).collect();
    let forged: Vec<Vec<u8>> = (0..ROUND as u64).map(|number| webhook(number, 1, "another-secret")).collect();

    for _ in 0..COLD {
        empty.cold(&programs.empty, &environment, &one_lead[0]).await?;
        ingest.cold(&programs.ingest, &environment, &one_lead[0]).await?;
    }
    let mut asked_by_forged = 0;
    for _ in 0..ROUNDS {
        empty.round(&programs.empty, &environment, &one_lead, 200).await?;
        ingest.round(&programs.ingest, &environment, &one_lead, 200).await?;
        let (taken, calls) = (quick.messages(), quick.calls());
        refusing.round(&programs.ingest, &environment, &forged, 401).await?;
        ensure!(quick.messages() == taken, "a forged webhook was passed on");
        // Each process reads the secret once, when it begins.
        asked_by_forged += quick.calls().saturating_sub(calls + 1);
    }

    let ratio = |own: &[f64], other: &[f64]| median(own) / median(other);
    let times = Unit::TimesEmpty;
    report.add("`ingest`, init", ratio(&ingest.init, &empty.init), Goal::AtMost(2.5), times);
    report.add("`ingest`, first call", ratio(&ingest.first, &empty.first), Goal::AtMost(10.0), times);
    report.add("`ingest`, warm, p50", ratio(&ingest.p50, &empty.p50), Goal::AtMost(5.0), times);
    report.add("`ingest`, warm, p99", ratio(&ingest.p99, &empty.p99), Goal::AtMost(7.0), times);
    report.add("`ingest`, CPU", ratio(&ingest.cpu, &empty.cpu), Goal::AtMost(5.0), times);
    report.add("`ingest`, peak memory", ratio(&ingest.memory, &empty.memory), Goal::AtMost(3.5), times);
    report.add("a webhook refused, p50", ratio(&refusing.p50, &empty.p50), Goal::AtMost(1.5), times);
    report.add("a webhook refused, calls to anything", asked_by_forged as f64, Goal::AtMost(0.0), Unit::Count);
    report.add("`ingest`, log of a lead", ingest.logged, Goal::AtMost(700.0), Unit::Bytes);
    for (name, took) in [("empty", &empty), ("ingest", &ingest), ("ingest, refusing", &refusing)] {
        took.note(name, report);
    }
    large(programs, &tls, report).await
}

/// Webhooks of many leads, with a queue that takes its time.
async fn large(programs: &Programs, tls: &Tls, report: &mut Report) -> anyhow::Result<()> {
    let slow = StandIn::serve(tls, DELAY).await?;
    let environment = environment(tls, &slow.url);
    let mut process = Process::start(&programs.ingest, &environment).await?;
    for number in 0..10 {
        expect(&process.invoke(&webhook(number, 1, SECRET)).await?.body, 200)?;
    }
    let mut hundred = Vec::new();
    for number in 0..50 {
        let answer = process.invoke(&webhook(10_000 + 100 * number, 100, SECRET)).await?;
        expect(&answer.body, 200)?;
        hundred.push(millis(answer.took));
    }
    let trips = median(&hundred) / millis(DELAY);
    report.add("a webhook of 100 leads, round trips to a queue at 10 ms", trips, Goal::AtMost(3.0), Unit::Count);

    let mut thousand = Vec::new();
    let before = process.usage()?.cpu;
    for number in 0..LARGE as u64 {
        let answer = process.invoke(&webhook(100_000 + 1_000 * number, 1_000, SECRET)).await?;
        expect(&answer.body, 200)?;
        thousand.push(millis(answer.took));
    }
    let after = process.usage()?;
    let p99 = percentile(&thousand, 99);
    report.add("a webhook of 1,000 leads, p99", p99, Goal::AtMost(2_000.0), Unit::Milliseconds);
    let cpu = millis(after.cpu - before) / LARGE as f64;
    let share = cpu * MEMORY_OF_A_CPU / MEMORY;
    report.add(
        "the same, with the CPU of 128 MB (worked out)",
        share + p99 - cpu,
        Goal::AtMost(2_000.0),
        Unit::Milliseconds,
    );
    let memory = after.peak_memory as f64 / 1e6;
    report.add("the same, memory of the 128 MB", 100.0 * memory / 134.2, Goal::AtMost(50.0), Unit::Percent);
    report.note("ingest, 1,000 leads: CPU ms", cpu);
    report.note("ingest, 1,000 leads: peak MB", memory);
    Ok(())
}

impl Took {
    async fn cold(&mut self, program: &Path, environment: &Environment, event: &[u8]) -> anyhow::Result<()> {
        let mut process = Process::start(program, environment).await?;
        self.init.push(millis(process.init));
        let answer = process.invoke(event).await?;
        expect(&answer.body, 200)?;
        self.first.push(millis(answer.took));
        Ok(())
    }

    async fn round(
        &mut self,
        program: &Path,
        environment: &Environment,
        events: &[Vec<u8>],
        status: u16,
    ) -> anyhow::Result<()> {
        let mut process = Process::start(program, environment).await?;
        for event in &events[..WARMING] {
            expect(&process.invoke(event).await?.body, status)?;
        }
        let (mut times, cpu, logged) = (Vec::with_capacity(events.len()), process.usage()?.cpu, process.logged());
        for event in events {
            let answer = process.invoke(event).await?;
            expect(&answer.body, status)?;
            times.push(millis(answer.took));
        }
        let usage = process.usage()?;
        self.p50.push(percentile(&times, 50));
        self.p99.push(percentile(&times, 99));
        self.cpu.push(millis(usage.cpu - cpu) / events.len() as f64);
        self.memory.push(usage.peak_memory as f64 / 1e6);
        self.logged = (process.logged() - logged) as f64 / events.len() as f64;
        Ok(())
    }

    fn note(&self, name: &str, report: &mut Report) {
        let figures = [
            ("init ms", &self.init),
            ("first ms", &self.first),
            ("p50 ms", &self.p50),
            ("p99 ms", &self.p99),
            ("CPU ms", &self.cpu),
            ("peak MB", &self.memory),
        ];
        for (what, samples) in figures.into_iter().filter(|(_, samples)| !samples.is_empty()) {
            report.note(format!("{name}: {what}"), median(samples));
        }
    }
}

type Environment = BTreeMap<String, String>;

fn environment(tls: &Tls, aws: &str) -> Environment {
    let roots = tls.roots().to_string_lossy().into_owned();
    let queue = |name: &str| format!("{aws}/123456789012/{name}");
    BTreeMap::from_iter(
        [
            ("AWS_ENDPOINT_URL", aws.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("SSL_CERT_FILE", roots),
            ("LEAD_QUEUE_URL", queue("leads")),
            ("QUARANTINE_QUEUE_URL", queue("quarantine")),
            ("FACEBOOK_APP_SECRETS_PARAMETER", "/leads/app-secrets".to_owned()),
            ("FACEBOOK_VERIFY_TOKEN_PARAMETER", "/leads/verify-token".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

/// Whether the function answered with this status.
fn expect(answer: &[u8], status: u16) -> anyhow::Result<()> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    ensure!(answer["statusCode"] == status, "answered {answer} instead of {status}");
    Ok(())
}
