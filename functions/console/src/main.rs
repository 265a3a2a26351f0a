//! The `console` function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    console::run().await
}
