//! How long people wait on a good day and after long trouble, in the run's own time.

use simulation::{cores, drills::Drill};

#[test]
fn long_trouble_is_got_over_in_time() {
    let failed = cores::each(&Drill::all(), |bench, drill| {
        let (mut failures, figures) = drill.play(bench);
        figures.iter().for_each(|figure| println!("{}: {figure}", drill.name));
        failures.extend(figures.iter().filter(|figure| !figure.is_met()).map(ToString::to_string));
        (!failures.is_empty()).then(|| format!("{}:\n    {}", drill.name, failures.join("\n    ")))
    });
    let failed = failed.unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
