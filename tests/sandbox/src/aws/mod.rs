//! The embedded AWS: DynamoDB on one loopback port, SQS, KMS, SSM and SNS on another.

mod access;
mod data_dir;
mod dynamodb;
mod persistence;
mod queue_faults;
mod queues;
mod resources;
mod services;
mod sqs_limits;
mod topics;
mod units;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::access::Access;
use self::data_dir::DataDir;
pub use self::queue_faults::QueueFault;
pub use self::queues::QueueCount;
pub(crate) use self::resources::Parameters;
pub(crate) use self::services::Services;
pub use self::topics::Published;
use self::units::Meter;
pub use self::units::Units;
use crate::template::{References, Template};

/// The account that owns everything; the one the embedded services assume.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The only region of the embedded services.
pub(crate) const REGION: &str = "us-east-1";
/// Larger than any call: a batch of 1 MiB with every character escaped.
const MAX_CALL: usize = 16 * 1024 * 1024;
/// Name of the stack.
pub(crate) const STACK: &str = "remonline-leads";

/// The running services and what the template made in them.
#[derive(Debug)]
pub(crate) struct Aws {
    /// What each resource is called.
    pub(crate) references: References,
    services: Arc<Services>,
    dynamodb: SocketAddr,
    others: SocketAddr,
    meter: Meter,
    /// Held as long as the services run, so that no second sandbox writes to the same files.
    _data_dir: Option<DataDir>,
}

impl Aws {
    /// Starts the services, on the files of `data_dir` or in memory, and makes what is missing of the template.
    pub(crate) async fn start(
        template: &Template,
        parameters: &Parameters,
        data_dir: Option<&Path>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let data_dir = data_dir.map(DataDir::open).transpose()?;
        let database = dynamodb::open(data_dir.as_ref())?;
        let services = Arc::new(Services::open(data_dir.as_ref()).await?);
        let references = resources::create(template, parameters, &services, &database).await?;
        let access = Arc::new(Access::of(&template.permissions(&references)?));
        let meter = Meter::default();
        let dynamodb = dynamodb::serve([listen().await?, listen().await?], database, &access, &meter, stop)?;
        let others = services::serve(listen().await?, Arc::clone(&services), access, stop)?;
        Ok(Self { references, services, dynamodb, others, meter, _data_dir: data_dir })
    }

    /// The queues, for the event source mapping.
    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// What the functions consumed of DynamoDB so far, by their names.
    pub(crate) fn consumed(&self) -> BTreeMap<String, Units> {
        self.meter.consumed()
    }

    /// The SDK's own environment variables that lead a function here, with the right to do what its policies allow.
    pub(crate) fn environment(&self, function: &str) -> [(String, String); 7] {
        [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.others)),
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", self.dynamodb)),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", function.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "sandbox".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }
}

async fn listen() -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", 0)).await.context("no free loopback port")
}
