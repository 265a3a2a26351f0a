use std::fmt;

/// Why an invocation failed, with its causes, in one line. Lambda's runtime logs an error as it is shown for debugging, which
/// for others may be many lines and a backtrace: more than a log line may have.
#[derive(thiserror::Error)]
#[error("{0}")]
pub struct Failed(String);

impl Failed {
    /// With the causes that the error shows when it is asked for them all (`{:#}`).
    pub fn of(error: &impl fmt::Display) -> Self {
        Self(format!("{error:#}"))
    }
}

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Failed;

    struct Error;

    impl std::fmt::Display for Error {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(if f.alternate() { "no nudge was sent: the queue is full" } else { "no nudge was sent" })
        }
    }

    #[test]
    fn it_is_one_line_with_its_causes() {
        let failed = Failed::of(&Error);
        assert_eq!(format!("{failed:?}"), "no nudge was sent: the queue is full");
        assert_eq!(failed.to_string(), format!("{failed:?}"));
    }
}
