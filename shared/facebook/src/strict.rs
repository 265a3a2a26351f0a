//! JSON as it must be before anything in it is believed: no key twice, no depth without end. What is inside stays
//! raw text, because a number that went through a float would come out as another id.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Why a signed body tells nothing. It never shows the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Some bytes are not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// It is not one JSON value.
    #[error("the body is not JSON")]
    NotJson,
    /// It is nested deeper than 64 levels.
    #[error("the body is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// An object names one key twice, so that two readers could read two things.
    #[error("an object in the body has the same key twice")]
    DuplicateKey,
}

/// Most levels of arrays and objects.
pub(crate) const MAX_DEPTH: usize = 64;

/// Reads `body` as one JSON value and checks it to its last level.
pub(crate) fn read(body: &[u8]) -> Result<&RawValue, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
    let json = serde_json::from_str(text).map_err(|_| Unreadable::NotJson)?;
    check(json, 0)?;
    Ok(json)
}

fn check(json: &RawValue, depth: usize) -> Result<(), Unreadable> {
    let inside = match json.get().as_bytes().first() {
        Some(b'{') => parse::<Entries<'_>>(json)?.distinct()?,
        Some(b'[') => parse::<Vec<&RawValue>>(json)?,
        _ => return Ok(()),
    };
    if depth == MAX_DEPTH {
        return Err(Unreadable::TooDeep);
    }
    inside.into_iter().try_for_each(|inner| check(inner, depth + 1))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, Unreadable> {
    serde_json::from_str(json.get()).map_err(|_| Unreadable::NotJson)
}

/// An object with every key it names, repeated ones included.
struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Entries<'a> {
    fn distinct(self) -> Result<Vec<&'a RawValue>, Unreadable> {
        let keys = self.0.iter().map(|(key, _)| key.as_ref()).collect::<HashSet<_>>();
        if keys.len() < self.0.len() {
            return Err(Unreadable::DuplicateKey);
        }
        Ok(self.0.into_iter().map(|(_, value)| value).collect())
    }
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(b"".as_slice(), Unreadable::NotJson)]
    #[case(b"lead", Unreadable::NotJson)]
    #[case(b"{\"a\":1", Unreadable::NotJson)]
    #[case(b"{} {}", Unreadable::NotJson)]
    #[case(b"{\"a\":\"\xff\"}", Unreadable::NotUtf8)]
    #[case(b"{\"a\":1,\"a\":1}", Unreadable::DuplicateKey)]
    #[case(b"{\"a\":1,\"\\u0061\":1}", Unreadable::DuplicateKey)]
    #[case(b"{\"x\":[{\"y\":{\"a\":1,\"b\":2,\"a\":3}}]}", Unreadable::DuplicateKey)]
    fn unsound_json_is_unreadable(#[case] body: &[u8], #[case] expected: Unreadable) {
        assert_eq!(read(body).unwrap_err(), expected);
    }

    #[rstest]
    #[case(64, true)]
    #[case(65, false)]
    #[case(1_000_000, false)]
    fn depth_is_limited(#[case] levels: usize, #[case] readable: bool) {
        let body = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(read(body.as_bytes()).is_ok(), readable);
    }

    #[rstest]
    #[case("[1e999, 123456789012345678901234567890, -0.0]")]
    #[case(r#"{"a": "\ud800", "b": null}"#)]
    fn values_are_not_judged(#[case] body: &str) {
        assert_eq!(read(body.as_bytes()).unwrap().get(), body);
    }
}
