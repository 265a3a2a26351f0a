//! One program for all four functions, as the sandbox starts them.

use anyhow::bail;

/// The functions, named as in the template.
pub const NAMES: [&str; 4] = ["ingest", "processor", "scheduler", "console"];

/// Becomes the function until the Runtime API is gone or stdin ends.
///
/// # Errors
/// When there is no such function, or it cannot start or go on.
pub fn main(name: &str) -> anyhow::Result<()> {
    end_with_stdin();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(name))
}

async fn run(name: &str) -> anyhow::Result<()> {
    match name {
        "ingest" => ingest::run().await,
        "processor" => processor::run().await,
        "scheduler" => scheduler::run().await,
        "console" => console::run().await,
        _ => bail!("there is no function {name}"),
    }
}

/// Ends this process when stdin does: the sandbox holds the other end for as long as it lives, so that even after a
/// SIGKILL it leaves no function behind.
pub fn end_with_stdin() {
    std::thread::spawn(|| {
        // Nothing is ever written to it.
        let _ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(1);
    });
}
