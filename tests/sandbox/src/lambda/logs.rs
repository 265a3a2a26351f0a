use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Where the lines go that functions write to stdout and stderr.
#[derive(Debug, Clone)]
pub(crate) enum Logs {
    /// To the sandbox's stderr, as they are.
    Stderr,
    /// Into memory, for a test to look at.
    Captured(Arc<Mutex<Vec<String>>>),
}

impl Logs {
    /// The captured lines; none when they go to stderr.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Stderr => Vec::new(),
            Self::Captured(lines) => lines.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Takes lines until `output` ends.
    pub(super) async fn take(self, output: impl AsyncRead + Unpin) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while let Ok(1..) = output.read_until(b'\n', &mut line).await {
            self.write(&line);
            line.clear();
        }
    }

    fn write(&self, line: &[u8]) {
        match self {
            Self::Stderr => {
                // Nobody is left to be told when stderr itself is gone.
                let _closed = std::io::stderr().lock().write_all(line);
            }
            Self::Captured(lines) => {
                let line = String::from_utf8_lossy(line).trim_end().to_owned();
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        }
    }
}
