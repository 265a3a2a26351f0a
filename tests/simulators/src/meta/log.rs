use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::call::{Call, TokenPlace};

/// A request, or a part of a batch, as it arrived. Secrets are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedRequest {
    /// Method in capitals.
    pub method: String,
    /// Path, version included.
    pub path: String,
    /// Parameters of query and body together.
    pub params: BTreeMap<String, String>,
    /// Where the token was.
    pub token: TokenPlace,
    /// It came as a part of a batch request.
    pub in_batch: bool,
    /// When it arrived, by the server's clock.
    pub arrived_at: Timestamp,
    /// Status of the answer; none when no answer reached the caller.
    pub status: Option<u16>,
}

const SECRETS: [&str; 5] = ["access_token", "client_secret", "fb_exchange_token", "input_token", "verify_token"];

impl LoggedRequest {
    pub(super) fn of(call: &Call, arrived_at: Timestamp) -> Self {
        let masked = |(key, value): (&String, &String)| {
            let secret = SECRETS.contains(&key.as_str()) || value.contains("access_token=");
            (key.clone(), if secret { "***".to_owned() } else { value.clone() })
        };
        Self {
            method: call.method.clone(),
            path: call.path.clone(),
            params: call.params.iter().map(masked).collect(),
            token: call.token_place,
            in_batch: call.in_batch,
            arrived_at,
            status: None,
        }
    }
}
