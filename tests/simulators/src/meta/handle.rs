use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::Call;
use super::errors::GraphError;
use super::leads::NewLead;
use super::limits::Usage;
use super::state::Page;
use super::tokens::Holder;
use super::webhook::{self, Notice};
use super::{Delivery, Form, LoggedRequest, Meta, Scope, Settings, Shape};
use crate::{Effect, Fault};

/// Pages, forms and leads.
impl Meta {
    /// Adds a page whose terms are accepted and whose leads the app may read. Answers a token of it that lives on.
    pub fn add_page(&self, id: &str, name: &str) -> String {
        let page = Page {
            name: name.to_owned(),
            lead_access: true,
            terms_accepted: true,
            installed: None,
            usage: Usage::default(),
        };
        self.state().pages.insert(id.to_owned(), page);
        self.new_token(id)
    }

    /// Adds a form to a page. Answers its id.
    ///
    /// # Panics
    /// When there is no such page.
    pub fn add_form(&self, page_id: &str, form: Form) -> String {
        self.state().add_form(page_id, form)
    }

    /// Archives a form, or gives it another status. Its leads stay readable.
    pub fn set_form_status(&self, form_id: &str, status: &str) {
        if let Some(stored) = self.state().forms.get_mut(form_id) {
            status.clone_into(&mut stored.form.status);
        }
    }

    /// Adds a lead and tells nobody. Answers its id.
    ///
    /// # Panics
    /// When there is no such form.
    pub fn add_lead(&self, form_id: &str, lead: NewLead) -> String {
        self.state().add_lead(form_id, lead)
    }

    /// Adds a lead and tells the subscribed receiver of it in the background, as the lead's [`super::Webhook`] says.
    /// Answers its id.
    ///
    /// # Panics
    /// When there is no such form, or outside of a tokio runtime.
    pub fn submit_lead(&self, form_id: &str, lead: NewLead) -> String {
        let id = self.add_lead(form_id, lead);
        self.tell(&id);
        id
    }

    /// Deletes a lead. Whether there was one.
    pub fn delete_lead(&self, id: &str) -> bool {
        self.state().leads.remove(id).is_some()
    }

    /// Ids of all leads, expired ones included.
    pub fn leads(&self) -> Vec<String> {
        self.state().leads.keys().cloned().collect()
    }

    /// Installs the app on a page with the webhook field `leadgen`.
    pub fn install(&self, page_id: &str) {
        if let Some(page) = self.state().pages.get_mut(page_id) {
            page.installed = Some(["leadgen".to_owned()].into());
        }
    }

    /// Lets the app in or out by the page's Leads Access Manager.
    pub fn set_lead_access(&self, page_id: &str, allowed: bool) {
        if let Some(page) = self.state().pages.get_mut(page_id) {
            page.lead_access = allowed;
        }
    }

    /// Sets whether the page has accepted the terms of lead ads.
    pub fn set_terms_accepted(&self, page_id: &str, accepted: bool) {
        if let Some(page) = self.state().pages.get_mut(page_id) {
            page.terms_accepted = accepted;
        }
    }

