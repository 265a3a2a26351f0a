//! The `ingest` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    ingest::run().await
}
