//! From every state there must be a way to the end without a further mishap.
//!
//! The checker's own `eventually` looks at the ends of ways only and gives up where ways meet; this looks at the whole
//! graph of states.

use std::collections::HashMap;

use stateright::Model;

use super::{protocol::Protocol, state::State};

/// Every state that can be reached, and which of them can end well.
#[derive(Debug)]
pub struct Reachable<const LEADS: usize> {
    /// The states.
    pub states: Vec<State<LEADS>>,
    /// For each, those that lead to it without a mishap.
    led_from: Vec<Vec<u32>>,
}

impl<const LEADS: usize> Reachable<LEADS> {
    /// Goes everywhere.
    pub fn of(protocol: &Protocol<LEADS>) -> Self {
        let mut places: HashMap<State<LEADS>, u32> = HashMap::new();
        let mut reachable = Self { states: protocol.init_states(), led_from: vec![Vec::new()] };
        places.extend(reachable.states.iter().cloned().zip(0..));
        let mut next = 0;
        while let Some(state) = reachable.states.get(next).cloned() {
            let mut actions = Vec::new();
            protocol.actions(&state, &mut actions);
            for action in actions {
                let Some(after) = protocol.next_state(&state, action) else { continue };
                let place = *places.entry(after).or_insert_with_key(|after| reachable.add(after.clone()));
                if !protocol.is_mishap(&state, action) {
                    reachable.led_from[place as usize].push(index(next));
                }
            }
            next += 1;
        }
        reachable
    }

    fn add(&mut self, state: State<LEADS>) -> u32 {
        self.states.push(state);
        self.led_from.push(Vec::new());
        index(self.states.len() - 1)
    }

    /// The states from which no way without a mishap leads to where every lead is settled.
    pub fn stranded(&self) -> impl Iterator<Item = &State<LEADS>> {
        let mut ends_well: Vec<bool> = self.states.iter().map(State::is_settled).collect();
        let mut reached: Vec<usize> = (0..self.states.len()).filter(|place| ends_well[*place]).collect();
        while let Some(place) = reached.pop() {
            for from in self.led_from[place].iter().map(|from| *from as usize) {
                if !std::mem::replace(&mut ends_well[from], true) {
                    reached.push(from);
                }
            }
        }
        self.states.iter().zip(ends_well).filter_map(|(state, ends_well)| (!ends_well).then_some(state))
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
