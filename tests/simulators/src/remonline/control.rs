use axum::extract::State as Extract;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::state::Row;
use super::{RemOnline, Settings};
use crate::Fault;

/// The simulator's own controls.
pub(super) fn router(remonline: RemOnline) -> Router {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/settings", post(change_settings))
        .route("/_sim/faults", post(inject).delete(clear_faults))
        .with_state(remonline)
}

async fn state(Extract(remonline): Extract<RemOnline>) -> Json<Value> {
    let (people, organizations, orders) = (remonline.people(), remonline.organizations(), remonline.orders());
    let state = remonline.state();
    Json(json!({
        "people": people, "organizations": organizations, "orders": orders, "comments": state.comments,
        "requests": state.requests, "settings": state.settings, "faults": state.faults,
    }))
}

async fn change_settings(
    Extract(remonline): Extract<RemOnline>,
    Json(changes): Json<Row>,
) -> Result<Json<Settings>, (StatusCode, String)> {
    let refused = |error: serde_json::Error| (StatusCode::BAD_REQUEST, error.to_string());
    let mut state = remonline.state();
    let mut settings = serde_json::to_value(&state.settings).map_err(refused)?;
    settings.as_object_mut().into_iter().for_each(|settings| settings.extend(changes.clone()));
    state.settings = serde_json::from_value(settings).map_err(refused)?;
    Ok(Json(state.settings.clone()))
}

async fn inject(Extract(remonline): Extract<RemOnline>, Json(fault): Json<Fault>) -> StatusCode {
    remonline.inject(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(Extract(remonline): Extract<RemOnline>) -> StatusCode {
    remonline.clear_faults();
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::super::PhoneMatch;
    use super::super::testing::Caller;
    use super::*;

    #[tokio::test]
    async fn settings_change_one_by_one() {
        let caller = Caller::with_control();
        let changes = json!({ "phone_match": "exact", "people_search_delay_ms": 2000 });
        let (status, settings) = caller.post("/_sim/settings", changes).await;
        assert_eq!((status, &settings["created_status"]), (200, &json!(201)));
        assert_eq!(caller.remonline.settings().phone_match, PhoneMatch::Exact);
        let (status, problem) = caller.post("/_sim/settings", json!({ "phone_mtach": "exact" })).await;
        assert_eq!(status, 400);
        assert!(problem.as_str().unwrap().contains("phone_mtach"), "{problem}");
    }

    #[tokio::test]
    async fn faults_come_and_go() {
        let caller = Caller::with_control();
        let fault = json!({ "method": "GET", "path": "/v2", "times": null, "effect": { "status": { "code": 503 } } });
        assert_eq!(caller.post("/_sim/faults", fault).await.0, 204);
        assert_eq!(caller.get("/v2/company").await.0, 503);
        assert_eq!(caller.send(caller.request("DELETE", "/_sim/faults", "")).await.0, 204);
        assert_eq!(caller.post("/_sim/faults", json!({ "effect": { "delay": 10 } })).await.0, 204);
        let (_, state) = caller.get("/_sim/state").await;
        assert_eq!(state["faults"][0]["effect"], json!({ "delay": 10 }));
        assert_eq!(state["faults"][0]["times"], 1);
    }

    #[tokio::test]
    async fn the_state_is_shown_without_a_key() {
        let caller = Caller::with_control();
        caller.get("/v2/company").await;
        let (_, state) = caller.get("/_sim/state").await;
        assert_eq!(state["people"].as_array().map(Vec::len), Some(3));
        assert_eq!(state["requests"][0]["path"], "/v2/company");
        assert_eq!(state["requests"].as_array().map(Vec::len), Some(1), "its own calls are not logged");
    }
}
