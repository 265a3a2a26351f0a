use domain::MetaId;
use jiff::SignedDuration;
use runtime::{Env, EnvError};
use url::Url;

/// What the console reads from its environment, once.
#[derive(Debug, Clone)]
pub struct Config {
    /// SQS queue that wakes the processor.
    pub lead_queue_url: String,
    /// SQS queue of webhooks that could not be read.
    pub quarantine_queue_url: String,
    /// The four tables.
    pub tables: store::TableNames,
    /// KMS key that seals keys and tokens.
    pub secrets_key_id: String,
    /// SSM parameter with the app secrets.
    pub app_secrets_parameter: String,
    /// Meta's app id, if known.
    pub facebook_app_id: Option<MetaId>,
    /// Base of the Graph API, version included.
    pub graph_api_url: Url,
    /// Base of the RemOnline API, version included.
    pub remonline_api_url: Url,
    /// Least time between two calls to one account.
    pub remonline_min_interval: SignedDuration,
    /// How long answers are kept after a lead is final, in days.
    pub lead_data_retention_days: u32,
    /// Public address of the console.
    pub console_url: Url,
    /// Whether `OIDC_ISSUER` and `OIDC_CLIENT_ID` say who may sign in.
    pub sign_in: bool,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let url = |name: &str, default: &str| parsed_url(name, env.optional(name).as_deref().unwrap_or(default));
        let interval = env.parsed_or("REMONLINE_MIN_INTERVAL_MS", 360_u32, "a whole number of milliseconds")?;
        let issuer = env.optional("OIDC_ISSUER");
        let client = env.optional("OIDC_CLIENT_ID");
        if issuer.is_some() != client.is_some() {
            let missing = if issuer.is_some() { "OIDC_CLIENT_ID" } else { "OIDC_ISSUER" };
            return Err(EnvError::Missing(missing.to_owned()));
        }
        Ok(Self {
            lead_queue_url: env.required("LEAD_QUEUE_URL")?,
            quarantine_queue_url: env.required("QUARANTINE_QUEUE_URL")?,
            tables: store::TableNames::read(|name| env.required(name))?,
            secrets_key_id: env.required("SECRETS_KEY_ID")?,
            app_secrets_parameter: env.required("FACEBOOK_APP_SECRETS_PARAMETER")?,
            facebook_app_id: env.parsed("FACEBOOK_APP_ID", "the app's id at Meta, digits only")?,
            graph_api_url: url("GRAPH_API_URL", "https://graph.facebook.com/v26.0")?,
            remonline_api_url: url("REMONLINE_API_URL", "https://api.roapp.io/v2")?,
            remonline_min_interval: SignedDuration::from_millis(interval.into()),
            lead_data_retention_days: env.parsed_or("LEAD_DATA_RETENTION_DAYS", 30, "a whole number of days")?,
            console_url: parsed_url("CONSOLE_URL", &env.required("CONSOLE_URL")?)?,
            sign_in: issuer.is_some(),
        })
    }
}

fn parsed_url(name: &str, text: &str) -> Result<Url, EnvError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| EnvError::Malformed { name: name.to_owned(), expected: "an address that begins with http" })
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    const COMPLETE: [(&str, &str); 10] = [
        ("LEAD_QUEUE_URL", "http://sqs/leads"),
        ("QUARANTINE_QUEUE_URL", "http://sqs/quarantine"),
        ("CONNECTIONS_TABLE", "connections"),
        ("BUNDLES_TABLE", "bundles"),
        ("DEDUP_TABLE", "dedup"),
        ("TRANSACTIONS_TABLE", "transactions"),
        ("SECRETS_KEY_ID", "key"),
        ("FACEBOOK_APP_SECRETS_PARAMETER", "/secrets"),
        ("CONSOLE_URL", "https://console.example.com"),
        ("OIDC_ISSUER", ""),
    ];

    fn error_when(name: &'static str, value: &'static str) -> String {
        let mut variables = COMPLETE;
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some(variable) => variable.1 = value,
            None => variables[9] = (name, value),
        }
        Config::from_env(&Env::of(variables)).unwrap_err().to_string()
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = Config::from_env(&Env::of(COMPLETE)).unwrap();
        assert_eq!(config.remonline_api_url.as_str(), "https://api.roapp.io/v2");
        assert_eq!(config.graph_api_url.as_str(), "https://graph.facebook.com/v26.0");
        assert_eq!(config.remonline_min_interval, SignedDuration::from_millis(360));
        assert!(!config.sign_in);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, _) in &COMPLETE[..9] {
            assert_eq!(error_when(name, ""), format!("environment variable {name} is missing"));
        }
        assert!(error_when("CONSOLE_URL", "console").contains("CONSOLE_URL"));
        assert!(error_when("REMONLINE_MIN_INTERVAL_MS", "fast").contains("REMONLINE_MIN_INTERVAL_MS"));
        assert!(error_when("OIDC_ISSUER", "https://id.example.com").contains("OIDC_CLIENT_ID"));
    }
}
