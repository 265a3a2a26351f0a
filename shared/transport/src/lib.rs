//! One HTTP exchange with the outside.
//!
//! [`Transport`] is one of the product's two seams: [`Https`] goes over the network, the simulators answer in
//! process (so that a seeded run can lose an answer after the request took effect). A transport never repeats a
//! request, never follows a redirect and never returns more than [`MAX_BODY`] bytes; what a failure means for the
//! caller is said by [`TransportError`].

mod https;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
pub use https::Https;

/// Largest answer accepted, in bytes. Larger ones are an error, so that a hostile answer cannot fill the memory.
pub const MAX_BODY: usize = 1024 * 1024;

/// Longest time one exchange may take, from connecting to the last byte of the answer.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// Carries one request to the other side and brings the answer back.
#[async_trait]
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// Sends `request` once. The answer's status is not judged here.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}

/// Why there is no answer, named by what the caller may conclude.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent: the other side cannot have acted on the request.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may or may not have taken effect: the answer was lost, late, cut off or too large.
    #[error("no usable answer: {0}")]
    OutcomeUnknown(String),
}
