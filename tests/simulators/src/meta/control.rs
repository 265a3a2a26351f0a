use std::collections::BTreeMap;

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::leads::{Ad, NewLead, Webhook};
use super::state::Row;
use super::{Meta, Scope, Settings, graph_error};
use crate::Fault;

/// The simulator's own controls.
pub(super) fn router(meta: Meta) -> Router {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/leads", post(add_lead))
        .route("/_sim/settings", post(change_settings))
        .route("/_sim/faults", post(inject).delete(clear_faults))
        .with_state(meta)
}

/// A lead as people write it; without answers it is Meta's dummy test lead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLead {
    form_id: String,
    answers: Option<BTreeMap<String, OneOrMore>>,
    platform: Option<String>,
    ad: Option<Ad>,
    /// Whether its webhook is sent.
    #[serde(default = "yes")]
    deliver: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl From<OneOrMore> for Vec<String> {
    fn from(answers: OneOrMore) -> Self {
        match answers {
            OneOrMore::One(answer) => vec![answer],
            OneOrMore::More(answers) => answers,
        }
    }
}

/// A fault with its scope, or a Graph error in place of its effect.
#[derive(Debug, Deserialize)]
struct WrittenFault {
    #[serde(default)]
    scope: Scope,
    graph_error: Option<WrittenError>,
    #[serde(flatten)]
    fault: Row,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenError {
    code: u32,
    subcode: Option<u32>,
}

/// A request that cannot be followed, with the reason.
struct Refused(StatusCode, String);

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl Meta {
    /// Everything as JSON, without secrets.
    fn snapshot(&self) -> Value {
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

async fn state(Extract(meta): Extract<Meta>) -> Json<Value> {
    Json(meta.snapshot())
}

async fn add_lead(Extract(meta): Extract<Meta>, Json(lead): Json<WrittenLead>) -> Result<Json<Value>, Refused> {
    let known = meta.state().forms.contains_key(&lead.form_id);
    if !known {
        return Err(Refused(StatusCode::NOT_FOUND, format!("there is no form {}", lead.form_id)));
    }
    let made = match lead.answers {
        Some(answers) => NewLead::with_answers(answers.into_iter().map(|(key, answer)| (key, answer.into()))),
        None => NewLead::dummy(),
    };
    let webhook = if lead.deliver { Webhook::Now } else { Webhook::Off };
    let made = NewLead { platform: lead.platform, ad: lead.ad, webhook, ..made };
    Ok(Json(json!({ "id": meta.submit_lead(&lead.form_id, made) })))
}

async fn change_settings(Extract(meta): Extract<Meta>, Json(changes): Json<Row>) -> Result<Json<Settings>, Refused> {
    let mut state = meta.state();
    let mut settings = serde_json::to_value(&state.settings)?;
    settings.as_object_mut().into_iter().for_each(|settings| settings.extend(changes.clone()));
    state.settings = serde_json::from_value(settings)?;
    Ok(Json(state.settings.clone()))
}

async fn inject(Extract(meta): Extract<Meta>, Json(written): Json<WrittenFault>) -> Result<StatusCode, Refused> {
    let mut fault = written.fault;
    if let Some(WrittenError { code, subcode }) = written.graph_error {
        fault.insert("effect".to_owned(), serde_json::to_value(graph_error(code, subcode))?);
    }
    let fault: Fault = serde_json::from_value(fault.into())?;
    meta.inject_for(written.scope, fault);
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_faults(Extract(meta): Extract<Meta>) -> StatusCode {
    meta.clear_faults();
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pretty_assertions::assert_eq;

    use super::super::testing::{Caller, code};
    use super::super::{DEMO_FORM, DEMO_PAGE};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lead_is_made_and_told_of() {
        let (caller, receiver) = Caller::subscribed().await;
        let answers = json!({ "full_name": "Олена Приклад", "what_is_broken?": ["screen", "battery"] });
        for deliver in [true, false] {
            let lead = json!({ "form_id": DEMO_FORM, "answers": answers, "deliver": deliver });
            assert_eq!(caller.control("/_sim/leads", &lead).await.0, 200);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(receiver.told().len(), 1);
        let (_, lead) = caller.get("/v26.0/900000000000001?fields=field_data").await;
        assert_eq!(lead["field_data"][2], json!({ "name": "what_is_broken?", "values": ["screen", "battery"] }));
        assert_eq!(caller.control("/_sim/leads", &json!({ "form_id": "1" })).await.0, 404);
    }

    #[tokio::test]
    async fn faults_and_settings_change() {
        let caller = Caller::demo();
        let error = json!({ "scope": { "page": DEMO_PAGE }, "graph_error": { "code": 190, "subcode": 460 } });
        assert_eq!(caller.control("/_sim/faults", &error).await.0, 204);
        assert_eq!(code(&caller.get("/v26.0/me").await.1), (190, 460));
        let fault = json!({ "path": "/v26.0/me", "times": 2, "effect": { "status": { "code": 503 } } });
        assert_eq!(caller.control("/_sim/faults", &fault).await.0, 204);
        assert_eq!(caller.get("/v26.0/me").await.0, 503);
        let (status, settings) = caller.control("/_sim/settings", &json!({ "development_mode": true })).await;
        assert_eq!((status, &settings["lead_access_code"]), (200, &json!(200)));
        assert!(caller.meta.settings().development_mode);
        assert_eq!(caller.control("/_sim/settings", &json!({ "developer_mode": true })).await.0, 400);
        assert_eq!(caller.control("/_sim/faults", &json!({ "efect": "garbage" })).await.0, 400);
    }

    #[tokio::test]
    async fn the_state_shows_no_secrets() {
        let caller = Caller::demo();
        caller.get("/v26.0/me").await;
        let (_, state) = caller.get("/_sim/state").await;
        assert_eq!(
            (&state["pages"][DEMO_PAGE]["name"], &state["requests"][0]["path"]),
            (&json!("Ремонт Плюс"), &json!("/v26.0/me"))
        );
        let text = state.to_string();
        assert!(
            !text.contains(super::super::DEMO_PAGE_TOKEN) && !text.contains(super::super::testing::SECRET),
            "{text}"
        );
    }
}
