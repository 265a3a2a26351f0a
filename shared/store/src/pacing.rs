use domain::AccountId;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    PutError, ROUNDS, Store, StoreError,
    database::{Condition, Table},
    keys,
    row::{Counted, REVISION},
};

const TABLE: Table = Table::Connections;

/// How long calls stay further apart after RemOnline refused one.
const WIDENED: SignedDuration = SignedDuration::from_secs(60);

/// How fast an account may be called by all functions together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// The first moment that nobody has reserved.
    pub next_slot: Option<Timestamp>,
    /// No call before this moment: RemOnline asked for a pause.
    pub not_before: Option<Timestamp>,
    /// Calls in a row that were refused with 429.
    pub throttled: u32,
    /// Until then calls stay half as far again apart.
    pub widened_until: Option<Timestamp>,
    /// What the account was asked on the last day on which it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<CallsOfDay>,
}

/// What an account was asked on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsOfDay {
    /// The day in UTC.
    pub date: Date,
    /// Moments that were reserved for a call. A few of them may have passed unused.
    pub calls: u64,
    /// Calls that were refused with 429.
    pub throttled: u64,
}

impl Pace {
    /// Reserves the next `count` moments, each `interval` after the one before.
    fn reserve(&mut self, count: usize, interval: SignedDuration, now: Timestamp) -> Vec<Timestamp> {
        let first = self.next_slot.into_iter().chain(self.not_before).fold(now, Timestamp::max);
        let widened = self.widened_until.is_some_and(|until| now < until);
        let interval = if widened { interval + interval / 2 } else { interval };
        let slots: Vec<_> = std::iter::successors(Some(first), |slot| Some(*slot + interval)).take(count).collect();
        self.next_slot = slots.last().map(|last| *last + interval).or(self.next_slot);
        if !slots.is_empty() {
            self.today(now).calls += slots.len() as u64;
        }
        slots
    }

    fn today(&mut self, now: Timestamp) -> &mut CallsOfDay {
        let date = TimeZone::UTC.to_datetime(now).date();
        let day = self.day.get_or_insert(CallsOfDay { date, calls: 0, throttled: 0 });
        if day.date != date {
            *day = CallsOfDay { date, calls: 0, throttled: 0 };
        }
        day
    }
}

impl Store {
    /// Reserves the next `count` moments at which this caller, and no other, may call RemOnline for the account.
    pub async fn reserve_slots(
        &self,
        account: &AccountId,
        count: usize,
        interval: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<Timestamp>, StoreError> {
        self.change_pace(account, |pace| pace.reserve(count, interval, now)).await
    }

    /// Notes a 429: nobody calls the account before `until`, and calls stay further apart for a while. Returns the
    /// number of 429s in a row, this one included.
    pub async fn throttled(&self, account: &AccountId, until: Timestamp, now: Timestamp) -> Result<u32, StoreError> {
        self.change_pace(account, |pace| {
            pace.not_before = pace.not_before.max(Some(until));
            pace.widened_until = Some(now + WIDENED);
            pace.throttled += 1;
            pace.today(now).throttled += 1;
            pace.throttled
        })
        .await
    }

    /// Notes a call that was not refused: the next 429 is the first in a row again.
    pub async fn calm(&self, account: &AccountId) -> Result<(), StoreError> {
        self.change_pace(account, |pace| pace.throttled = 0).await
    }

    /// How fast an account may be called now.
    pub async fn pace(&self, account: &AccountId) -> Result<Pace, StoreError> {
        let pace: Option<Pace> = self.read(TABLE, &keys::pace(account)).await?;
        Ok(pace.unwrap_or_default())
    }

    /// Changes the pace, anew each time that another one was faster; writes only what differs.
    async fn change_pace<R>(&self, account: &AccountId, change: impl Fn(&mut Pace) -> R) -> Result<R, StoreError> {
        let key = keys::pace(account);
        for _ in 0..ROUNDS {
            let stored: Option<Counted<Pace>> = self.read(TABLE, &key).await?;
            let revision = stored.as_ref().map(|stored| stored.revision);
            let before = stored.map(|stored| stored.row).unwrap_or_default();
            let mut after = before.clone();
            let result = change(&mut after);
            if after == before {
                return Ok(result);
            }
            let condition = revision.map_or_else(Condition::absent, |seen| Condition::equals(REVISION, seen));
            let row = Counted { row: after, revision: revision.map_or(0, |seen| seen + 1) };
            match self.put(TABLE, &key, &row, condition).await {
                Ok(()) => return Ok(result),
                Err(PutError::Conflict) => {}
                Err(PutError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::busy())
    }
}
