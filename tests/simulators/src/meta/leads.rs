use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The ad that brought a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ad {
    /// The ad.
    pub ad_id: String,
    /// Its name.
    pub ad_name: String,
    /// The ad set.
    pub adset_id: String,
    /// Its name.
    pub adset_name: String,
    /// The campaign.
    pub campaign_id: String,
    /// Its name.
    pub campaign_name: String,
}

impl Ad {
    /// An invented one.
    pub fn demo() -> Self {
        Self {
            ad_id: "120250000000000001".to_owned(),
            ad_name: "Екран за годину".to_owned(),
            adset_id: "120250000000000002".to_owned(),
            adset_name: "Київ 25+".to_owned(),
            campaign_id: "120250000000000003".to_owned(),
            campaign_name: "Осінь".to_owned(),
        }
    }
}

/// Whether and when Meta tells of a lead by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Webhook {
    /// At once.
    #[default]
    Now,
    /// After so long.
    Late(Duration),
    /// Never.
    Off,
}

/// A lead to be made. By default it is organic, of Facebook, made now, and told of at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewLead {
    pub(super) id: Option<String>,
    pub(super) answers: Answers,
    pub(super) created: Option<Timestamp>,
    pub(super) platform: Option<String>,
    pub(super) ad: Option<Ad>,
    pub(super) consents: Vec<(String, bool)>,
    pub(super) by_app_role: bool,
    pub(super) test: bool,
    pub(super) webhook: Webhook,
}

/// Question keys and answers, or what the test tool fills in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Answers {
    #[default]
    Dummy,
    Given(Vec<(String, Vec<String>)>),
}

impl NewLead {
    /// A person's lead with one answer to each question key.
    pub fn new<'a>(answers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let answers = answers.into_iter().map(|(key, answer)| (key.to_owned(), vec![answer.to_owned()]));
        Self::with_answers(answers)
    }

    /// A person's lead with any number of answers to each question key.
    pub fn with_answers(answers: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        Self { answers: Answers::Given(answers.into_iter().collect()), ..Self::default() }
    }

    /// The lead that the test tool makes, with dummy answers.
    pub fn dummy() -> Self {
        Self { test: true, ..Self::default() }
    }

    /// The same made by the test tool: it takes the form's only place for a test lead.
    #[must_use]
    pub fn test(self) -> Self {
        Self { test: true, ..self }
    }

    /// The same with a chosen id.
    #[must_use]
    pub fn id(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }

    /// The same brought by an ad.
    #[must_use]
    pub fn ad(self, ad: Ad) -> Self {
        Self { ad: Some(ad), ..self }
    }

    /// The same made at another time.
    #[must_use]
    pub fn created(self, at: Timestamp) -> Self {
        Self { created: Some(at), ..self }
    }

    /// The same from another platform, such as `ig`.
    #[must_use]
    pub fn platform(self, platform: &str) -> Self {
        Self { platform: Some(platform.to_owned()), ..self }
    }

    /// The same with one more consent, ticked or not.
    #[must_use]
    pub fn consent(mut self, key: &str, ticked: bool) -> Self {
        self.consents.push((key.to_owned(), ticked));
        self
    }

    /// The same by a person with a role in the app, whose leads are sent in development mode too.
    #[must_use]
    pub fn by_app_role(self) -> Self {
        Self { by_app_role: true, ..self }
    }

    /// The same with another way of telling.
    #[must_use]
    pub fn webhook(self, webhook: Webhook) -> Self {
        Self { webhook, ..self }
    }
}
