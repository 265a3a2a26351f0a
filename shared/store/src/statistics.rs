use std::collections::BTreeMap;

use domain::{AccountId, State};
use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Time},
    tz::TimeZone,
};

use crate::{
    Store, StoreError,
    database::{Index, Item, Query, Table},
    history::place,
    keys,
};

const TABLE: Table = Table::Transactions;

/// What became of the leads that were received on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day in UTC.
    pub date: Date,
    /// All of them.
    pub received: u64,
    /// Those that are done.
    pub done: u64,
    /// Those that are parked.
    pub parked: u64,
    /// Those in review.
    pub review: u64,
    /// Those that were skipped.
    pub skipped: u64,
}

/// What became of the leads of some days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Every day, the first one first.
    pub days: Vec<Day>,
    /// How long each lead that is done took, the shortest first.
    pub took: Vec<SignedDuration>,
}

impl Day {
    fn new(date: Date) -> Self {
        Self { date, received: 0, done: 0, parked: 0, review: 0, skipped: 0 }
    }

    fn count(&mut self, state: State) {
        match state {
            State::Done => self.done += 1,
            State::Parked => self.parked += 1,
            State::Review => self.review += 1,
            State::Skipped => self.skipped += 1,
            State::Received | State::Running | State::Waiting | State::Erased => {}
        }
    }
}

impl Statistics {
    /// The time within which this share of the leads was done; `None` when none is.
    /// The share is that of the nearest rank: 0.5 for the median.
    pub fn percentile(&self, share: f64) -> Option<SignedDuration> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank is small and positive")]
        let rank = (share * self.took.len() as f64).ceil() as usize;
        self.took.get(rank.max(1) - 1).copied()
    }
}

impl Store {
    /// What became of the leads received on each of the last `count` days, today included. Read from the indexes, which
    /// lag a moment behind.
    pub async fn statistics(&self, count: u16, now: Timestamp) -> Result<Statistics, StoreError> {
        let today = TimeZone::UTC.to_datetime(now).date();
        let dates = (0..count).rev().filter_map(|ago| today.checked_sub(i64::from(ago).days()).ok());
        let mut days: BTreeMap<String, Day> = dates.map(|date| (date.to_string(), Day::new(date))).collect();
        let midnight = |day: &Day| TimeZone::UTC.to_timestamp(day.date.to_datetime(Time::midnight())).ok();
        let Some(first) = days.values().next().and_then(midnight) else { return Ok(Statistics::default()) };
        let mut took = Vec::new();
        for entry in self.received_since(first).await? {
            let Some(day) = place(&entry).and_then(|place| days.get_mut(keys::day(place))) else { continue };
            day.received += 1;
            if let Some(milliseconds) = entry.get(Index::TOOK).and_then(serde_json::Value::as_i64) {
                day.count(State::Done);
                took.push(SignedDuration::from_millis(milliseconds));
            }
        }
        for state in [State::Parked, State::Review, State::Skipped] {
            for entry in self.listed(state, first).await? {
                let day = place(&entry).and_then(|place| days.get_mut(keys::day(place)));
                day.into_iter().for_each(|day| day.count(state));
            }
        }
        took.sort_unstable();
        Ok(Statistics { days: days.into_values().collect(), took })
    }

    /// How many transactions are in a state off the straight way now: waiting, parked, in review, skipped or erased.
    pub async fn count_in(&self, state: State) -> Result<usize, StoreError> {
        self.count_up_to(usize::MAX, state).await
    }

    /// Calls to an account on this day, and how many of them it refused with 429.
    pub async fn calls_of_day(&self, account: &AccountId, date: Date) -> Result<(u64, u64), StoreError> {
        let day = self.pace(account).await?.day.filter(|day| day.date == date);
        Ok(day.map_or((0, 0), |day| (day.calls, day.throttled)))
    }

    async fn received_since(&self, first: Timestamp) -> Result<Vec<Item>, StoreError> {
        let from = Some(keys::history_from(first));
        let mut entries = Vec::new();
        for month in self.months(Some(first), None).await? {
            let month = Query::partition(TABLE, month);
            let query = Query { index: Some(Index::History), from: from.clone(), ..month };
            entries.extend(self.database.query(&query).await?);
        }
        Ok(entries)
    }

    async fn listed(&self, state: State, since: Timestamp) -> Result<Vec<Item>, StoreError> {
        let Some(listed) = keys::listed_state(state) else { return Ok(Vec::new()) };
        let from = Some(keys::history_from(since));
        let query = Query { index: Some(Index::State), from, ..Query::partition(TABLE, listed) };
        Ok(self.database.query(&query).await?)
    }
}
