//! Proof that nothing is lost and nothing is written twice.
