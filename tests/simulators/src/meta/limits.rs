use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::Call;
use super::errors::GraphError;
use super::seed::BUSINESS_ID;
use super::state::State;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The calls of a page.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// When they came, for a day.
    calls: VecDeque<Timestamp>,
    blocked_until: Option<Timestamp>,
}

impl Usage {
    fn forget(&mut self, now: Timestamp) {
        while self.calls.front().is_some_and(|&earliest| now.duration_since(earliest) >= DAY) {
            self.calls.pop_front();
        }
        self.blocked_until = self.blocked_until.filter(|&end| end > now);
    }

    /// Minutes until calls are answered again, zero when they are.
    fn minutes_left(&self, now: Timestamp) -> i64 {
        self.blocked_until.map_or(0, |end| (end.duration_since(now).as_secs() + 59) / 60)
    }

    pub(super) fn block(&mut self, until: Timestamp) {
        self.blocked_until = Some(until);
    }

    /// Counts `number` calls out of `quota` a day, or refuses them.
    fn count(&mut self, number: usize, quota: usize, now: Timestamp) -> Result<(), GraphError> {
        self.forget(now);
        self.calls.extend(std::iter::repeat_n(now, number));
        if self.calls.len() > quota && self.blocked_until.is_none() {
            self.blocked_until = self.calls.front().and_then(|earliest| earliest.checked_add(DAY).ok());
        }
        if self.blocked_until.is_some() { Err(GraphError::new(80_005, None)) } else { Ok(()) }
    }
}

impl State {
    /// Counts a call for the limit of its page. Of a batch only the parts count, of a list of ids each.
    pub(super) fn count(&mut self, call: &Call) -> Result<(), GraphError> {
        let Some(page) = self.page_of(call).map(str::to_owned) else { return Ok(()) };
        let number = match (call.segments.is_empty(), call.method.as_str()) {
            (true, "GET") => call.names("ids").len(),
            (true, _) => return Ok(()),
            (false, _) => 1,
        };
        let (now, quota) = (self.now(), self.quota(&page));
        self.pages.get_mut(&page).map_or(Ok(()), |page| page.usage.count(number, quota, now))
    }

    /// Calls that a page may make in a day.
    fn quota(&self, page: &str) -> usize {
        let recent = self.leads.values().filter(|lead| lead.page == page && !lead.is_expired(self.now()));
        recent.count().max(1) * self.settings.calls_per_lead as usize
    }

    /// The headers that tell how much of the limits is used, in percent. They show on every answer by setting, and
    /// while the page is blocked.
    pub(super) fn usage_headers(&self, call: &Call) -> Vec<(&'static str, String)> {
        let Some((id, page)) = self.page_of(call).and_then(|id| self.pages.get_key_value(id)) else {
            return Vec::new();
        };
        let minutes = page.usage.minutes_left(self.now());
        if minutes == 0 && !self.settings.usage_headers {
            return Vec::new();
        }
        let used = 100 * page.usage.calls.len() / self.quota(id).max(1);
        let percent = if minutes > 0 { used.max(100) } else { used };
        let usage = json!({ "call_count": percent, "total_cputime": percent / 4, "total_time": percent / 3 });
        vec![
            ("x-business-use-case-usage", business_usage(percent, minutes).to_string()),
            ("x-app-usage", json!({ "call_count": 1, "total_cputime": 1, "total_time": 1 }).to_string()),
            ("x-page-usage", usage.to_string()),
            ("x-ad-account-usage", ad_account_usage().to_string()),
        ]
    }
}

fn business_usage(percent: usize, minutes: i64) -> Value {
    json!({ BUSINESS_ID: [
        { "type": "leadgen", "call_count": percent, "total_cputime": percent / 4, "total_time": percent / 3,
          "estimated_time_to_regain_access": minutes },
        { "type": "pages", "call_count": 1, "total_cputime": 1, "total_time": 1, "estimated_time_to_regain_access": 0 },
    ] })
}

fn ad_account_usage() -> Value {
    json!({ "acc_id_util_pct": 1.5, "reset_time_duration": 100, "ads_api_access_tier": "standard_access" })
}
