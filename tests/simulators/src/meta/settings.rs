use serde::{Deserialize, Serialize};

/// How this Meta behaves where its documentation is silent, and the switches of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The app is not live: only leads of people with a role in it and the dashboard's test are sent.
    pub development_mode: bool,
    /// Refuse calls without `appsecret_proof`; one that is present is always checked.
    pub require_proof: bool,
    /// Code of the refusal by Leads Access Manager: 200 or 103.
    pub lead_access_code: u32,
    /// How long a new lead cannot be read yet, in seconds.
    pub readable_after_seconds: u32,
    /// Begin every list with an empty page that has a `next`.
    pub empty_first_page: bool,
    /// Largest `limit` that does not end in "Please reduce the amount of data".
    pub largest_limit: Option<u32>,
    /// Show the four usage headers on every answer.
    pub usage_headers: bool,
    /// Calls in 24 hours for each lead of the last 90 days; a page without a lead counts as having one.
    pub calls_per_lead: u32,
    /// How long a webhook may take to answer, in seconds.
    pub answer_within_seconds: u32,
    /// When a failed webhook is sent again, in seconds after the first attempt.
    pub retries_after_seconds: Vec<u64>,
    /// Uninstall the app from the page when its webhook has failed for so many seconds.
    pub uninstalls_after_seconds: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            development_mode: false,
            require_proof: false,
            lead_access_code: 200,
            readable_after_seconds: 0,
            empty_first_page: false,
            largest_limit: None,
            usage_headers: false,
            calls_per_lead: 4800,
            answer_within_seconds: 5,
            retries_after_seconds: [0, MINUTE, 5 * MINUTE, 15 * MINUTE]
                .into_iter()
                .chain([1, 3, 6, 12, 24, 36].map(|hours| hours * HOUR))
                .collect(),
            uninstalls_after_seconds: None,
        }
    }
}
