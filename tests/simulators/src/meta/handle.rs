use jiff::{SignedDuration, Timestamp};

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
        self.state().remove_lead(id)
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
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::super::DEMO_FORM;
    use super::super::testing::{Caller, lead};

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
