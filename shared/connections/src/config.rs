use domain::MetaId;
use jiff::SignedDuration;
use runtime::{Env, EnvError};
use store::TableNames;
use url::Url;

/// What the environment says of the tables and of both systems, to every function that reaches them.
#[derive(Debug, Clone)]
pub struct SystemsConfig {
    /// The four tables.
    pub tables: TableNames,
    /// The KMS key that seals keys and tokens.
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
}

impl SystemsConfig {
    /// Reads every variable once.
    ///
    /// # Errors
    /// When one is missing or malformed; the error names it.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let interval = env.parsed_or("REMONLINE_MIN_INTERVAL_MS", 360_u32, "a whole number of milliseconds")?;
        Ok(Self {
            tables: TableNames::read(|name| env.required(name))?,
            secrets_key_id: env.required("SECRETS_KEY_ID")?,
            app_secrets_parameter: env.required("FACEBOOK_APP_SECRETS_PARAMETER")?,
            facebook_app_id: env.parsed("FACEBOOK_APP_ID", "the id of a Meta app, digits only")?,
            graph_api_url: address(env, "GRAPH_API_URL", "https://graph.facebook.com/v26.0")?,
            remonline_api_url: address(env, "REMONLINE_API_URL", "https://api.roapp.io/v2")?,
            remonline_min_interval: SignedDuration::from_millis(interval.into()),
        })
    }
}

fn address(env: &Env, name: &str, default: &str) -> Result<Url, EnvError> {
    let expected = "a URL with its version, like https://host/v2";
    let url = env.parsed_or_text::<Url>(name, default, expected)?;
    let is_address = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_address { Ok(url) } else { Err(EnvError::Malformed { name: name.to_owned(), expected }) }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    const REQUIRED: [&str; 6] = [
        "CONNECTIONS_TABLE",
        "BUNDLES_TABLE",
        "DEDUP_TABLE",
        "TRANSACTIONS_TABLE",
        "SECRETS_KEY_ID",
        "FACEBOOK_APP_SECRETS_PARAMETER",
    ];

    /// With one more variable, which may be one of the required.
    fn with(name: &str, value: &str) -> Result<SystemsConfig, EnvError> {
        let required = REQUIRED.map(|required| (required, if required == name { value } else { "given" }));
        let [a, b, c, d, e, f] = required;
        SystemsConfig::from_env(&Env::of([(name, value), a, b, c, d, e, f]))
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = with("FACEBOOK_APP_ID", "").unwrap();
        assert_eq!(config.remonline_api_url.as_str(), "https://api.roapp.io/v2");
        assert_eq!(config.graph_api_url.as_str(), "https://graph.facebook.com/v26.0");
        assert_eq!(config.remonline_min_interval, SignedDuration::from_millis(360));
        assert_eq!(config.facebook_app_id, None);
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        for name in REQUIRED {
            assert_eq!(with(name, "").unwrap_err(), EnvError::Missing(name.to_owned()));
        }
        for (name, value) in [
            ("REMONLINE_MIN_INTERVAL_MS", "fast"),
            ("REMONLINE_API_URL", "api.roapp.io"),
            ("GRAPH_API_URL", "mailto:graph@example.com"),
            ("FACEBOOK_APP_ID", "app"),
        ] {
            let error = with(name, value).unwrap_err();
            assert!(matches!(&error, EnvError::Malformed { name: named, .. } if named == name), "{error}");
        }
    }
}
