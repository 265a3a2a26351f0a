//! What a run of the checker found.

use std::collections::BTreeMap;

use stateright::{Checker, Expectation, Model, Path};

use super::{action::Action, protocol::Protocol, state::State, wording};

/// What a run of the checker found.
#[derive(Debug)]
pub struct Findings {
    /// Different states that were looked at.
    pub states: usize,
    /// What does not hold, and the way to where it is seen.
    pub broken: BTreeMap<&'static str, Vec<String>>,
    /// What turned out to be possible, and in how many steps.
    pub possible: BTreeMap<&'static str, usize>,
    /// What did not happen, though it should be possible where a run goes to the end.
    pub impossible: Vec<&'static str>,
}

impl Findings {
    /// Of a run that has ended.
    pub fn of<const LEADS: usize>(run: &impl Checker<Protocol<LEADS>>) -> Self {
        let mut found = run.discoveries();
        let (mut broken, mut possible, mut impossible) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for property in run.model().properties() {
            match (property.expectation, found.remove(property.name)) {
                (Expectation::Sometimes, Some(path)) => {
                    possible.insert(property.name, path.into_actions().len());
                }
                (Expectation::Sometimes, None) => impossible.push(property.name),
                (_, Some(path)) => {
                    broken.insert(property.name, steps(path));
                }
                (_, None) => {}
            }
        }
        Self { states: run.unique_state_count(), broken, possible, impossible }
    }

    /// Whether everything holds that must, and everything can happen that should.
    pub fn are_good(&self) -> bool {
        self.broken.is_empty() && self.impossible.is_empty()
    }
}

fn steps<const LEADS: usize>(path: Path<State<LEADS>, Action>) -> Vec<String> {
    let steps = path.into_vec();
    steps.iter().filter_map(|(state, action)| Some(wording::step(state, (*action)?))).collect()
}
