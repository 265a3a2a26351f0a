//! Hostile input for everything that reads what others wrote.
//!
//! A [`Target`] is a function that takes any bytes and asserts what must hold whatever they are. The same functions are
//! driven in three ways: by libFuzzer (`fuzz/`), by the tests of this crate (every file of
//! the corpus and seeded mutations of them, on the stable compiler, with [`bounds`] on time and memory), and by
//! `cargo run --release -p fuzz` for as long as one likes. Where new things go: another input is a file in `targets`, a
//! line in [`TARGETS`], a folder of seeds and four lines in `fuzz/fuzz_targets`.

pub mod bounds;
pub mod corpus;
mod mutation;
pub mod run;
mod script;
mod targets;

pub use targets::{TARGETS, Target};
