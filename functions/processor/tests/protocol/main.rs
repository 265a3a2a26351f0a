//! The story of one lead, told between simulators: what ends up in RemOnline and what the history says.

mod lost_answers;
mod stories;
mod world;
