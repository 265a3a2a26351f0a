use std::{collections::HashMap, str::FromStr};

/// The environment variables of the process, read once into a function's `Config`.
#[derive(Debug, Clone)]
pub struct Env(HashMap<String, String>);

/// A variable that a function cannot start without. It never shows the value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvError {
    /// The variable is not set, or empty.
    #[error("environment variable {0} is missing")]
    Missing(String),
    /// The variable is set to something else than it means.
    #[error("environment variable {name} is malformed: it must be {expected}")]
    Malformed {
        /// The variable.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
}

impl Env {
    /// The variables of this process. Values that are not UTF-8 count as missing.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }

    /// Variables given by hand.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A variable that must be there.
    ///
    /// # Errors
    /// When it is not set, or empty.
    pub fn required(&self, name: &str) -> Result<String, EnvError> {
        self.optional(name).ok_or_else(|| EnvError::Missing(name.to_owned()))
    }

    /// A variable that may be there. Empty counts as not there.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.trim().is_empty()).cloned()
    }

    /// A variable of type `T`, if it is there.
    ///
    /// # Errors
    /// When it is there and not `expected`.
    pub fn parsed<T: FromStr>(&self, name: &str, expected: &'static str) -> Result<Option<T>, EnvError> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        parse(name, &value, expected).map(Some)
    }

    /// A variable of type `T`, or the `default`.
    ///
    /// # Errors
    /// When it is there and not `expected`.
    pub fn parsed_or<T: FromStr>(&self, name: &str, default: T, expected: &'static str) -> Result<T, EnvError> {
        Ok(self.parsed(name, expected)?.unwrap_or(default))
    }

    /// A variable of type `T`, or what `default` spells.
    ///
    /// # Errors
    /// When it is there and not `expected`.
    pub fn parsed_or_text<T: FromStr>(&self, name: &str, default: &str, expected: &'static str) -> Result<T, EnvError> {
        parse(name, self.optional(name).as_deref().unwrap_or(default), expected)
    }
}

fn parse<T: FromStr>(name: &str, value: &str, expected: &'static str) -> Result<T, EnvError> {
    value.trim().parse().map_err(|_| EnvError::Malformed { name: name.to_owned(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_variable_and_not_the_value() {
        let env = Env::of([("PACE", "fast"), ("EMPTY", " ")]);
        let malformed = env.parsed_or("PACE", 360, "a number of milliseconds").unwrap_err().to_string();
        assert_eq!(malformed, "environment variable PACE is malformed: it must be a number of milliseconds");
        assert_eq!(env.required("EMPTY"), Err(EnvError::Missing("EMPTY".to_owned())));
        assert_eq!(env.parsed_or("ABSENT", 360, "a number"), Ok(360));
    }
}
