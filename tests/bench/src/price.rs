//! What leads cost on AWS: what was counted, at list prices. The figures are those of `infra/README.md`, "Costs".

use std::ops::Sub;

use sandbox::Units;

use crate::report::Report;

const LEADS: f64 = 10_000.0;
const MILLION: f64 = 1e6;
const GB: f64 = 1e9;

/// Requests of the event source mapping for a batch of one: it receives and deletes.
const OF_THE_EVENT_SOURCE: usize = 2;
/// Not counted, since nothing here is as far away as AWS, RemOnline and Meta are: seconds of the processor for a lead, at
/// 256 MB.
const SECONDS: f64 = 1.5;
const MEMORY_GB: f64 = 0.25;
/// Not counted, since keys are kept for ten minutes and leads mostly come alone: keys that are opened for a lead.
const OPENED_KEYS: f64 = 2.0;
/// What a lead leaves in the tables, in bytes, and for how many months.
const ROWS: f64 = 2_500.0;
const MONTHS: f64 = 400.0 / 30.0;
/// What a lead sends out of AWS, in bytes.
const SENT: f64 = 6_000.0;

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
    let millions = |of_a_lead: f64| of_a_lead * LEADS / MILLION;
    let gigabytes = |of_a_lead: f64| of_a_lead * LEADS / GB;
    let api = 1.00 * millions(1.0);
    let lambda = 0.20 * millions(requests.invocations as f64) + 0.000_016_666_7 * SECONDS * MEMORY_GB * LEADS;
    let sqs = 0.40 * millions((requests.sqs + OF_THE_EVENT_SOURCE) as f64);
    let tables = 0.625 * millions(units.write) + 0.125 * millions(units.read);
    let kept = gigabytes(ROWS * MONTHS);
    let (storage, recovery) = (0.25 * kept, 0.20 * kept);
    let logs = 0.50 * gigabytes(log as f64);
    let opened = OPENED_KEYS * LEADS;
    let keys = |free: f64| 0.03 * (opened - free).max(0.0) / 10_000.0;
    let sent = 0.09 * gigabytes(SENT);
    // The schedules open 6,000 keys a month, which are free first.
    let free_tables = api + recovery + keys(20_000.0 - 6_000.0);
    Price {
        list: api + lambda + sqs + tables + storage + recovery + logs + keys(0.0) + sent,
        free_tier: free_tables + tables,
        free_tables,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As worked out by hand.
    #[test]
    fn a_price_is_the_sum_of_its_parts() {
        let operations =
            ["runtime response", "runtime response", "sqs SendMessageBatch", "dynamodb PutItem", "lambda next"];
        let mut requests = Requests::default();
        requests.count(&operations.map(str::to_owned));
        let price = of_10_000(&requests, Units { read: 22.0, write: 53.0 }, 2_500);
        let cents = |dollars: f64| (dollars * 100.0).round();
        assert_eq!((cents(price.list), cents(price.free_tier), cents(price.free_tables)), (68.0, 45.0, 9.0));
    }
}
