//! What was done for a lead, as a person reads it.

use domain::{Step, StepKind};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use store::Answers;
use utoipa::ToSchema;

use crate::explain::Language;

/// One thing that was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Step)]
pub(crate) struct StepView {
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    #[schema(value_type = String)]
    pub(crate) step: StepKind,
    /// How it went, in a word.
    pub(crate) outcome: String,
    /// The HTTP status the other side answered.
    #[schema(required)]
    pub(crate) status: Option<u16>,
    /// The error code in the other side's answer.
    #[schema(required)]
    pub(crate) code: Option<i64>,
    /// Why it went wrong, in the caller's language.
    #[schema(required)]
    pub(crate) explanation: Option<String>,
    /// What to do, in the caller's language.
    #[schema(required)]
    pub(crate) fix: Option<String>,
    /// What was sent.
    #[schema(required)]
    pub(crate) request: Option<RequestView>,
    /// How long the exchange took.
    #[schema(required)]
    pub(crate) duration_ms: Option<u64>,
}

/// A request as it was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentRequest)]
pub(crate) struct RequestView {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Personal data in it is masked unless revealed; null when it had none or is no longer kept.
    #[schema(value_type = Option<Object>, required)]
    pub(crate) body: Option<Value>,
}

impl StepView {
    /// The step with its request, whose body is masked unless revealed.
    pub(crate) fn of(step: &Step, answers: Option<&Answers>, reveal: bool, language: Language) -> Self {
        let (explanation, fix) = language.explain_step(step).map(|text| (text.explanation, text.fix)).unzip();
        let body = answers.and_then(|answers| answers.body_of(step)).cloned();
        let request = step.request.as_ref().map(|request| RequestView {
            method: request.method.clone(),
            path: request.path.clone(),
            body: if reveal { body } else { body.map(masked) },
        });
        Self {
            at: step.at,
            step: step.step,
            outcome: step.outcome.clone(),
            status: step.status,
            code: step.code,
            explanation,
            fix,
            request,
            duration_ms: step.duration_ms,
        }
    }
}

/// A body of which only ids and switches can be read: any text or number may be what a person answered.
fn masked(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| if name.ends_with("_id") { (name, value) } else { (name, masked(value)) })
            .collect(),
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::String(text) if text.is_empty() => Value::String(text),
        Value::String(_) | Value::Number(_) => Value::from("***"),
        Value::Bool(_) | Value::Null => value,
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn masked_bodies_keep_ids_only() {
        let body = json!({
            "first_name": "Olena", "email": "", "manager_id": 9001, "supplier": false, "birthday": {"day": 1},
            "phones": [{"phone": "+380501112233", "notify": false}], "custom_fields": {"f5001": "screen"},
        });
        let expected = json!({
            "first_name": "***", "email": "", "manager_id": 9001, "supplier": false, "birthday": {"day": "***"},
            "phones": [{"phone": "***", "notify": false}], "custom_fields": {"f5001": "***"},
        });
        assert_eq!(masked(body), expected);
    }
}
