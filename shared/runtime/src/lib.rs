//! What every function needs from its surroundings: environment variables, log lines, metrics and AWS clients.
//!
//! It knows nothing of leads, so that `ingest`, which links as little as it can, may use it too.

mod aws;
mod env;
mod failed;
pub mod logging;
mod metrics;

pub use aws::{ParameterError, load_aws_config, parameter};
pub use aws_config::SdkConfig;
pub use env::{Env, EnvError};
pub use failed::Failed;
pub use metrics::{Metric, Unit, emit};
