//! One installation with many accounts, in the busiest hour of a day or with a backlog each: how long people wait, what the
//! functions use, which job does not come to its end, and what that is in money.

use std::{fmt, time::Duration};

use domain::Transaction;
use futures::executor::block_on;
use jiff::SignedDuration;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use scheduler::Job;
use serde_json::json;

use crate::{
    bench::Bench,
    clocks,
    effects::Fates,
    meter::Units,
    people::anybody,
    plan::Plan,
    price::{Charged, Used},
    queue::Unreliable,
    rules::document,
    run,
    script::{Event, Script},
    world::{Round, Setting, World},
};

const HOUR: Duration = Duration::from_secs(3600);
const HOURS_A_MONTH: f64 = 720.0;

/// Leads of an account in a month. In the busiest hour four times the average come.
const LEADS_A_MONTH: f64 = 10_000.0;
const LEADS_IN_THE_HOUR: f64 = 4.0 * LEADS_A_MONTH / HOURS_A_MONTH;

/// How long a lead keeps the processor where it comes alone.
const ALONE: Duration = Duration::from_millis(1_800);

/// What the scheduler does in the hour; the audit and `check` at its end.
const JOBS: [Job; 4] = [Job::Wake, Job::Reconcile, Job::Audit, Job::Check];

/// The memory of `processor` and `scheduler`, in GB.
const MEMORY: f64 = 0.25;

/// Requests to SQS for a batch beside those that sent it: it is received and deleted.
const OF_A_BATCH: f64 = 2.0;

/// Invocations of `ingest` for a lead.
const OF_INGEST: f64 = 1.0;

/// What functions log about a lead, in GB.
const LOG: f64 = 2_500.0 / 1e9;

/// Keys that the jobs open in an hour for an account and its page: `reconcile` four, `check` two, the audit one.
const KEYS: f64 = 7.0;

/// What an installation costs a month at list prices beside what is counted here: its key, metrics, alarms, the dashboard,
/// the polling of its queue.
const INSTALLATION: f64 = 7.80;

/// One installation with many accounts that have nothing in common, each with a page, a form and a bundle of its own.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    accounts: usize,
    /// Of all accounts together.
    leads: usize,
    /// They come spread over so long.
    within: Duration,
    /// Invocations of the processor side by side, at most.
    at_once: usize,
}

/// What the hour showed.
#[derive(Debug)]
pub struct Grown {
    /// What must not be.
    pub breaches: Vec<String>,
    /// How many leads came.
    pub leads: usize,
    /// How many of them had their orders each second, until the last one had it.
    pub leads_a_second: f64,
    /// From the form to the order: half the leads, 95 and 99 per cent, all.
    pub waits: [SignedDuration; 4],
    /// Most invocations of the processor at a time.
    pub at_once: usize,
    /// What was done in the hour.
    pub rounds: Vec<Round>,
    /// Calls to RemOnline and to Meta.
    pub calls: [usize; 2],
    /// What the leads used.
    pub by_leads: Used,
    /// What the jobs used.
    pub by_jobs: Used,
}

impl Growth {
    /// The busiest hour, with so many invocations of the processor side by side.
    pub fn busy_hour(accounts: usize, at_once: usize) -> Self {
        let leads = (accounts as f64 * LEADS_IN_THE_HOUR).round() as usize;
        Self { accounts, leads, within: HOUR, at_once }
    }

    /// Each account has so many leads at once, and an invocation of the processor for itself.
    pub fn backlog(accounts: usize, leads_of_each: usize) -> Self {
        Self { accounts, leads: accounts * leads_of_each, within: Duration::ZERO, at_once: accounts }
    }

    /// Plays it, and what comes after it until everything rests.
    pub fn play(&self, bench: &Bench) -> Grown {
        let leads = self.leads;
        let (outcome, world) = run::play(bench, 0, self.script(), Fates::Plan(Plan::default()), false);
        let transactions = block_on(world.transactions());
        let mut rounds = world.usage().rounds;
        rounds.retain(|round| round.at <= clocks::start() + signed(HOUR));
        let companies = &world.outside.companies;
        Grown {
            breaches: outcome.verdict.breaches,
            leads,
            leads_a_second: leads as f64 / until_the_last(&transactions).as_secs_f64(),
            waits: waits(&transactions),
            at_once: world.usage().most_at_once,
            calls: [companies.iter().map(|it| it.calls().len()).sum(), world.outside.meta.requests().len()],
            by_leads: by_leads(&world, leads as f64),
            by_jobs: by_jobs(&rounds, self.accounts as f64),
            rounds,
        }
    }

