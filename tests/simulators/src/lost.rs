use std::io;

use axum::body::{Body, Bytes};
use axum::response::Response;

/// Response extension: this answer never reaches the caller.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLost;

/// An answer that breaks off: over a socket the connection dies while it is being sent, in process
/// [`Direct`](crate::Direct) reports an unknown outcome.
pub fn lost_answer() -> Response {
    let cut = futures::stream::once(async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) });
    let mut response = Response::new(Body::from_stream(cut));
    response.extensions_mut().insert(AnswerLost);
    response
}
