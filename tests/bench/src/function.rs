//! The functions of the sandboxes in which calls and waiting times are counted.

use anyhow::Context;
use sandbox::function;

fn main() -> anyhow::Result<()> {
    function::main(&std::env::args().nth(1).context("the name of a function is needed")?)
}