    /// Makes a test lead as `POST /{form_id}/test_leads` does.
    pub(super) fn make_test_lead(&self, call: &Call) -> Result<Value, GraphError> {
        let mut state = self.state();
        let token = state.enter(call)?;
        let form = state.forms.get(call.id()).filter(|form| token.sees(&form.page)).ok_or_else(GraphError::absent)?;
        state.may_read_leads(&form.page, &token)?;
        if state.leads.values().any(|lead| lead.test && lead.form == call.id() && state.is_listed(lead)) {
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

/// Tokens.
impl Meta {
    /// Makes a token of a page that lives on, with all permissions.
    pub fn new_token(&self, page_id: &str) -> String {
        self.state().issue(Holder::Page(page_id.to_owned()), None)
    }

    /// Makes a short-lived token of the person who runs the pages.
    pub fn new_user_token(&self) -> String {
        let mut state = self.state();
        let expires = state.now().checked_add(SignedDuration::from_hours(2)).ok();
        state.issue(Holder::User, expires)
    }

    /// Makes a token of a system user that never expires.
    pub fn new_system_user_token(&self) -> String {
        self.state().issue(Holder::SystemUser, None)
    }

    /// The token of the app itself.
    pub fn app_token(&self) -> String {
        self.state().app_token()
    }

    /// Ends the life of all tokens a page has by now: error 190 with this subcode, if any.
    pub fn revoke_token(&self, page_id: &str, subcode: impl Into<Option<u32>>) {
        let error = GraphError::new(190, subcode.into());
        let mut state = self.state();
        for token in state.tokens.values_mut().filter(|token| token.page() == Some(page_id)) {
            token.dead = Some(error.clone());
        }
    }

    /// Lets a token expire at a time of the server's clock.
    pub fn expire_token(&self, token: &str, at: Timestamp) {
        if let Some(token) = self.state().tokens.get_mut(token) {
            token.expires = Some(at);
        }
    }

    /// Takes a permission from all tokens a page has by now.
    pub fn remove_permission(&self, page_id: &str, permission: &str) {
        let mut state = self.state();
        for token in state.tokens.values_mut().filter(|token| token.page() == Some(page_id)) {
            token.permissions.remove(permission);
        }
    }

    /// Gives a permission back to all tokens a page has.
    pub fn restore_permission(&self, page_id: &str, permission: &str) {
        let mut state = self.state();
        for token in state.tokens.values_mut().filter(|token| token.page() == Some(page_id)) {
            token.permissions.insert(permission.to_owned());
        }
    }
}

/// The webhook's contents.
impl Meta {
    /// What a webhook says of a lead; none when there is no such lead.
    pub fn notice(&self, leadgen_id: &str) -> Option<Notice> {
        self.state().notice(leadgen_id)
    }

    /// The body of a webhook about leads, sent now. Unknown ones are left out.
    pub fn payload(&self, leads: &[&str], shape: &Shape) -> Vec<u8> {
        let state = self.state();
        let notices: Vec<_> = leads.iter().filter_map(|lead| state.notice(lead)).collect();
        webhook::payload(&notices, state.now(), shape)
    }

    /// The value of `X-Hub-Signature-256` with the app's secret.
    pub fn sign(&self, body: &[u8]) -> String {
        webhook::sign(&self.state().app.secret, body)
    }
}

/// What goes wrong, and what was seen.
impl Meta {
    /// The switches as they stand.
    pub fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Turns switches.
    pub fn update_settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state().settings);
    }

    /// Adds a fault for everybody's calls. Its path is matched with the version (`/v26.0/900000000000001`), in
    /// batches too.
    pub fn inject(&self, fault: Fault) {
        self.inject_for(Scope::Everything, fault);
    }

    /// Adds a fault for some calls.
    pub fn inject_for(&self, scope: Scope, fault: Fault) {
        self.state().faults.inject(scope, fault);
    }

    /// The next `times` reads of a lead or form say that it does not exist, as happens to fresh ones.
    pub fn hide(&self, id: &str, times: u32) {
        self.inject_for(Scope::Object(id.to_owned()), Fault::times(times, super::graph_error(100, Some(33))));
    }

    /// The next `times` parts of batches come as `null`, without an effect.
    pub fn lose_batch_items(&self, times: u32) {
        self.inject_for(Scope::BatchItems, Fault::times(times, Effect::DropBefore));
    }

    /// Answers the page's calls with 80005 for so many minutes and tells them in the usage headers.
    pub fn throttle(&self, page_id: &str, minutes: u32) {
        let mut state = self.state();
        let until = state.now().saturating_add(SignedDuration::from_mins(minutes.into())).unwrap_or(Timestamp::MAX);
        if let Some(page) = state.pages.get_mut(page_id) {
            page.usage.block(until);
        }
    }

    /// Ends all faults; a throttled page stays so.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Every request so far, parts of batches included, in the order of arrival.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state().requests.clone()
    }

    /// How many HTTP requests arrived with this method on paths that begin so (version included).
    pub fn count(&self, method: &str, path_prefix: &str) -> usize {
        self.matching(method, path_prefix, &|request| !request.in_batch)
    }

    /// How many Graph calls arrived with this method on paths that begin so: a batch counts as its parts.
    pub fn calls(&self, method: &str, path_prefix: &str) -> usize {
        self.matching(method, path_prefix, &|request| request.in_batch || !request.params.contains_key("batch"))
    }

    fn matching(&self, method: &str, path_prefix: &str, wanted: &dyn Fn(&LoggedRequest) -> bool) -> usize {
        let state = self.state();
        let fits = |seen: &&LoggedRequest| seen.method == method && seen.path.starts_with(path_prefix) && wanted(seen);
        state.requests.iter().filter(fits).count()
    }

    /// Every attempt to deliver a webhook so far, withheld ones included.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// Everything as JSON, without secrets.
    pub(super) fn snapshot(&self) -> Value {
        let state = self.state();
        let pages = state.pages.iter().map(|(id, page)| {
            let shown = json!({ "name": page.name, "lead_access": page.lead_access, "installed": page.installed });
            (id.clone(), shown)
        });
        let forms =
            state.forms.iter().map(|(id, form)| (id.clone(), json!({ "page": form.page, "name": form.form.name })));
        let leads = state.leads.iter().map(|(id, lead)| {
            let shown = json!({ "form": lead.form, "created_at": lead.created, "field_data": lead.field_data, "test": lead.test });
            (id.clone(), shown)
        });
        let mut shown = json!({
            "settings": state.settings, "requests": state.requests, "deliveries": state.deliveries,
            "callback_url": state.subscription.as_ref().map(|subscription| &subscription.callback),
            "faults": state.faults.waiting().iter().map(|(scope, faults)| json!({ "scope": scope, "faults": faults })).collect::<Vec<_>>(),
        });
        shown["pages"] = Value::Object(pages.collect());
        shown["forms"] = Value::Object(forms.collect());
        shown["leads"] = Value::Object(leads.collect());
        shown
    }
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

    #[tokio::test]
    async fn an_archived_form_keeps_its_leads() {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, lead().id("912345678901234567"));
        caller.meta.set_form_status(DEMO_FORM, "ARCHIVED");
        let (_, form) = caller.get(&format!("/v26.0/{DEMO_FORM}?fields=status,leads{{id}}")).await;
        assert_eq!((&form["status"], &form["leads"]["data"][0]["id"]), (&json!("ARCHIVED"), &json!(id)));
        assert_eq!(caller.meta.add_lead(DEMO_FORM, lead()), "912345678901234568", "ids go on from the largest");
    }
}
