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
        let leads = self.forms.values().filter(|form| form.page == page).flat_map(|form| self.leads_of(form));
        let recent = leads.filter(|(_, lead)| !lead.is_expired(self.now()));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pretty_assertions::assert_eq;

    use super::super::testing::{Caller, code, lead};
    use super::super::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN};
    use super::*;

    /// The usage headers of a read of the page, as JSON.
    async fn usage(caller: &Caller) -> Vec<Value> {
        let path = format!("/v26.0/{DEMO_PAGE}?access_token={DEMO_PAGE_TOKEN}");
        let response = caller.raw(axum::extract::Request::get(path).body(axum::body::Body::empty()).unwrap()).await;
        let names = ["x-business-use-case-usage", "x-app-usage", "x-page-usage", "x-ad-account-usage"];
        let headers = names.iter().filter_map(|name| response.headers().get(*name));
        headers.map(|value| serde_json::from_slice(value.as_bytes()).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_page_has_so_many_calls_a_day_for_each_lead() {
        let caller = Caller::demo();
        let ids = [lead(), lead()].map(|lead| caller.meta.add_lead(DEMO_FORM, lead));
        caller.meta.update_settings(|settings| settings.calls_per_lead = 2);
        let batch = json!([{ "method": "GET", "relative_url": ids[0] }, { "method": "GET", "relative_url": ids[1] }]);
        caller.post("/v26.0", &[("batch", &batch.to_string())]).await;
        caller.pass(Duration::from_secs(3600));
        assert_eq!(caller.error(&format!("/v26.0/?ids={},{}", ids[0], ids[1])).await, (0, 0));
        assert_eq!(caller.error(&format!("/v26.0/{DEMO_FORM}")).await, (80_005, 0));
        let other = caller.meta.add_page("110000000000002", "Сусід");
        assert_eq!(code(&caller.send("GET", "/v26.0/me", &other, &[]).await.1), (0, 0));
        caller.pass(Duration::from_secs(23 * 3600 - 1));
        assert_eq!(caller.error(&format!("/v26.0/{DEMO_FORM}")).await, (80_005, 0));
        caller.pass(Duration::from_secs(24 * 3600));
        assert_eq!(caller.error(&format!("/v26.0/{DEMO_FORM}")).await, (0, 0));
    }

    #[tokio::test]
    async fn the_headers_tell_how_much_is_used() {
        let caller = Caller::demo();
        assert_eq!(usage(&caller).await, Vec::<Value>::new());
        caller.meta.update_settings(|settings| {
            settings.usage_headers = true;
            settings.calls_per_lead = 10;
        });
        let shown = usage(&caller).await;
        assert_eq!((shown.len(), &shown[0][BUSINESS_ID][0]["type"]), (4, &json!("leadgen")));
        assert_eq!((&shown[0][BUSINESS_ID][0]["call_count"], &shown[2]["call_count"]), (&json!(20), &json!(20)));
    }

    #[tokio::test]
    async fn a_throttled_page_says_for_how_long() {
        let caller = Caller::demo();
        caller.meta.throttle(DEMO_PAGE, 10);
        assert_eq!(caller.error(&format!("/v26.0/{DEMO_PAGE}")).await, (80_005, 0));
        caller.pass(Duration::from_secs(9 * 60 + 1));
        assert_eq!(usage(&caller).await[0][BUSINESS_ID][0]["estimated_time_to_regain_access"], 1);
        caller.pass(Duration::from_secs(59));
        assert_eq!(caller.error(&format!("/v26.0/{DEMO_PAGE}")).await, (0, 0));
    }
}
