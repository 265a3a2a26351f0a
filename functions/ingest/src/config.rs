use runtime::{Env, EnvError};

/// What the function reads from its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where announced leads go.
    pub lead_queue_url: String,
    /// Where signed things go that cannot be read.
    pub quarantine_queue_url: String,
    /// Name of the SSM parameter that holds the app secrets.
    pub app_secrets_parameter: String,
    /// Name of the SSM parameter that holds the verify token.
    pub verify_token_parameter: String,
}

impl Config {
    /// Reads every variable once.
    ///
    /// # Errors
    /// When one is missing; the error names it.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            lead_queue_url: env.required("LEAD_QUEUE_URL")?,
            quarantine_queue_url: env.required("QUARANTINE_QUEUE_URL")?,
            app_secrets_parameter: env.required("FACEBOOK_APP_SECRETS_PARAMETER")?,
            verify_token_parameter: env.required("FACEBOOK_VERIFY_TOKEN_PARAMETER")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let mut env = vec![
            ("LEAD_QUEUE_URL", "http://queue/leads"),
            ("QUARANTINE_QUEUE_URL", "http://queue/quarantine"),
            ("FACEBOOK_APP_SECRETS_PARAMETER", "/leads/app-secrets"),
            ("FACEBOOK_VERIFY_TOKEN_PARAMETER", "/leads/verify-token"),
        ];
        let whole = <[_; 4]>::try_from(env.clone()).unwrap();
        assert_eq!(Config::from_env(&Env::of(whole)).unwrap().verify_token_parameter, "/leads/verify-token");
        for _ in 0..env.len() {
            let (missing, _) = env[0];
            let rest = <[_; 3]>::try_from(env[1..].to_vec()).unwrap();
            assert_eq!(Config::from_env(&Env::of(rest)), Err(EnvError::Missing(missing.to_owned())));
            env.rotate_left(1);
        }
    }
}
