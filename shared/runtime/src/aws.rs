use aws_config::{BehaviorVersion, SdkConfig};
use secrecy::SecretString;

/// Why a parameter could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// It exists nowhere, or this function may not read it.
    #[error("SSM parameter {name} could not be read: {source}")]
    Unreadable {
        /// Its name.
        name: String,
        /// What AWS said.
        source: Box<aws_sdk_ssm::Error>,
    },
    /// It is there and holds nothing.
    #[error("SSM parameter {0} is empty")]
    Empty(String),
}

impl ParameterError {
    /// Whether there is no such parameter.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if matches!(**source, aws_sdk_ssm::Error::ParameterNotFound(_)))
    }
}

/// The AWS configuration of the surroundings. One HTTP client serves every SDK client made from it.
pub async fn load_aws_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).load().await
}

/// Reads a `SecureString`.
///
/// # Errors
/// When it cannot be read or is empty.
pub async fn parameter(ssm: &aws_sdk_ssm::Client, name: &str) -> Result<SecretString, ParameterError> {
    let answer = ssm.get_parameter().name(name).with_decryption(true).send().await;
    let answer =
        answer.map_err(|error| ParameterError::Unreadable { name: name.to_owned(), source: Box::new(error.into()) })?;
    let value = answer.parameter.and_then(|parameter| parameter.value).filter(|value| !value.trim().is_empty());
    value.map(SecretString::from).ok_or_else(|| ParameterError::Empty(name.to_owned()))
}
