//! What can stand in the way of a lead, explained in the reader's language. The texts are in `locales`, one file for a
//! language; here is only which text belongs to what.

use std::{convert::Infallible, sync::LazyLock};

use axum::extract::FromRequestParts;
use domain::{Detail, Reason, Step, StepKind};
use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use http::{header, request::Parts};
use serde::Deserialize;
use unic_langid::{LanguageIdentifier, langid};

use crate::text::text;

/// The languages that people are answered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Ukrainian.
    Ukrainian,
    /// Russian.
    Russian,
    /// English, also for readers of other languages.
    English,
}

/// What happened and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// What happened.
    pub(crate) explanation: String,
    /// What to do.
    pub(crate) fix: String,
}

/// Who said what is added to an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// RemOnline, in its answer.
    Remonline,
    /// Meta, in its answer.
    Meta,
    /// Nobody answered: the words are ours.
    Us,
}

/// All languages.
pub(crate) const LANGUAGES: &[Language] = &[Language::Ukrainian, Language::Russian, Language::English];

type Texts = FluentBundle<FluentResource>;

/// What each language says: where leads stand and why, what pages say, what is wrong with a request.
macro_rules! sources {
    ($language:literal) => {
        [
            include_str!(concat!("../locales/", $language, ".ftl")),
            include_str!(concat!("../locales/", $language, ".pages.ftl")),
            include_str!(concat!("../locales/", $language, ".problems.ftl")),
        ]
    };
}

const UKRAINIAN_SOURCES: [&str; 3] = sources!("uk");
const RUSSIAN_SOURCES: [&str; 3] = sources!("ru");
const ENGLISH_SOURCES: [&str; 3] = sources!("en");

static UKRAINIAN: LazyLock<Texts> = LazyLock::new(|| texts(langid!("uk"), UKRAINIAN_SOURCES));
static RUSSIAN: LazyLock<Texts> = LazyLock::new(|| texts(langid!("ru"), RUSSIAN_SOURCES));
static ENGLISH: LazyLock<Texts> = LazyLock::new(|| texts(langid!("en"), ENGLISH_SOURCES));

/// A line that cannot be read is left out, like a text that is missing; the tests read every text of every language.
fn texts(language: LanguageIdentifier, sources: [&str; 3]) -> Texts {
    let mut texts = FluentBundle::new_concurrent(vec![language]);
    texts.set_use_isolating(false);
    for source in sources {
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(readable, _)| readable);
        texts.add_resource_overriding(resource);
    }
    texts
}

impl Language {
    /// The best of our languages for an `Accept-Language` header.
    /// Source: RFC 9110, section 12.5.4.
    pub(crate) fn accepted(header: &str) -> Self {
        let mut wishes: Vec<_> = header.split(',').filter_map(wish).filter(|(_, quality)| *quality > 0.0).collect();
        wishes.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        wishes.into_iter().find_map(|(range, _)| Self::of_range(range)).unwrap_or(Self::English)
    }

