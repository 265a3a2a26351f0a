use domain::Clock;
use jiff::{SignedDuration, Timestamp};
use runtime::ParameterError;
use secrecy::SecretString;
use tokio::sync::Mutex;

/// Least time between two readings, so that a stranger's forged requests do not become requests to SSM.
const LEAST_AGE: SignedDuration = SignedDuration::from_mins(1);

/// A secret in SSM, remembered between invocations.
#[derive(Debug)]
pub(crate) struct Parameter {
    ssm: aws_sdk_ssm::Client,
    name: String,
    clock: Clock,
    read: Mutex<Option<(Timestamp, SecretString)>>,
}

impl Parameter {
    pub(crate) fn new(ssm: aws_sdk_ssm::Client, name: String, clock: Clock) -> Self {
        Self { ssm, name, clock, read: Mutex::default() }
    }

    /// The secret as last read.
    pub(crate) async fn value(&self) -> Result<SecretString, ParameterError> {
        let mut read = self.read.lock().await;
        match &*read {
            Some((_, value)) => Ok(value.clone()),
            None => self.read_into(&mut read).await,
        }
    }

    /// The secret as it is now, for when the remembered one may have been replaced; `None` if it is too young for
    /// that.
    pub(crate) async fn renewed(&self) -> Result<Option<SecretString>, ParameterError> {
        let mut read = self.read.lock().await;
        match &*read {
            Some((at, _)) if self.clock.now().duration_since(*at) < LEAST_AGE => Ok(None),
            _ => self.read_into(&mut read).await.map(Some),
        }
    }

    async fn read_into(&self, read: &mut Option<(Timestamp, SecretString)>) -> Result<SecretString, ParameterError> {
        let value = runtime::parameter(&self.ssm, &self.name).await?;
        *read = Some((self.clock.now(), value.clone()));
        Ok(value)
    }
}
