//! The `scheduler` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    scheduler::run().await
}
