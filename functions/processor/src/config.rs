use connections::SystemsConfig;
use runtime::{Env, EnvError};

/// What the processor reads from its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where leads and nudges come from and nudges go to.
    pub lead_queue_url: String,
    /// Where messages go that cannot be read.
    pub quarantine_queue_url: String,
    /// The tables and both systems.
    pub systems: SystemsConfig,
    /// How long answers are kept after a lead is done, in days.
    pub lead_data_retention_days: u32,
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
            quarantine_queue_url: env.required("QUARANTINE_QUEUE_URL")?,
            systems: SystemsConfig::from_env(env)?,
            lead_data_retention_days: env.parsed_or("LEAD_DATA_RETENTION_DAYS", 30, "a whole number of days")?,
            time_scale: env.parsed_or("TIME_SCALE", 1.0, "a number of at least 1")?,
        })
    }
}