    fn of_range(range: &str) -> Option<Self> {
        match range.split('-').next()?.to_ascii_lowercase().as_str() {
            "uk" => Some(Self::Ukrainian),
            "ru" => Some(Self::Russian),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The language of a tag as in `lang="uk"`.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        LANGUAGES.iter().copied().find(|language| language.tag() == tag)
    }

    /// Source: BCP 47.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Ukrainian => "uk",
            Self::Russian => "ru",
            Self::English => "en",
        }
    }

    /// What its speakers call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ukrainian => "Українська",
            Self::Russian => "Русский",
            Self::English => "English",
        }
    }

    /// Why a step went wrong or left a doubt, where it did.
    pub(crate) fn explain_step(self, step: &Step) -> Option<Explanation> {
        let reason = reason(&step.outcome);
        let refused = step.status.filter(|status| *status >= 400);
        let explained = match step.step {
            StepKind::Plan if step.outcome == "in_doubt" => self.text("step-in_doubt"),
            StepKind::Plan => self.reason(reason?),
            _ if matches!(step.outcome.as_str(), "linked" | "cleared") => self.text(&format!("step-{}", step.outcome)),
            _ if reason.is_none() && refused.is_none() && step.outcome != "failed" => None,
            StepKind::FetchLead => {
                self.graph(step.code, None).or_else(|| self.reason(reason.unwrap_or(Reason::GraphUnavailable)))
            }
            _ => self.remonline(refused).or_else(|| self.reason(reason.unwrap_or(Reason::RemonlineUnavailable))),
        };
        let speaker = match (step.step, step.status) {
            (_, None) => Speaker::Us,
            (StepKind::FetchLead, Some(_)) => Speaker::Meta,
            (_, Some(_)) => Speaker::Remonline,
        };
        let detail = step.detail.as_ref().map(|detail| self.detail(detail));
        Some(self.with_words(explained?, speaker, detail.as_deref()))
    }

    /// What more is known of a step.
    fn detail(self, detail: &Detail) -> String {
        match detail {
            Detail::Words(words) => words.clone(),
            Detail::Doubt(doubt) => self.tell(&doubt.into()),
            Detail::Interrupted => self.tell(&text("step-interrupted")),
            Detail::Faults(errors) => {
                let told =
                    errors.iter().map(|error| format!("{}: {}", error.pointer, self.tell(&(&error.fault).into())));
                told.collect::<Vec<_>>().join("; ")
            }
        }
    }

    /// What a status of RemOnline means.
    pub(crate) fn remonline(self, status: Option<u16>) -> Option<Explanation> {
        self.text(&format!("remonline-{}", status?))
    }

    /// What a code of the Graph API means, with its subcode where that says more.
    pub(crate) fn graph(self, code: Option<i64>, subcode: Option<i64>) -> Option<Explanation> {
        let code = match code? {
            200..=299 => 200,
            code => code,
        };
        let precise = subcode.and_then(|subcode| self.text(&format!("graph-{code}-{subcode}")));
        precise.or_else(|| self.text(&format!("graph-{code}")))
    }

    /// What a reason of a transaction means.
    pub(crate) fn reason(self, reason: Reason) -> Option<Explanation> {
        let name = serde_json::to_value(reason).ok()?;
        self.text(&format!("reason-{}", name.as_str()?))
    }

    /// The explanation, followed by what was said.
    pub(crate) fn with_words(self, explained: Explanation, speaker: Speaker, words: Option<&str>) -> Explanation {
        let Some(words) = words.filter(|words| !words.is_empty()) else { return explained };
        let id = match speaker {
            Speaker::Remonline => "said-by-remonline",
            Speaker::Meta => "said-by-meta",
            Speaker::Us => "said-by-us",
        };
        let said = self.line(id, Some(&FluentArgs::from_iter([("words", words)]))).unwrap_or_default();
        Explanation { explanation: format!("{} {said}", explained.explanation), ..explained }
    }

    /// A message that explains something and has a fix.
    pub(crate) fn text(self, id: &str) -> Option<Explanation> {
        self.text_with(id, &FluentArgs::new())
    }

    /// The same with something to fill in.
    pub(crate) fn text_with(self, id: &str, values: &FluentArgs<'_>) -> Option<Explanation> {
        let fix = self.texts().get_message(id)?.get_attribute("fix")?.value();
        let fix = self.texts().format_pattern(fix, Some(values), &mut Vec::new()).into_owned();
        Some(Explanation { explanation: self.line(id, Some(values))?, fix })
    }

    /// A message as it is.
    pub(crate) fn line(self, id: &str, values: Option<&FluentArgs<'_>>) -> Option<String> {
        let pattern = self.texts().get_message(id)?.value()?;
        Some(self.texts().format_pattern(pattern, values, &mut Vec::new()).into_owned())
    }

    fn texts(self) -> &'static Texts {
        match self {
            Self::Ukrainian => &UKRAINIAN,
            Self::Russian => &RUSSIAN,
            Self::English => &ENGLISH,
        }
    }
}

