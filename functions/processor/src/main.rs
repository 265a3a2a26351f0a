//! The `processor` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    processor::run().await
}
