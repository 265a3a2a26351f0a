use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

/// A file that always holds one whole state: the old or the new one, whenever the process is killed.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    requested: AtomicU64,
    written: Mutex<u64>,
}

impl StateFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, requested: AtomicU64::new(0), written: Mutex::new(0) }
    }

    /// The state of the last run, if there was one.
    pub(super) fn load<T: DeserializeOwned>(&self) -> anyhow::Result<Option<T>> {
        let named = || self.path.display().to_string();
        match fs::read(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(named),
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(named).map(Some),
        }
    }

    /// Returns when everything that happened before this call is on the disk. Calls that wait for the same write
    /// share the next one, so `state` (a look at everything) is not always polled.
    pub(super) async fn save<T: Serialize + Send + 'static>(
        &self,
        state: impl Future<Output = T>,
    ) -> anyhow::Result<()> {
        let wanted = self.requested.fetch_add(1, Ordering::SeqCst) + 1;
        let mut written = self.written.lock().await;
        if *written >= wanted {
            return Ok(());
        }
        let covered = self.requested.load(Ordering::SeqCst);
        let state = state.await;
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || replace(&path, &state)).await??;
        *written = covered;
        Ok(())
    }
}

fn replace(path: &Path, state: &impl Serialize) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    // The file holds key material, so it is nobody else's to read.
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    file.write_all(&serde_json::to_vec(state)?)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    let directory = path.parent().context("a state file lies in a directory")?;
    File::open(directory)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test]
    async fn what_was_saved_is_loaded_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        assert_eq!(StateFile::new(path.clone()).load::<u32>().unwrap(), None);
        StateFile::new(path.clone()).save(async { 7_u32 }).await.unwrap();
        assert_eq!(StateFile::new(path).load::<u32>().unwrap(), Some(7));
    }

    #[tokio::test]
    async fn a_half_written_state_is_never_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        StateFile::new(path.clone()).save(async { 7_u32 }).await.unwrap();
        fs::write(path.with_extension("new"), "{").unwrap();
        assert_eq!(StateFile::new(path).load::<u32>().unwrap(), Some(7));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_saves_share_writes_and_none_returns_before_its_state_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = Arc::new(StateFile::new(directory.path().join("state.json")));
        let state = Arc::new(AtomicUsize::new(0));
        let snapshots = Arc::new(AtomicUsize::new(0));
        let saves = (0..64).map(|_| {
            let (file, state, snapshots) = (Arc::clone(&file), Arc::clone(&state), Arc::clone(&snapshots));
            tokio::spawn(async move {
                let mine = state.fetch_add(1, Ordering::SeqCst) + 1;
                let snapshot = async {
                    snapshots.fetch_add(1, Ordering::SeqCst);
                    state.load(Ordering::SeqCst)
                };
                file.save(snapshot).await.unwrap();
                assert!(file.load::<usize>().unwrap().unwrap() >= mine);
            })
        });
        futures::future::try_join_all(saves).await.unwrap();
        assert!(snapshots.load(Ordering::SeqCst) < 64);
    }
}
