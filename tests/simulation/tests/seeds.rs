//! Seeds in the thousands, and the same seed twice.

use pretty_assertions::assert_eq;
use simulation::{bench::Bench, cores, run};

/// How many seeds are played.
const SEEDS: u64 = 2_000;

/// Seeds above those that found something. A change of script or weather makes other runs of all seeds, so what one found
/// has a test of its own besides: a story, or a test of the part that was wrong.
const FOUND: &[u64] = &[101_005, 1_001_555];

#[test]
fn no_seed_shows_anything_that_must_not_be() {
    let seeds: Vec<u64> = FOUND.iter().copied().chain(0..SEEDS).collect();
    let failed = cores::each(&seeds, |bench, seed| {
        let breaches = run::seed(bench, *seed).verdict.breaches;
        let again = format!("cargo run --release -p simulation -- --seeds 1 --seed {seed}");
        (!breaches.is_empty()).then(|| format!("{again}\n    {}", breaches.join("\n    ")))
    });
    let failed = failed.unwrap();
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_seed_played_twice_does_the_same() {
    let traces = |bench: &Bench| (0..50).map(|seed| run::seed(bench, seed).trace).collect::<Vec<_>>();
    let bench = Bench::new().unwrap();
    let first = traces(&bench);
    assert_eq!(traces(&Bench::new().unwrap()), first);
    let different = first.iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(different.len(), first.len(), "two seeds do the same");
}
