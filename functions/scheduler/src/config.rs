use connections::SystemsConfig;
use runtime::{Env, EnvError};
use url::Url;

use crate::Language;

/// What the scheduler reads from its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where nudges go.
    pub lead_queue_url: String,
    /// The tables and both systems.
    pub systems: SystemsConfig,
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
        Ok(Self {
            lead_queue_url: env.required("LEAD_QUEUE_URL")?,
            systems: SystemsConfig::from_env(env)?,
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
