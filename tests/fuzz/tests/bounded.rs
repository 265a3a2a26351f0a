//! Every file of every corpus and a few thousand seeded mutations of them, on the stable compiler.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::{env, fs, path::Path};

use fuzz::{TARGETS, Target, run::Run};
use pretty_assertions::assert_eq;

/// Inputs for each target, so many that all of them together take less than a minute in a debug build.
const INPUTS: u64 = 3_000;

macro_rules! driven {
    ($($name:ident),* $(,)?) => {
        const DRIVEN: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            feed(stringify!($name));
        })*
    };
}

driven!(bundle, graph, mapping, phone, remonline, signature, webhook);

/// Other inputs are had with `FUZZ_SEED`, more with `FUZZ_INPUTS`.
#[expect(clippy::print_stdout, reason = "tells how to repeat a run, and what it cost")]
fn feed(name: &str) {
    let number = |variable, otherwise| env::var(variable).map_or(otherwise, |text| text.parse().unwrap());
    let (seed, inputs) = (number("FUZZ_SEED", 1), number("FUZZ_INPUTS", INPUTS));
    println!("{name}: FUZZ_SEED={seed} FUZZ_INPUTS={inputs} cargo test -p fuzz {name}");
    let target = Target::named(name);
    let mut run = Run::begin(target, seed).unwrap();
    while run.inputs < inputs {
        run.step().unwrap();
    }
    println!("{name}: {} inputs, at most {}", run.inputs, run.cost);
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names = entries.map(|entry| stem(&entry.unwrap().path())).collect::<Vec<_>>();
    names.sort();
    names
}

#[test]
fn no_target_is_forgotten() {
    assert_eq!(TARGETS.each_ref().map(|target| target.name).as_slice(), DRIVEN);
    assert_eq!(names("fuzz/fuzz_targets"), DRIVEN);
    assert_eq!(names("fuzz/corpus"), DRIVEN);
}
