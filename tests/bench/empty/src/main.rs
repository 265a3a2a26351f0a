//! A Lambda function behind HTTP that does nothing: the least that any function of this runtime takes.

use std::convert::Infallible;

use lambda_http::{Body, Request, Response, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let answer = |_: Request| async { Ok::<_, Infallible>(Response::new(Body::Empty)) };
    lambda_http::run(service_fn(answer)).await
}
