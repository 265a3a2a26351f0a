//! An alert in words. The texts are in `locales`, one file for a language.

use std::str::FromStr;

use domain::{Connection, ConnectionState};
use fluent_bundle::{FluentArgs, FluentBundle, FluentResource, FluentValue};
use store::FindingKind;
use unic_langid::{LanguageIdentifier, langid};
use url::Url;

use super::Trouble;

/// The languages that people are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// `uk`.
    Ukrainian,
    /// `ru`.
    Russian,
    /// `en`.
    English,
}

/// Not a language that alerts are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("alerts are written in uk, ru and en")]
pub struct NoLanguage;

impl FromStr for Language {
    type Err = NoLanguage;

    fn from_str(tag: &str) -> Result<Self, NoLanguage> {
        match tag {
            "uk" => Ok(Self::Ukrainian),
            "ru" => Ok(Self::Russian),
            "en" => Ok(Self::English),
            _ => Err(NoLanguage),
        }
    }
}

impl Language {
    fn texts(self) -> Texts {
        let (language, source) = match self {
            Self::Ukrainian => (langid!("uk"), include_str!("../../locales/uk.ftl")),
            Self::Russian => (langid!("ru"), include_str!("../../locales/ru.ftl")),
            Self::English => (langid!("en"), include_str!("../../locales/en.ftl")),
        };
        Texts::new(language, source)
    }
}

impl Trouble {
    /// All of it as text, each thing with the page of the console that mends it.
    pub(crate) fn in_words(&self, language: Language, console: &Url) -> String {
        let texts = language.texts();
        let closed = self.closed.iter().map(|connection| {
            let id = if connection.state == ConnectionState::Forbidden { "forbidden" } else { "key-rejected" };
            (texts.line(id, [("title", title(connection))]), format!("connections/{}", connection.id))
        });
        let counted = [
            ("parked", self.parked, "history?state=parked"),
            ("review", self.review, "history?state=review"),
            ("missed", self.missed, "connections"),
        ];
        let found = self.found.iter().map(|(kind, count)| (found_text(*kind), *count, "findings"));
        let counted = counted.into_iter().chain(found).filter(|(_, count, _)| *count > 0);
        let counted = counted.map(|(id, count, page)| (texts.line(id, [("count", count.into())]), page.to_owned()));
        let paragraphs = closed.chain(counted).map(|(text, page)| format!("{text}\n{console}{page}"));
        let head = texts.line("head", []);
        std::iter::once(head).chain(paragraphs).collect::<Vec<_>>().join("\n\n")
    }
}

fn title(connection: &Connection) -> FluentValue<'_> {
    connection.title.as_str().into()
}

fn found_text(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::OrderDoubled => "order-doubled",
        FindingKind::OrderLost => "order-lost",
        FindingKind::OrderUnexpected => "order-unexpected",
        FindingKind::ClientDoubled => "client-doubled",
    }
}

struct Texts(FluentBundle<FluentResource>);

impl Texts {
    /// A line that cannot be read is left out, like a text that is missing; the tests read every text of every language.
    fn new(language: LanguageIdentifier, source: &str) -> Self {
        let mut texts = FluentBundle::new(vec![language]);
        texts.set_use_isolating(false);
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(readable, _)| readable);
        texts.add_resource_overriding(resource);
        Self(texts)
    }

    fn line<'v>(&self, id: &str, values: impl IntoIterator<Item = (&'v str, FluentValue<'v>)>) -> String {
        let Some(pattern) = self.0.get_message(id).and_then(|message| message.value()) else { return id.to_owned() };
        self.0.format_pattern(pattern, Some(&FluentArgs::from_iter(values)), &mut Vec::new()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::{Account, AccountId, ConnectionKind, EmailSearch, PhoneSearch};
    use jiff::Timestamp;
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn closed(state: ConnectionState) -> Connection {
        let account = Account {
            id: AccountId::new("a"),
            name: "Майстерня".to_owned(),
            phone_search: PhoneSearch::Together,
            email_search: EmailSearch::Asked,
        };
        Connection {
            id: "shop".parse().unwrap(),
            title: "Моя майстерня".to_owned(),
            kind: ConnectionKind::Remonline { account },
            state,
            created_at: Timestamp::UNIX_EPOCH,
            checked_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn everything() -> Trouble {
        let kinds = [
            FindingKind::OrderDoubled,
            FindingKind::OrderLost,
            FindingKind::OrderUnexpected,
            FindingKind::ClientDoubled,
        ];
        Trouble {
            closed: vec![closed(ConnectionState::KeyRejected), closed(ConnectionState::Forbidden)],
            parked: 1,
            review: 2,
            found: BTreeMap::from(kinds.map(|kind| (kind, 5))),
            missed: 21,
        }
    }

    #[rstest]
    #[case(Language::Ukrainian)]
    #[case(Language::Russian)]
    #[case(Language::English)]
    fn everything_is_told_with_its_page(#[case] language: Language) {
        let told = everything().in_words(language, &"https://leads.example/".parse().unwrap());
        insta::assert_snapshot!(format!("{language:?}").to_lowercase(), told);
    }

    #[test]
    fn what_is_well_is_not_told() {
        let trouble = Trouble { review: 1, ..Trouble::default() };
        let told = trouble.in_words(Language::English, &"https://leads.example/".parse().unwrap());
        assert_eq!(told.matches("https://").count(), 1, "{told}");
    }

    #[test]
    fn a_language_is_named_by_its_tag() {
        assert_eq!("uk".parse(), Ok(Language::Ukrainian));
        assert_eq!("de".parse::<Language>(), Err(NoLanguage));
    }
}
