//! What becomes of a seed: small, repeatable damage of the kinds that readers trip over.

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};

use crate::corpus::Seed;

/// No input grows larger than this. A debug build is some ten times slower, and the bound on time is for the product.
const LONGEST: usize = if cfg!(debug_assertions) { 16 * 1024 } else { 64 * 1024 };

/// Values at the edges of what readers expect.
const EDGES: [&[u8]; 24] = [
    b"",
    b"0",
    b"-1",
    b"1e999",
    b"0.1",
    b"9007199254740993",
    b"18446744073709551616",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\"",
    b"\"",
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"\0",
    b"\n",
    b"\n\n",
    b"\xff",
    b"\xef\xbb\xbf",
    "\u{202e}".as_bytes(),
    "ї".as_bytes(),
    b"{{",
];

/// Pieces of these kinds are what seeds exchange: words, numbers, what stands between them.
pub(crate) fn words(seeds: &[Seed]) -> Vec<Vec<u8>> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let alike = |one: &u8, other: &u8| is_word(one) == is_word(other);
    let mut words = seeds.iter().flat_map(|seed| seed.input.chunk_by(alike)).map(<[u8]>::to_vec).collect::<Vec<_>>();
    words.sort_unstable();
    words.dedup();
    words
}

/// A seed with one to eight changes.
pub(crate) fn mutated(seeds: &[Seed], words: &[Vec<u8>], chance: &mut StdRng) -> Vec<u8> {
    let mut input = seeds.choose(chance).map(|seed| seed.input.clone()).unwrap_or_default();
    for _ in 0..chance.random_range(1..=8) {
        change(&mut input, seeds, words, chance);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Seed], words: &[Vec<u8>], chance: &mut StdRng) {
    let (start, end) = span(input.len(), chance);
    match chance.random_range(0..8) {
        0 => flip_a_bit(input, chance),
        1 => drop(input.splice(start..start, [chance.random()])),
        2 => drop(input.drain(start..end)),
        3 => repeat(input, start, end, chance),
        4 => drop(input.splice(start..end, EDGES.choose(chance).into_iter().flat_map(|edge| edge.iter().copied()))),
        5 => drop(input.splice(start..end, words.choose(chance).into_iter().flatten().copied())),
        6 => drop(input.splice(start..start, words.choose(chance).into_iter().flatten().copied())),
        _ => cross(input, start, end, seeds, chance),
    }
}

/// Two places, mostly close to each other.
fn span(length: usize, chance: &mut StdRng) -> (usize, usize) {
    let start = chance.random_range(0..=length);
    let longest = if chance.random_bool(0.8) { 12 } else { length };
    (start, chance.random_range(start..=length.min(start + longest)))
}

fn flip_a_bit(input: &mut [u8], chance: &mut StdRng) {
    if !input.is_empty() {
        let at = chance.random_range(0..input.len());
        input[at] ^= 1 << chance.random_range(0..8);
    }
}

fn repeat(input: &mut Vec<u8>, start: usize, end: usize, chance: &mut StdRng) {
    let times = if chance.random_bool(0.9) { chance.random_range(1..4) } else { chance.random_range(4..2_000) };
    let piece = input[start..end].repeat(times);
    input.splice(start..start, piece);
}

fn cross(input: &mut Vec<u8>, start: usize, end: usize, seeds: &[Seed], chance: &mut StdRng) {
    let Some(other) = seeds.choose(chance) else { return };
    let (from, to) = span(other.input.len(), chance);
    input.splice(start..end, other.input[from..to].iter().copied());
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rand::SeedableRng;

    use super::*;

    fn inputs(seed: u64) -> Vec<Vec<u8>> {
        let seeds = ["{\"id\": 17}", "[\"Олена\", null]", ""];
        let seeds = seeds.map(|text| Seed { name: text.to_owned(), input: text.into() });
        let (words, mut chance) = (words(&seeds), StdRng::seed_from_u64(seed));
        (0..500).map(|_| mutated(&seeds, &words, &mut chance)).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
    }

    #[test]
    fn inputs_differ_and_stay_small() {
        let mut inputs = inputs(7);
        assert!(inputs.iter().all(|input| input.len() <= LONGEST));
        inputs.sort_unstable();
        inputs.dedup();
        assert!(inputs.len() > 400, "{} different inputs", inputs.len());
    }
}
