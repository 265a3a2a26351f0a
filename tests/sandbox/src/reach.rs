use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use transport::{Https, Transport};
use url::Url;

/// How long a server may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes sure that something answers HTTP at `url`; what it answers does not matter.
pub(crate) async fn check(flag: &str, url: &Url) -> anyhow::Result<()> {
    let request = http::Request::get(url.as_str()).body(Bytes::new())?;
    let reason = match tokio::time::timeout(PATIENCE, Https::new(1.0)?.send(request)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    bail!("{flag} {url} cannot be reached: {reason}")
}
