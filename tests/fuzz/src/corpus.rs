//! The seeds of each target: small files that look like the real thing, and what once broke something.

use std::{fs, io, path::PathBuf};

use anyhow::{Context, ensure};

use crate::Target;

/// One input that is kept.
#[derive(Debug, Clone)]
pub struct Seed {
    /// Its file's name.
    pub name: String,
    /// What is in it.
    pub input: Vec<u8>,
}

/// The seeds of a target by name. libFuzzer leaves its own finds in the same folder under names without a dot; they do
/// not count, so that a run is the same on every machine.
///
/// # Errors
/// When a file cannot be read, or there is none.
pub fn seeds(target: &Target) -> anyhow::Result<Vec<Seed>> {
    let folder = folder("corpus", target);
    let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.with_context(|| format!("no corpus at {}", folder.display()))?;
    let named = entries.iter().filter(|entry| entry.path().extension().is_some());
    let read = |entry: &fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        fs::read(entry.path()).map(|input| Seed { name, input })
    };
    let mut seeds = named.map(read).collect::<io::Result<Vec<_>>>()?;
    ensure!(!seeds.is_empty(), "{} holds no seed", folder.display());
    seeds.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(seeds)
}

/// Keeps an input that broke something, where libFuzzer keeps its own, and says where.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(target: &Target, name: &str, input: &[u8]) -> io::Result<PathBuf> {
    let folder = folder("artifacts", target);
    fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    fs::write(&path, input)?;
    Ok(path)
}

fn folder(kind: &str, target: &Target) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target.name)
}
