//! The program that the sandboxes of these tests start as a function.

use anyhow::Context;
use sandbox::function;

fn main() -> anyhow::Result<()> {
    function::main(&std::env::args().nth(1).context("the name of a function is needed")?)
}
