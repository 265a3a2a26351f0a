use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call::Call;
use super::errors::GraphError;
use super::nodes::{Node, row};
use super::seed::USER_ID;
use super::state::{Page, State};
use super::tokens::{Holder, Token};

/// Webhook fields of a page that an app may subscribe to (an extract).
const WEBHOOK_FIELDS: [&str; 6] = ["leadgen", "leadgen_update", "feed", "messages", "mention", "ratings"];

/// Reads names of webhook fields.
pub(super) fn webhook_fields(call: &Call, parameter: &str) -> Result<BTreeSet<String>, GraphError> {
    call.required(parameter)?;
    let names = call.names(parameter);
    match names.iter().find(|name| !WEBHOOK_FIELDS.contains(&name.as_str())) {
        Some(unknown) => {
            Err(GraphError::new(100, None).say(format!("(#100) Param {parameter}: unknown field {unknown}")))
        }
        None => Ok(names.into_iter().collect()),
    }
}

/// The field `access_token` of a page, for those who ask for it.
pub(super) fn add_token(state: &mut State, call: &Call, token: &Token, node: &mut Node) {
    if node.kind == "Page" && call.names("fields").iter().any(|name| name == "access_token") {
        let text = match token.holder {
            Holder::Page(_) => call.token.clone().unwrap_or_default(),
            _ => state.page_token_for(token, &node.id),
        };
        node.fields.insert("access_token".to_owned(), text.into());
    }
}

/// `GET /{page_id}/subscribed_apps`.
pub(super) fn installed_apps(state: &mut State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    let installed = state.own_page(call, token)?.installed.clone();
    let node = |fields: BTreeSet<String>| {
        let mut node = state.app_node();
        node.fields.insert("subscribed_fields".to_owned(), json!(fields));
        state.show(&node, call, token)
    };
    let data = installed.into_iter().map(node).collect::<Result<Vec<_>, GraphError>>()?;
    Ok(json!({ "data": data }))
}

/// `POST /{page_id}/subscribed_apps`: replaces the app's fields.
pub(super) fn install(state: &mut State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    let fields = webhook_fields(call, "subscribed_fields")?;
    state.own_page(call, token)?.installed = Some(fields);
    Ok(json!({ "success": true }))
}

/// `DELETE /{page_id}/subscribed_apps`.
pub(super) fn uninstall(state: &mut State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    state.own_page(call, token)?.installed = None;
    Ok(json!({ "success": true }))
}

impl State {
    /// The page of a call that only the page's own token may make.
    fn own_page(&mut self, call: &Call, token: &Token) -> Result<&mut Page, GraphError> {
        if token.page().is_none() {
            return Err(GraphError::new(190, Some(2_069_032)));
        }
        let page = self.pages.get_mut(call.id()).filter(|_| token.sees(call.id())).ok_or_else(GraphError::absent)?;
        token.may("pages_manage_metadata")?;
        Ok(page)
    }

    pub(super) fn page_node(&self, id: &str, token: &Token) -> Result<Node, GraphError> {
        let page = self.pages.get(id).filter(|_| token.sees(id)).ok_or_else(GraphError::absent)?;
        token.may("pages_read_engagement")?;
        let fields = row(json!({
            "id": id, "name": page.name, "category": "Phone repair", "link": format!("https://www.facebook.com/{id}"),
            "leadgen_tos_accepted": page.terms_accepted, "has_lead_access": lead_access(id, page, token),
        }));
        let known = &["access_token", "tasks"];
        Ok(Node { kind: "Page", id: id.to_owned(), fields, known, edges: &["leadgen_forms"], defaults: &["name"] })
    }
}

fn lead_access(id: &str, page: &Page, token: &Token) -> Value {
    let permitted = token.may("leads_retrieval").is_ok();
    let mut access = json!({
        "app_has_leads_permission": permitted && page.lead_access, "can_access_lead": permitted && page.lead_access,
        "enabled_lead_access_manager": !page.lead_access, "is_page_admin": true, "page_id": id,
        "user_has_leads_permission": permitted, "user_id": USER_ID,
    });
    if !page.lead_access {
        access["failure_reason"] = "The app is not assigned in Leads Access Manager.".into();
        access["failure_resolution"] = "Assign the app as a CRM in Leads Access Manager.".into();
    } else if !permitted {
        access["failure_reason"] = "The permission leads_retrieval is missing.".into();
        access["failure_resolution"] = "Grant leads_retrieval to the app.".into();
    }
    access
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::super::testing::{APP_ID, Caller, code, lead};
    use super::super::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN};

    #[tokio::test]
    async fn the_app_is_installed_replaced_and_removed() {
        let caller = Caller::demo();
        let path = format!("/v26.0/{DEMO_PAGE}/subscribed_apps");
        assert_eq!(caller.get(&path).await, (200, json!({ "data": [] })));
        for fields in ["leadgen,feed", "leadgen"] {
            let answer = caller.post(&path, &[("subscribed_fields", fields)]).await;
            assert_eq!(answer, (200, json!({ "success": true })));
        }
        let (_, shown) = caller.get(&format!("{path}?fields=id,subscribed_fields")).await;
        assert_eq!(shown, json!({ "data": [{ "id": APP_ID, "subscribed_fields": ["leadgen"] }] }));
        caller.send("DELETE", &path, DEMO_PAGE_TOKEN, &[]).await;
        assert_eq!(caller.get(&path).await.1, json!({ "data": [] }));
    }

    #[tokio::test]
    async fn installing_asks_for_known_fields_and_the_pages_own_token() {
        let caller = Caller::demo();
        let path = format!("/v26.0/{DEMO_PAGE}/subscribed_apps");
        assert_eq!(code(&caller.post(&path, &[("subscribed_fields", "leads")]).await.1), (100, 0));
        assert_eq!(code(&caller.post(&path, &[]).await.1), (100, 0));
        let system = caller.meta.new_system_user_token();
        let refused = caller.send("POST", &path, &system, &[("subscribed_fields", "leadgen")]).await.1;
        assert_eq!(code(&refused), (190, 2_069_032));
        caller.meta.remove_permission(DEMO_PAGE, "pages_manage_metadata");
        assert_eq!(code(&caller.post(&path, &[("subscribed_fields", "leadgen")]).await.1), (200, 0));
    }

    #[rstest]
    #[case(200)]
    #[case(103)]
    #[tokio::test]
    async fn leads_access_manager_shuts_the_app_out(#[case] refusal: u32) {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        caller.meta.update_settings(|settings| settings.lead_access_code = refusal);
        caller.meta.set_lead_access(DEMO_PAGE, false);
        for path in [format!("/v26.0/{id}"), format!("/v26.0/{DEMO_FORM}/leads")] {
            let (_, refused) = caller.get(&path).await;
            assert_eq!(refused["error"]["code"], refusal);
            assert!(refused["error"]["message"].as_str().unwrap().contains("Lead Access"), "{refused}");
        }
        let path = format!("/v26.0/{DEMO_PAGE}?fields=has_lead_access,leadgen_tos_accepted");
        let (_, page) = caller.get(&path).await;
        assert_eq!(
            (&page["has_lead_access"]["can_access_lead"], &page["leadgen_tos_accepted"]),
            (&json!(false), &json!(true))
        );
        caller.meta.set_lead_access(DEMO_PAGE, true);
        assert_eq!(caller.get(&path).await.1["has_lead_access"]["can_access_lead"], true);
        assert_eq!(caller.get(&format!("/v26.0/{id}")).await.0, 200);
    }
}
