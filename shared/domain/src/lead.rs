use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::MetaId;

/// The answers of one person to one form, as fetched from Meta.
/// Source: Meta, Marketing API, Lead Ads, "Retrieving" (`GET /{leadgen_id}`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lead {
    /// The lead's id, unique across Meta.
    pub id: MetaId,
    /// When the person sent the form.
    pub created_at: Timestamp,
    /// The page the form belongs to.
    pub page_id: MetaId,
    /// The form with its questions: what turns keys into labels.
    pub form: Form,
    /// The ad, absent for organic and test leads.
    pub ad_id: Option<MetaId>,
    /// The ad's name.
    pub ad_name: Option<String>,
    /// The ad set's name.
    pub adset_name: Option<String>,
    /// The campaign's name.
    pub campaign_name: Option<String>,
    /// `fb`, `ig` or whatever Meta sends.
    pub platform: Option<String>,
    /// Whether the lead came without an ad.
    pub is_organic: bool,
    /// Every entry of `field_data`, in Meta's order, tracking parameters included.
    pub answers: Vec<Answer>,
}

/// One entry of `field_data`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's key.
    pub name: String,
    /// No value or `""` for an unanswered question; several for a multiple choice.
    pub values: Vec<String>,
}

/// A lead form with what is needed to read its leads.
/// Source: Meta, Graph API reference, Page `leadgen_forms`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// The form's id.
    pub id: MetaId,
    /// The form's name.
    pub name: String,
    /// `ACTIVE`, `ARCHIVED`, `DELETED`, `DRAFT`, empty when Meta did not say.
    #[serde(default)]
    pub status: String,
    /// The questions, in their order.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// Keys of the form's tracking parameters, which arrive among the answers without a mark.
    #[serde(default)]
    pub tracking_keys: Vec<String>,
}

/// One question of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What the answer is named in `field_data`.
    pub key: String,
    /// What the person reads.
    pub label: String,
    /// Meta's type: `FULL_NAME`, `PHONE`, `CUSTOM`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// The choices of a choice question.
    #[serde(default)]
    pub options: Vec<QuestionOption>,
}

/// One choice of a choice question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionOption {
    /// What Meta sends.
    pub key: String,
    /// What the person reads.
    pub label: String,
}

impl Lead {
    /// Whether this is one of Meta's dummy test leads. There is no flag; the answers tell.
    /// Source: observed, "Lead Ads Testing tool".
    pub fn is_test(&self) -> bool {
        self.answers.iter().flat_map(|answer| &answer.values).any(|value| is_dummy(value))
    }

    /// The values answered to `key`, without empty ones. Old forms spell keys in another case.
    pub fn values(&self, key: &str) -> Vec<&str> {
        let entries = self.answers.iter().filter(|answer| answer.name.to_lowercase() == key.to_lowercase());
        entries.flat_map(|answer| &answer.values).map(String::as_str).filter(|value| !value.trim().is_empty()).collect()
    }
}

fn is_dummy(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    value.trim_start_matches('<').starts_with("test lead: dummy data for")
        || ["test@meta.com", "test@fb.com"].contains(&value.as_str())
}

#[cfg(test)]
mod tests {
    use super::is_dummy;

    #[test]
    fn dummy_answers_are_recognised() {
        for dummy in
            ["<test lead: dummy data for full_name>", "Test lead: dummy data for city", "test@meta.com", "TEST@fb.com"]
        {
            assert!(is_dummy(dummy), "{dummy}");
        }
        for real in ["Olena Koval", "contest@meta.com", "this is a test lead: dummy data for us"] {
            assert!(!is_dummy(real), "{real}");
        }
    }
}
