use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An id given by Meta (lead, form, page, ad): 1 to 20 decimal digits, kept as text because ids exceed 2^53.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9]{1,20}$"))]
pub struct MetaId(String);

/// The name of a connection or a bundle in addresses: `[a-z0-9-]{1,40}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z0-9-]{1,40}$"))]
pub struct Slug(String);

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 1 to 20 decimal digits.
    #[error("an id of Meta has 1 to 20 digits")]
    NotMetaId,
    /// Not `[a-z0-9-]{1,40}`.
    #[error("an id has 1 to 40 characters out of a-z, 0-9 and -")]
    NotSlug,
}

impl MetaId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Slug {
    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes an id from a title: Latin letters and digits are kept, everything else becomes a dash. A title
    /// without any gives `fallback`.
    pub fn from_title(title: &str, fallback: &str) -> Self {
        let spelled = title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        let words = spelled.collect::<String>();
        let joined = words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
        let cut = joined.chars().take(40).collect::<String>();
        let slug = cut.trim_end_matches('-');
        Self(if slug.is_empty() { fallback.to_owned() } else { slug.to_owned() })
    }
}

impl FromStr for MetaId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if digits { Ok(Self(text.to_owned())) } else { Err(IdError::NotMetaId) }
    }
}

impl FromStr for Slug {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=40).contains(&text.len()) && text.bytes().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(IdError::NotSlug) }
    }
}

impl TryFrom<String> for MetaId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl TryFrom<String> for Slug {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<MetaId> for String {
    fn from(id: MetaId) -> Self {
        id.0
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for MetaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The marker that every order of ours carries at the end of `manager_notes`. A look-up after an unknown outcome,
/// the audit and a person in RemOnline recognise an order by it.
pub fn marker(leadgen_id: &MetaId, bundle_id: &Slug) -> String {
    format!("[fb:{leadgen_id}:{bundle_id}]")
}

/// The lead and the bundle of the last [`marker`] in a text, which people may have written in since.
pub fn marked(text: &str) -> Option<(MetaId, Slug)> {
    let (inner, _) = text.rsplit_once("[fb:")?.1.split_once(']')?;
    let (leadgen_id, bundle_id) = inner.split_once(':')?;
    Some((leadgen_id.parse().ok()?, bundle_id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_marker_is_read_back() {
        let (lead, bundle): (MetaId, Slug) = ("900000000000001".parse().unwrap(), "screen-repair".parse().unwrap());
        let marker = marker(&lead, &bundle);
        for text in [marker.clone(), format!("Call after six\n{marker}"), format!("[fb:1:old] {marker} called [twice]")]
        {
            assert_eq!(marked(&text), Some((lead.clone(), bundle.clone())), "{text}");
        }
        for text in ["", "[fb:", "[fb:1]", "[fb:x:repair]", "[fb:1:Repair]", "[fb:1:repair", "fb:1:repair]"] {
            assert_eq!(marked(text), None, "{text}");
        }
    }

    #[test]
    fn meta_ids_are_digits_only() {
        assert!("1".parse::<MetaId>().is_ok());
        assert!("12345678901234567890".parse::<MetaId>().is_ok());
        for wrong in ["", "123456789012345678901", "-1", "1e3", "1.5", "../1", "1\0", "١"] {
            assert_eq!(wrong.parse::<MetaId>(), Err(IdError::NotMetaId), "{wrong:?}");
        }
    }

    #[test]
    fn slugs_come_from_titles() {
        assert_eq!(Slug::from_title("Screen repair: form 2", "bundle").as_str(), "screen-repair-form-2");
        assert_eq!(Slug::from_title("Ремонт", "bundle").as_str(), "bundle");
        let long = Slug::from_title(&"a-".repeat(60), "bundle");
        assert!(long.as_str().parse::<Slug>().is_ok());
    }

    fn rewritten<T: Serialize + serde::de::DeserializeOwned>(id: &T) -> T {
        serde_json::from_str(&serde_json::to_string(id).unwrap()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(10_000)))]

        #[test]
        fn ids_round_trip(lead in "[0-9]{1,20}", bundle in "[a-z0-9-]{1,40}") {
            let (meta_id, slug) = (lead.parse::<MetaId>().unwrap(), bundle.parse::<Slug>().unwrap());
            prop_assert_eq!((meta_id.as_str(), slug.as_str()), (lead.as_str(), bundle.as_str()));
            prop_assert_eq!((meta_id.to_string(), slug.to_string()), (lead.clone(), bundle.clone()));
            prop_assert_eq!((rewritten(&meta_id), rewritten(&slug)), (meta_id.clone(), slug.clone()));
            prop_assert_eq!(marker(&meta_id, &slug), format!("[fb:{lead}:{bundle}]"));
        }

        #[test]
        fn what_is_no_id_is_refused(text in "\\PC{0,45}") {
            let digits = !text.is_empty() && text.len() <= 20 && text.chars().all(|c: char| c.is_ascii_digit());
            prop_assert_eq!(text.parse::<MetaId>().is_ok(), digits);
            let allowed = |c| matches!(c, 'a'..='z' | '0'..='9' | '-');
            prop_assert_eq!(text.parse::<Slug>().is_ok(), !text.is_empty() && text.len() <= 40 && text.chars().all(allowed));
        }

        #[test]
        fn every_title_makes_an_id(title in "([ -~]|\\PC){0,60}") {
            let slug = Slug::from_title(&title, "bundle");
            prop_assert_eq!(slug.as_str().parse::<Slug>(), Ok(slug.clone()));
            prop_assert_eq!(Slug::from_title(slug.as_str(), "bundle"), slug);
        }
    }
}
