//! Driving a target from its corpus.

use anyhow::bail;
use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};

use crate::{
    Target,
    bounds::{self, Cost},
    corpus::{self, Seed},
    mutation,
};

/// A target being fed, one mutation after the other, each of them told by `seed` and its number.
#[derive(Debug)]
pub struct Run {
    target: &'static Target,
    seed: u64,
    seeds: Vec<Seed>,
    words: Vec<Vec<u8>>,
    /// Inputs so far.
    pub inputs: u64,
    /// The highest cost so far.
    pub cost: Cost,
}

impl Run {
    /// Reads the corpus and checks every file of it as it is.
    ///
    /// # Errors
    /// When there is no corpus, or one of its files breaks something or costs too much.
    pub fn begin(target: &'static Target, seed: u64) -> anyhow::Result<Self> {
        let seeds = corpus::seeds(target)?;
        let words = mutation::words(&seeds);
        let mut run = Self { target, seed, seeds, words, inputs: 0, cost: Cost::default() };
        for kept in &run.seeds {
            match bounds::check(target, &kept.input, run.cost.time) {
                Ok(cost) => run.cost = run.cost.or_higher(cost),
                Err(breach) => bail!("{}/{}: {breach}", target.name, kept.name),
            }
        }
        run.inputs = run.seeds.len() as u64;
        Ok(run)
    }

    /// Checks one more input.
    ///
    /// # Errors
    /// When it breaks something or costs too much. The input is kept, and the text says how to meet it again.
    pub fn step(&mut self) -> anyhow::Result<()> {
        let mut chance = StdRng::seed_from_u64(self.seed.wrapping_add(self.inputs));
        let input = mutation::mutated(&self.seeds, &self.words, &mut chance);
        match bounds::check(self.target, &input, self.cost.time) {
            Ok(cost) => self.cost = self.cost.or_higher(cost),
            Err(breach) => {
                let name = format!("crash-{}", &hex::encode(Sha256::digest(&input))[..40]);
                let kept = corpus::keep(self.target, &name, &input)?;
                let (target, seed, number) = (self.target.name, self.seed, self.inputs);
                bail!("{target}, seed {seed}, input {number}: {breach}; the input is kept at {}", kept.display());
            }
        }
        self.inputs += 1;
        Ok(())
    }
}
