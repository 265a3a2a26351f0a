use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

/// How much of its allowance Meta has counted.
/// Source: Meta, Graph API, "Rate limits", "Headers".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The highest of all counters, in percent of the allowance; may pass 100.
    pub percent: u8,
    /// After how many minutes calls are allowed again; 0 while they are.
    pub regain_minutes: u32,
}

const HEADERS: [&str; 4] = ["x-app-usage", "x-business-use-case-usage", "x-page-usage", "x-ad-account-usage"];
const COUNTERS: [&str; 4] = ["call_count", "total_time", "total_cputime", "acc_id_util_pct"];

impl Usage {
    /// Whether there is room for calls that can wait. From 90 percent on only new leads are read.
    pub fn allows_polling(&self) -> bool {
        self.percent < 90 && self.regain_minutes == 0
    }

    /// How long to be silent after a refusal.
    pub(super) fn wait(&self) -> Duration {
        let minutes = if self.regain_minutes == 0 { 15 } else { self.regain_minutes.max(5) };
        Duration::from_secs(u64::from(minutes) * 60)
    }

    /// What the headers tell; `None` if they are silent, as they are after little traffic.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let texts = HEADERS.iter().flat_map(|name| headers.get_all(*name)).filter_map(|value| value.to_str().ok());
        let told = texts.filter_map(|text| serde_json::from_str::<Value>(text).ok()).map(|json| Self::of(&json));
        told.reduce(Self::or_higher)
    }

    fn of(json: &Value) -> Self {
        match json {
            Value::Array(items) => items.iter().map(Self::of).fold(Self::default(), Self::or_higher),
            Value::Object(entries) => {
                entries.iter().map(|(key, value)| Self::of_entry(key, value)).fold(Self::default(), Self::or_higher)
            }
            _ => Self::default(),
        }
    }

    fn of_entry(key: &str, value: &Value) -> Self {
        // `as` cuts a float to the range of the integer.
        let number = value.as_f64().unwrap_or_default().ceil();
        if COUNTERS.contains(&key) {
            Self { percent: number as u8, regain_minutes: 0 }
        } else if key == "estimated_time_to_regain_access" {
            Self { percent: 0, regain_minutes: number as u32 }
        } else {
            Self::of(value)
        }
    }

    fn or_higher(self, other: Self) -> Self {
        Self { percent: self.percent.max(other.percent), regain_minutes: self.regain_minutes.max(other.regain_minutes) }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use rstest::rstest;

    use super::*;

    fn usage(name: &'static str, text: &'static str) -> Option<Usage> {
        Usage::read(&HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(text))]))
    }

    #[rstest]
    #[case(
        "X-Business-Use-Case-Usage",
        r#"{"150000000000001":[{"type":"leadgen","call_count":96,"total_cputime":12,"total_time":18,"estimated_time_to_regain_access":0},{"type":"pages","call_count":3,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":7}]}"#,
        96,
        7
    )]
    #[case("X-App-Usage", r#"{"call_count":28,"total_time":25,"total_cputime":25}"#, 28, 0)]
    #[case("X-Page-Usage", r#"{"call_count":15,"total_cputime":8,"total_time":120}"#, 120, 0)]
    #[case(
        "X-Ad-Account-Usage",
        r#"{"acc_id_util_pct":9.67,"reset_time_duration":100,"ads_api_access_tier":"standard_access"}"#,
        10,
        0
    )]
    #[case("X-App-Usage", r#"{"call_count":100000,"total_time":-3}"#, 255, 0)]
    #[case("X-App-Usage", "[]", 0, 0)]
    fn headers_are_read(
        #[case] name: &'static str,
        #[case] text: &'static str,
        #[case] percent: u8,
        #[case] regain_minutes: u32,
    ) {
        assert_eq!(usage(name, text), Some(Usage { percent, regain_minutes }));
    }

    #[rstest]
    #[case("X-App-Usage", "busy")]
    #[case("X-Other", r#"{"call_count":28}"#)]
    fn silence_is_not_zero(#[case] name: &'static str, #[case] text: &'static str) {
        assert_eq!(usage(name, text), None);
    }

    #[rstest]
    #[case(0, 15)]
    #[case(1, 5)]
    #[case(42, 42)]
    fn the_wait_is_what_meta_says_but_five_minutes_at_least(#[case] regain_minutes: u32, #[case] minutes: u64) {
        assert_eq!(Usage { percent: 100, regain_minutes }.wait(), Duration::from_secs(minutes * 60));
    }
}
