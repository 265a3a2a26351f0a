//! Every canonical story with everything that can befall each of its effects.

use pretty_assertions::assert_eq;
use simulation::crash_points::{self, Told};

#[test]
fn no_crash_point_loses_or_doubles_anything() {
    let Told { boundaries, points, hit, failures } = crash_points::single().unwrap();
    println!("{boundaries} boundaries, {points} points");
    assert_eq!(hit, points, "points at which nothing befell what was meant");
    assert!(failures.is_empty(), "{} of {points} failed:\n{}", failures.len(), failures.join("\n"));
}
