//! Proof that nothing is lost and nothing is written twice.

pub mod model;
