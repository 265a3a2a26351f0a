use connections::SystemsConfig;
use runtime::{Env, EnvError};
use url::Url;

use crate::{access::is_loopback, sign_in::Registration};

/// What the console reads from its environment, once.
#[derive(Debug, Clone)]
pub struct Config {
    /// SQS queue that wakes the processor.
    pub lead_queue_url: String,
    /// SQS queue of webhooks that could not be read.
    pub quarantine_queue_url: String,
    /// The tables and both systems.
    pub systems: SystemsConfig,
    /// How long answers are kept after a lead is final, in days.
    pub lead_data_retention_days: u32,
    /// Public address of the console.
    pub console_url: Url,
    /// Who may sign in, if `OIDC_ISSUER` and `OIDC_CLIENT_ID` say so.
    pub sign_in: Option<Registration>,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let console_url = parsed_url("CONSOLE_URL", &env.required("CONSOLE_URL")?)?;
        let sign_in = registration(env)?;
        if sign_in.is_some() && !is_private(&console_url) {
            return Err(malformed("CONSOLE_URL", "an address that begins with https, because people sign in there"));
        }
        Ok(Self {
            lead_queue_url: env.required("LEAD_QUEUE_URL")?,
            quarantine_queue_url: env.required("QUARANTINE_QUEUE_URL")?,
            systems: SystemsConfig::from_env(env)?,
            lead_data_retention_days: env.parsed_or("LEAD_DATA_RETENTION_DAYS", 30, "a whole number of days")?,
            console_url,
            sign_in,
        })
    }
}

/// The console's registration at the issuer. Both variables, or none.
fn registration(env: &Env) -> Result<Option<Registration>, EnvError> {
    let missing = |name: &str| Err(EnvError::Missing(name.to_owned()));
    let (issuer, client_id) = match (env.optional("OIDC_ISSUER"), env.optional("OIDC_CLIENT_ID")) {
        (None, None) => return Ok(None),
        (Some(_), None) => return missing("OIDC_CLIENT_ID"),
        (None, Some(_)) => return missing("OIDC_ISSUER"),
        (Some(issuer), Some(client_id)) => (issuer, client_id),
    };
    if !parsed_url("OIDC_ISSUER", &issuer).is_ok_and(|url| is_private(&url)) {
        return Err(malformed("OIDC_ISSUER", "an address that begins with https"));
    }
    Registration::new(issuer, client_id).map(Some).map_err(|_| malformed("OIDC_ISSUER", "an address"))
}

/// Whether nobody on the way can read what is said to this address: TLS, or a way that does not leave the machine.
fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || url.host().is_some_and(|host| is_loopback(&host))
}

fn parsed_url(name: &str, text: &str) -> Result<Url, EnvError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| malformed(name, "an address that begins with http"))
}

fn malformed(name: &str, expected: &'static str) -> EnvError {
    EnvError::Malformed { name: name.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    const COMPLETE: [(&str, &str); 11] = [
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
        ("OIDC_CLIENT_ID", ""),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Config, EnvError> {
        let changed = |name| changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        Config::from_env(&Env::of(COMPLETE.map(|(name, value)| (name, changed(name).unwrap_or(value)))))
    }

    fn error_when(name: &str, value: &str) -> String {
        with(&[(name, value)]).unwrap_err().to_string()
    }

    #[test]
    fn nobody_need_sign_in() {
        assert!(Config::from_env(&Env::of(COMPLETE)).unwrap().sign_in.is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, _) in &COMPLETE[..9] {
            assert_eq!(error_when(name, ""), format!("environment variable {name} is missing"));
        }
        assert!(error_when("CONSOLE_URL", "console").contains("CONSOLE_URL"));
        assert!(error_when("OIDC_ISSUER", "https://id.example.com").contains("OIDC_CLIENT_ID"));
        assert!(error_when("OIDC_CLIENT_ID", "console").contains("OIDC_ISSUER"));
    }

    #[rstest]
    #[case("https://id.example.com/pool", "https://console.example.com", Ok(()))]
    #[case("http://127.0.0.1:9000", "http://localhost:8080", Ok(()))]
    #[case("http://id.example.com", "https://console.example.com", Err("OIDC_ISSUER"))]
    #[case("id.example.com", "https://console.example.com", Err("OIDC_ISSUER"))]
    #[case("https://id.example.com", "http://console.example.com", Err("CONSOLE_URL"))]
    fn nobody_on_the_way_may_listen(#[case] issuer: &str, #[case] console: &str, #[case] expected: Result<(), &str>) {
        let config = with(&[("OIDC_ISSUER", issuer), ("OIDC_CLIENT_ID", "console"), ("CONSOLE_URL", console)]);
        match (config, expected) {
            (Ok(config), Ok(())) => assert!(config.sign_in.is_some()),
            (Err(error), Err(blamed)) => assert!(error.to_string().contains(blamed), "{error}"),
            (config, _) => panic!("{issuer}, {console}: {config:?}"),
        }
    }
}
