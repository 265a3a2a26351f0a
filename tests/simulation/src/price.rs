//! What AWS charges for what was used, in US dollars: list prices of us-east-1, as `infra/README.md`, "Costs", says.

use std::ops::{Add, Mul};

const MILLION: f64 = 1e6;

/// What a lead leaves in the tables, in GB, and for how many months.
const ROWS: f64 = 2_500.0 / 1e9;
const MONTHS: f64 = 400.0 / 30.0;
/// What a lead sends out of AWS, in GB.
const SENT: f64 = 6_000.0 / 1e9;
/// Keys that are opened for a lead where leads mostly come alone: a process keeps them for ten minutes.
const OPENED_KEYS: f64 = 2.0;

/// What AWS charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// Requests to the HTTP API.
    ApiRequests,
    /// Invocations of functions.
    Invocations,
    /// Their time, times their memory.
    GbSeconds,
    /// Requests to SQS, those of the event source mapping too.
    SqsRequests,
    /// Write units of DynamoDB.
    WriteUnits,
    /// Its read units.
    ReadUnits,
    /// Rows that are kept for a month, in GB.
    Stored,
    /// The same as far as they can be restored to any moment.
    BackedUp,
    /// Logs, in GB.
    Logged,
    /// Requests to KMS.
    OpenedKeys,
    /// What leaves AWS, in GB.
    Sent,
}

use Charged::{
    ApiRequests, BackedUp, GbSeconds, Invocations, Logged, OpenedKeys, ReadUnits, Sent, SqsRequests, Stored, WriteUnits,
};

/// The price of one, and how much is free each month and for ever, in the order of [`Charged`].
const PRICES: [(Charged, f64, f64); 11] = [
    (ApiRequests, 1.00 / MILLION, 0.0),
    (Invocations, 0.20 / MILLION, MILLION),
    (GbSeconds, 0.000_016_666_7, 400_000.0),
    (SqsRequests, 0.40 / MILLION, MILLION),
    (WriteUnits, 0.625 / MILLION, 0.0),
    (ReadUnits, 0.125 / MILLION, 0.0),
    (Stored, 0.25, 25.0),
    (BackedUp, 0.20, 0.0),
    (Logged, 0.50, 5.0),
    // Of the 20,000 that are free the schedules of one account need 6,000.
    (OpenedKeys, 0.03 / 10_000.0, 14_000.0),
    (Sent, 0.09, 100.0),
];

/// How much was used of what AWS charges for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Used([f64; PRICES.len()]);

impl Used {
    /// What so many leads use whatever comes of them: a webhook each, rows, keys, traffic.
    pub fn by_leads(leads: f64) -> Self {
        let kept = leads * ROWS * MONTHS;
        let used = Self::default().with(ApiRequests, leads).with(Stored, kept).with(BackedUp, kept);
        used.with(OpenedKeys, leads * OPENED_KEYS).with(Sent, leads * SENT)
    }

    /// The same with so much of one thing.
    #[must_use]
    pub fn with(mut self, what: Charged, amount: f64) -> Self {
        self.0[what as usize] = amount;
        self
    }

    /// How much of one thing.
    pub fn of(&self, what: Charged) -> f64 {
        self.0[what as usize]
    }

    /// At list prices.
    pub fn list_price(&self) -> f64 {
        PRICES.iter().map(|(what, price, _)| price * self.of(*what)).sum()
    }

    /// Of a month: what is left where the part of the free tier that does not end is free for it.
    #[must_use]
    pub fn beyond_free_tier(&self) -> Self {
        PRICES.iter().fold(*self, |used, (what, _, free)| used.with(*what, (used.of(*what) - free).max(0.0)))
    }
}

impl Add for Used {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        PRICES.iter().fold(self, |used, (what, ..)| used.with(*what, used.of(*what) + other.of(*what)))
    }
}

impl Mul<f64> for Used {
    type Output = Self;

    fn mul(self, times: f64) -> Self {
        Self(self.0.map(|amount| amount * times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_stand_in_the_order_of_what_they_are_of() {
        assert!(PRICES.iter().enumerate().all(|(place, (what, ..))| *what as usize == place));
    }

    /// As worked out by hand.
    #[test]
    fn a_price_is_the_sum_of_its_parts() {
        let cents = |used: Used| (used.list_price() * 100.0).round();
        let of_a_lead = Used::default().with(Invocations, 2.0).with(GbSeconds, 0.375).with(SqsRequests, 3.0);
        let of_a_lead = of_a_lead.with(WriteUnits, 53.0).with(ReadUnits, 22.0).with(Logged, 2_500.0 / 1e9);
        let used = of_a_lead * 10_000.0 + Used::by_leads(10_000.0);
        let beyond = used.beyond_free_tier();
        let tables_free = beyond.with(WriteUnits, 0.0).with(ReadUnits, 0.0);
        assert_eq!([used, beyond, tables_free].map(cents), [68.0, 45.0, 9.0]);
    }
}