fn wish(item: &str) -> Option<(&str, f32)> {
    let (range, parameters) = item.split_once(';').unwrap_or((item, ""));
    let quality = match parameters.trim().strip_prefix("q=") {
        Some(quality) => quality.trim().parse().ok()?,
        None => 1.0,
    };
    Some((range.trim(), quality))
}

fn reason(outcome: &str) -> Option<Reason> {
    Reason::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(outcome)).ok()
}

impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        Ok(Self::accepted(header.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use domain::MatchDoubt;
    use jiff::Timestamp;
    use pretty_assertions::{assert_eq, assert_ne};
    use rstest::rstest;

    use super::*;
    use crate::openapi::REASONS;

    const REMONLINE: [u16; 11] = [400, 401, 403, 404, 405, 422, 429, 500, 502, 503, 504];

    const GRAPH: [(i64, Option<i64>); 38] = [
        (1, None),
        (2, None),
        (2, Some(1_892_058)),
        (3, None),
        (4, None),
        (10, None),
        (17, None),
        (32, None),
        (100, None),
        (100, Some(33)),
        (100, Some(2_804_003)),
        (102, None),
        (103, None),
        (104, None),
        (190, None),
        (190, Some(458)),
        (190, Some(459)),
        (190, Some(460)),
        (190, Some(463)),
        (190, Some(464)),
        (190, Some(467)),
        (190, Some(492)),
        (190, Some(2_069_032)),
        (200, None),
        (230, None),
        (299, None),
        (341, None),
        (368, None),
        (613, None),
        (613, Some(1_996)),
        (803, None),
        (2_200, None),
        (2_500, None),
        (2_635, None),
        (80_000, None),
        (80_001, None),
        (80_004, None),
        (80_005, None),
    ];

    fn step(step: StepKind, outcome: &str, status: Option<u16>, code: Option<i64>) -> Step {
        let at = Timestamp::UNIX_EPOCH;
        Step { at, step, outcome: outcome.to_owned(), status, code, detail: None, request: None, duration_ms: None }
    }

    #[test]
    fn every_documented_code_and_reason_is_explained_in_every_language() {
        for &language in LANGUAGES {
            let remonline = REMONLINE.map(|status| (status.to_string(), language.remonline(Some(status))));
            let graph = GRAPH.map(|(code, sub)| (format!("{code}/{sub:?}"), language.graph(Some(code), sub)));
            let reasons = REASONS.map(|name| (name.to_owned(), reason(name).and_then(|known| language.reason(known))));
            for (what, explained) in remonline.into_iter().chain(graph).chain(reasons) {
                let explained = explained.unwrap_or_else(|| panic!("{language:?}: {what} is not explained"));
                assert!(explained.explanation.len() > 10 && explained.fix.len() > 10, "{language:?}: {what}");
            }
        }
    }

    #[test]
    fn a_subcode_says_more_than_its_code() {
        for (code, subcode) in [(190, 463), (100, 33), (2, 1_892_058)] {
            let general = Language::English.graph(Some(code), None);
            assert_ne!(Language::English.graph(Some(code), Some(subcode)), general, "{code}/{subcode}");
            assert_eq!(Language::English.graph(Some(code), Some(1)), general);
        }
    }

    #[test]
    fn languages_have_the_same_messages_and_no_unreadable_line() {
        let ids = |source: &'static str| {
            assert!(FluentResource::try_new(source.to_owned()).is_ok(), "{source}");
            let lines = source.lines().filter(|line| !line.starts_with('#'));
            lines.filter_map(|line| line.split_once(" = ")).map(|(id, _)| id).collect::<Vec<_>>()
        };
        let english = ENGLISH_SOURCES.map(ids);
        assert_eq!(UKRAINIAN_SOURCES.map(ids), english);
        assert_eq!(RUSSIAN_SOURCES.map(ids), english);
    }

    #[rstest]
    #[case("uk", Language::Ukrainian)]
    #[case("uk-UA,uk;q=0.9,ru;q=0.8,en;q=0.7", Language::Ukrainian)]
    #[case("de-DE, ru;q=0.5, en;q=0.4", Language::Russian)]
    #[case("en;q=0.2, RU-ru;q=0.8", Language::Russian)]
    #[case("uk;q=0, en", Language::English)]
    #[case("pl", Language::English)]
    #[case("", Language::English)]
    #[case(";;q=x,,", Language::English)]
    fn the_best_language_is_chosen(#[case] header: &str, #[case] expected: Language) {
        assert_eq!(Language::accepted(header), expected);
    }

    #[test]
    fn a_step_that_went_well_needs_no_words() {
        assert_eq!(Language::English.explain_step(&step(StepKind::CreateClient, "created", Some(201), None)), None);
        assert_eq!(Language::English.explain_step(&step(StepKind::FindClient, "not_found", Some(200), None)), None);
    }

    #[test]
    fn a_step_is_explained_by_the_other_sides_answer_first() {
        let explain = |step: Step| Language::English.explain_step(&step).unwrap().explanation;
        let fetched = explain(step(StepKind::FetchLead, "graph_token", Some(400), Some(190)));
        assert_eq!(fetched, Language::English.graph(Some(190), None).unwrap().explanation);
        let created = explain(step(StepKind::CreateOrder, "rejected", Some(422), Some(7)));
        assert_eq!(created, Language::English.remonline(Some(422)).unwrap().explanation);
        let planned = explain(step(StepKind::Plan, "mapping", None, None));
        assert_eq!(planned, Language::English.reason(Reason::Mapping).unwrap().explanation);
    }

    #[test]
    fn a_doubt_is_told() {
        let detail = Some(Detail::Doubt(MatchDoubt::Several { ids: vec![1, 2] }));
        let doubt = Step { detail, ..step(StepKind::Plan, "in_doubt", None, None) };
        assert!(Language::English.explain_step(&doubt).unwrap().explanation.contains("Clients 1, 2"));
        assert_eq!(Language::English.explain_step(&step(StepKind::Plan, "ok", None, None)), None);
    }

    #[test]
    fn a_persons_decision_is_told() {
        for &language in LANGUAGES {
            for (kind, outcome) in [(StepKind::FindOrder, "linked"), (StepKind::CreateClient, "cleared")] {
                assert!(language.explain_step(&step(kind, outcome, Some(200), None)).is_some(), "{language:?}");
            }
            assert!(language.explain_step(&step(StepKind::Plan, "dismissed", None, None)).is_some(), "{language:?}");
        }
    }

    #[test]
    fn silence_is_explained_too() {
        let explain = |kind| Language::English.explain_step(&step(kind, "failed", None, None)).unwrap();
        assert_eq!(Some(explain(StepKind::FetchLead)), Language::English.reason(Reason::GraphUnavailable));
        assert_eq!(Some(explain(StepKind::FindClient)), Language::English.reason(Reason::RemonlineUnavailable));
    }

    #[test]
    fn the_other_sides_words_are_added() {
        let detail = Some(Detail::Words("branch_id: Required field".to_owned()));
        let refused = Step { detail: detail.clone(), ..step(StepKind::CreateOrder, "rejected", Some(400), None) };
        let said = |language: Language| language.explain_step(&refused).unwrap().explanation;
        let unanswered = Step { detail, ..step(StepKind::CreateOrder, "outcome_unknown", None, None) };
        assert!(!Language::English.explain_step(&unanswered).unwrap().explanation.contains("answered:"));
        assert!(said(Language::English).ends_with("RemOnline answered: branch_id: Required field"));
        assert!(said(Language::Ukrainian).ends_with("Відповідь RemOnline: branch_id: Required field"));
    }
}
