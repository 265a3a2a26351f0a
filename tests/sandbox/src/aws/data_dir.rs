use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The directory of `--data-dir`, locked against a second sandbox while this lives.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates and locks it.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("data directory {}", path.display());
        fs::create_dir_all(path).with_context(named)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.with_context(named)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!("{} is in use by another sandbox", named()),
            Err(TryLockError::Error(error)) => Err(error).with_context(named),
        }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_sandbox_is_refused_until_the_first_is_gone() {
        let path = tempfile::tempdir().unwrap();
        let first = DataDir::open(path.path()).unwrap();
        let refusal = DataDir::open(path.path()).unwrap_err().to_string();
        assert!(refusal.ends_with("is in use by another sandbox"), "{refusal}");
        drop(first);
        DataDir::open(path.path()).unwrap();
    }
}
