use runtime::{Env, EnvError};

/// What the scheduler reads from its environment.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where nudges go.
    pub lead_queue_url: String,
    /// The four tables.
    pub tables: store::TableNames,
}

impl Config {
    /// Reads every variable once.
    ///
    /// # Errors
    /// When one is missing; the error names it.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            lead_queue_url: env.required("LEAD_QUEUE_URL")?,
            tables: store::TableNames::read(|name| env.required(name))?,
        })
    }
}
