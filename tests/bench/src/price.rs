//! What a lead asks of AWS, as the sandbox counts it, and what 10,000 of them cost.

use std::ops::Sub;

use sandbox::Units;
use simulation::price::{Charged, Used};

use crate::report::Report;

const LEADS: f64 = 10_000.0;
const GB: f64 = 1e9;

/// Requests of the event source mapping for a batch of one: it receives and deletes.
const OF_THE_EVENT_SOURCE: usize = 2;
/// Not counted, since nothing here is as far away as AWS, RemOnline and Meta are: seconds of the processor for a lead, at
/// 256 MB.
const SECONDS: f64 = 1.5;
const MEMORY_GB: f64 = 0.25;

/// Requests of functions for a lead.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Requests {
    invocations: usize,
    sqs: usize,
    dynamodb: usize,
}

/// What 10,000 leads a month cost, in US dollars.
pub(crate) struct Price {
    /// At list prices.
    pub(crate) list: f64,
    /// Where the part of the free tier that does not end is free for them.
    pub(crate) free_tier: f64,
    /// The same, where the tables' capacity is within it too.
    pub(crate) free_tables: f64,
}

impl Requests {
    /// Counts what a function asked for, as the sandbox names it.
    pub(crate) fn count(&mut self, operations: &[String]) {
        for operation in operations {
            let counted = match operation.split_once(' ') {
                Some(("runtime", "response")) => &mut self.invocations,
                Some(("sqs", _)) => &mut self.sqs,
                Some(("dynamodb", _)) => &mut self.dynamodb,
                _ => continue,
            };
            *counted += 1;
        }
    }

    /// Notes them in the report.
    pub(crate) fn note(&self, whose: &str, report: &mut Report) {
        for (what, count) in
            [("invocations", self.invocations), ("SQS requests", self.sqs), ("DynamoDB requests", self.dynamodb)]
        {
            report.note(format!("{whose}: {what}"), count as f64);
        }
    }
}

impl Sub for Requests {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            invocations: self.invocations - other.invocations,
            sqs: self.sqs - other.sqs,
            dynamodb: self.dynamodb - other.dynamodb,
        }
    }
}

/// The price of 10,000 leads a month that each ask for this, consume these units of DynamoDB and log so many bytes.
pub(crate) fn of_10_000(requests: &Requests, units: Units, log: usize) -> Price {
    let of_a_lead = Used::default()
        .with(Charged::Invocations, requests.invocations as f64)
        .with(Charged::GbSeconds, SECONDS * MEMORY_GB)
        .with(Charged::SqsRequests, (requests.sqs + OF_THE_EVENT_SOURCE) as f64)
        .with(Charged::WriteUnits, units.write)
        .with(Charged::ReadUnits, units.read)
        .with(Charged::Logged, log as f64 / GB);
    let used = of_a_lead * LEADS + Used::by_leads(LEADS);
    let beyond = used.beyond_free_tier();
    let free_tables = beyond.with(Charged::WriteUnits, 0.0).with(Charged::ReadUnits, 0.0);
    Price { list: used.list_price(), free_tier: beyond.list_price(), free_tables: free_tables.list_price() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As worked out by hand.
    #[test]
    fn a_price_is_of_what_was_counted() {
        let operations =
            ["runtime response", "runtime response", "sqs SendMessageBatch", "dynamodb PutItem", "lambda next"];
        let mut requests = Requests::default();
        requests.count(&operations.map(str::to_owned));
        let price = of_10_000(&requests, Units { read: 22.0, write: 53.0 }, 2_500);
        let cents = |dollars: f64| (dollars * 100.0).round();
        assert_eq!((cents(price.list), cents(price.free_tier), cents(price.free_tables)), (68.0, 45.0, 9.0));
    }
}
