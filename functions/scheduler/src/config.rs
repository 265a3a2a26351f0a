use domain::MetaId;
use jiff::SignedDuration;
use runtime::{Env, EnvError};
use url::Url;

use crate::Language;

/// What the scheduler reads from its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where nudges go.
    pub lead_queue_url: String,
    /// Where messages wait for a person that nobody can read.
    pub quarantine_queue_url: String,
    /// The four tables.
    pub tables: store::TableNames,
    /// The KMS key that seals connection keys.
    pub secrets_key_id: String,
    /// Name of the SSM parameter with the Meta app's secrets.
    pub app_secrets_parameter: String,
    /// The Meta app; with it Graph calls carry `appsecret_proof`.
    pub facebook_app_id: Option<MetaId>,
    /// Graph API, version included.
    pub graph_api_url: Url,
    /// RemOnline API, version included.
    pub remonline_api_url: Url,
    /// Least time between two calls to one RemOnline account.
    pub remonline_min_interval: SignedDuration,
    /// How long answers are kept after a lead is done, in days.
    pub lead_data_retention_days: u32,
    /// The console's public address, which alerts link to.
    pub console_url: Url,
    /// The SNS topic that takes alerts.
    pub alert_topic_arn: Option<String>,
    /// Name of the SSM parameter that lists the chats that take alerts; it need not exist.
    pub alert_targets_parameter: Option<String>,
    /// In which language people are told.
    pub alert_language: Language,
    /// Divides every waiting time of the product's own rules; 1 outside tests.
    pub time_scale: f64,
}

impl Config {
    /// Reads every variable once.
    ///
    /// # Errors
    /// When one is missing or malformed; the error names it.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let url = |name, default| env.parsed_or_text(name, default, "a URL with its version, like https://host/v2");
        Ok(Self {
            lead_queue_url: env.required("LEAD_QUEUE_URL")?,
            quarantine_queue_url: env.required("QUARANTINE_QUEUE_URL")?,
            tables: store::TableNames::read(|name| env.required(name))?,
            secrets_key_id: env.required("SECRETS_KEY_ID")?,
            app_secrets_parameter: env.required("FACEBOOK_APP_SECRETS_PARAMETER")?,
            facebook_app_id: env.parsed("FACEBOOK_APP_ID", "the id of a Meta app, digits only")?,
            graph_api_url: url("GRAPH_API_URL", "https://graph.facebook.com/v26.0")?,
            remonline_api_url: url("REMONLINE_API_URL", "https://api.roapp.io/v2")?,
            remonline_min_interval: SignedDuration::from_millis(i64::from(env.parsed_or(
                "REMONLINE_MIN_INTERVAL_MS",
                360_u32,
                "a whole number of milliseconds",
            )?)),
            lead_data_retention_days: env.parsed_or("LEAD_DATA_RETENTION_DAYS", 30, "a whole number of days")?,
            console_url: env
                .parsed("CONSOLE_URL", "the console's public address")?
                .ok_or_else(|| EnvError::Missing("CONSOLE_URL".to_owned()))?,
            alert_topic_arn: env.optional("ALERT_TOPIC_ARN"),
            alert_targets_parameter: env.optional("ALERT_TARGETS_PARAMETER"),
            alert_language: env.parsed_or("ALERT_LANGUAGE", Language::Ukrainian, "uk, ru or en")?,
            time_scale: env.parsed_or("TIME_SCALE", 1.0, "a number of at least 1")?,
        })
    }
}