    fn script(&self) -> Script {
        let setting = Setting::of_accounts(self.accounts, self.at_once);
        let chance = &mut SmallRng::seed_from_u64(0);
        let lead = |number: usize| {
            let form = setting.pages[number % self.accounts].forms[0].clone();
            let answers = anybody(number / self.accounts);
            (self.within.mul_f64(chance.random()), Event::Lead { form, answers, told_after: vec![Duration::ZERO] })
        };
        let mut events: Vec<_> = (0..self.leads).map(lead).collect();
        events.sort_by_key(|(at, _)| *at);
        let bundles = setting.companies.iter().zip(&setting.pages).map(|(company, page)| {
            let mut bundle = document(company, &page.forms[0], company);
            bundle["source"]["connection"] = json!(page.connection);
            (company.clone(), bundle)
        });
        let bundles = bundles.collect();
        // Where more come than can be worked on at once, it takes longer than the hour.
        let worked_off = ALONE.mul_f64(1.5 * self.leads as f64 / self.at_once as f64);
        let (known, unreliable, stale_ms, jobs) = (Vec::new(), Unreliable::default(), 0, JOBS.to_vec());
        Script { setting, events, calm_at: HOUR.max(worked_off), bundles, known, unreliable, stale_ms, jobs }
    }
}

/// Of the leads that are done; one that is not is among the breaches.
fn waits(transactions: &[Transaction]) -> [SignedDuration; 4] {
    let mut waits: Vec<_> = transactions.iter().filter_map(Transaction::took).collect();
    waits.sort();
    let within = |percent: usize| (waits.len() * percent).div_ceil(100).saturating_sub(1);
    [50, 95, 99, 100].map(|percent| waits.get(within(percent)).copied().unwrap_or_default())
}

/// From the beginning on.
fn until_the_last(transactions: &[Transaction]) -> SignedDuration {
    let last = transactions.iter().map(|transaction| transaction.updated_at).max();
    last.map_or(SignedDuration::ZERO, |last| last.duration_since(clocks::start()))
}

fn by_leads(world: &World, leads: f64) -> Used {
    let (usage, Units { read, write }) = (world.usage(), world.consumed());
    let (batches, messages) = (usage.invocations as f64, world.queue.bodies().len() as f64);
    Used::by_leads(leads)
        .with(Charged::Invocations, batches + OF_INGEST * leads)
        .with(Charged::GbSeconds, usage.busy.as_secs_f64() * MEMORY)
        .with(Charged::SqsRequests, messages + OF_A_BATCH * batches)
        .with(Charged::ReadUnits, read)
        .with(Charged::WriteUnits, write)
        .with(Charged::Logged, LOG * leads)
}

fn by_jobs(rounds: &[Round], accounts: f64) -> Used {
    let of_all = |amount: fn(&Round) -> f64| rounds.iter().map(amount).sum::<f64>();
    Used::default()
        .with(Charged::Invocations, rounds.len() as f64)
        .with(Charged::GbSeconds, of_all(|round| round.took.as_secs_f64()) * MEMORY)
        .with(Charged::ReadUnits, of_all(|round| round.units.read))
        .with(Charged::WriteUnits, of_all(|round| round.units.write))
        .with(Charged::OpenedKeys, KEYS * accounts)
}

impl Grown {
    /// What 10,000 leads cost that come as in this hour, in US dollars at list prices.
    pub fn price_of_10_000(&self) -> f64 {
        (self.by_leads * (10_000.0 / self.leads as f64)).list_price()
    }

    /// What a month costs whose leads come as in this hour and whose jobs do as much in each, in US dollars at list prices.
    pub fn price_of_a_month(&self) -> f64 {
        let by_leads = self.by_leads * (LEADS_A_MONTH / LEADS_IN_THE_HOUR);
        INSTALLATION + (by_leads + self.by_jobs * HOURS_A_MONTH).list_price()
    }
}

impl fmt::Display for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_a_lead = self.by_leads * (1.0 / self.leads as f64);
        let [half, most, nearly_all, all] = self.waits.map(|wait| wait.as_secs_f64());
        writeln!(f, "    leads: {}, {:.1} a second", self.leads, self.leads_a_second)?;
        writeln!(
            f,
            "    to the order: half in {half:.1} s, 95 % in {most:.1} s, 99 % in {nearly_all:.1} s, all in {all:.1} s"
        )?;
        writeln!(f, "    invocations of the processor: {} at a time at most", self.at_once)?;
        for (what, unit) in [
            (Charged::GbSeconds, "GB-s"),
            (Charged::SqsRequests, "requests to SQS"),
            (Charged::WriteUnits, "write units"),
            (Charged::ReadUnits, "read units"),
        ] {
            writeln!(f, "    for a lead: {:.2} {unit}", of_a_lead.of(what))?;
        }
        writeln!(f, "    calls: {} to RemOnline, {} to Meta", self.calls[0], self.calls[1])?;
        for job in JOBS {
            let rounds: Vec<_> = self.rounds.iter().filter(|round| round.job == job).collect();
            let longest = rounds.iter().map(|round| round.took.as_secs_f64()).fold(0.0, f64::max);
            let ended = rounds.iter().filter(|round| round.ended).count();
            writeln!(f, "    {job:?}: {ended} of {} rounds ended, {longest:.1} s at most", rounds.len())?;
        }
        writeln!(f, "    10,000 leads: {:.2} USD", self.price_of_10_000())?;
        write!(f, "    a month like this hour: {:.0} USD", self.price_of_a_month())
    }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}
