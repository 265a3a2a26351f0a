//! The functions of the sandboxes in which calls and waiting times are counted.

use anyhow::Context;
use sandbox::function;

fn main() -> anyhow::Result<()> {
    let name = std::env::args().nth(1).context("the name of a function is needed")?;
    function::end_with_stdin();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(function::run(&name))
}
