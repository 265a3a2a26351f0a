use serde_json::{Value, json};

use super::call::Call;
use super::errors::GraphError;
use super::{Meta, NewLead};

impl Meta {
    /// `POST /{form_id}/test_leads`: a form has one at most.
    pub(super) fn make_test_lead(&self, call: &Call) -> Result<Value, GraphError> {
        let mut state = self.state();
        let token = state.enter(call)?;
        let form = state.forms.get(call.id()).filter(|form| token.sees(&form.page)).ok_or_else(GraphError::absent)?;
        state.may_read_leads(&form.page, &token)?;
        if state.leads.values().any(|lead| lead.test && lead.form == call.id() && !lead.is_expired(state.now())) {
            return Err(GraphError::new(2, Some(1_892_058)));
        }
        let id = state.add_lead(call.id(), test_lead(call)?);
        drop(state);
        self.tell(&id);
        Ok(json!({ "id": id }))
    }
}

/// Reads `field_data` and `custom_disclaimer_responses` of a test lead; without answers they are dummies.
fn test_lead(call: &Call) -> Result<NewLead, GraphError> {
    let invalid = || GraphError::new(100, None).say("(#100) Param field_data is invalid");
    let answer = |entry: &Value| {
        let values = entry["values"].as_array()?.iter().map(|value| value.as_str().map(str::to_owned));
        Some((entry["name"].as_str()?.to_owned(), values.collect::<Option<Vec<_>>>()?))
    };
    let lead = match call.json("field_data")? {
        None => NewLead::dummy(),
        Some(entries) => {
            let answers = entries.as_array().ok_or_else(invalid)?.iter().map(answer);
            NewLead::with_answers(answers.collect::<Option<Vec<_>>>().ok_or_else(invalid)?).test()
        }
    };
    let consents = call.json("custom_disclaimer_responses")?.unwrap_or_default();
    let consents = consents.as_array().into_iter().flatten();
    Ok(consents.fold(lead, |lead, consent| {
        lead.consent(consent["checkbox_key"].as_str().unwrap_or_default(), consent["is_checked"] == true)
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::super::testing::{Caller, code, lead};
    use super::super::{DEMO_FORM, DEMO_PAGE_TOKEN};

    #[tokio::test(start_paused = true)]
    async fn a_form_has_one_test_lead_and_it_is_told_of() {
        let (caller, receiver) = Caller::subscribed().await;
        caller.meta.add_lead(DEMO_FORM, lead());
        let path = format!("/v26.0/{DEMO_FORM}/test_leads");
        let answers = r#"[{"name":"email","values":["olena@example.com"]}]"#;
        let (_, made) = caller.post(&path, &[("field_data", answers)]).await;
        assert_eq!(made, json!({ "id": "900000000000002" }));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(receiver.told().len(), 1);
        assert_eq!(code(&caller.post(&path, &[]).await.1), (2, 1_892_058));
        let (_, listed) = caller.get(&format!("{path}?fields=is_organic")).await;
        assert_eq!(listed["data"], json!([{ "id": "900000000000002", "is_organic": true }]));
        caller.send("DELETE", "/v26.0/900000000000002", DEMO_PAGE_TOKEN, &[]).await;
        assert_eq!(caller.post(&path, &[]).await.0, 200);
        assert_eq!(code(&caller.post("/v26.0/999/test_leads", &[]).await.1), (100, 33));
    }
}
