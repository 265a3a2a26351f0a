use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::Meta;
use super::call::Call;
use super::errors::GraphError;
use super::pages::webhook_fields;
use super::state::State;
use super::tokens::{Holder, Token};

/// How long the receiver may take to echo the challenge.
const HANDSHAKE: Duration = Duration::from_secs(6);

/// Where the app wants to be told of its pages.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) callback: String,
    pub(super) fields: BTreeSet<String>,
    /// Without it notices say only which fields changed.
    pub(super) with_values: bool,
    pub(super) version: String,
}

impl Meta {
    /// Subscribes the app to `leadgen` of its pages, after the receiver has echoed a challenge, as the dashboard does.
    ///
    /// # Errors
    /// 2200 when the receiver does not echo the challenge.
    pub async fn subscribe(&self, callback_url: &str, verify_token: &str) -> Result<(), GraphError> {
        self.shake_hands(callback_url, verify_token).await?;
        self.state().subscription = Some(Subscription {
            callback: callback_url.to_owned(),
            fields: BTreeSet::from(["leadgen".to_owned()]),
            with_values: true,
            version: "v26.0".to_owned(),
        });
        Ok(())
    }

    /// `POST /{app_id}/subscriptions`.
    pub(super) async fn subscribe_by_call(&self, call: &Call) -> Result<Value, GraphError> {
        let token = self.state().enter(call)?;
        of_app(&self.state(), call, &token)?;
        let subscription = Subscription {
            callback: call.required("callback_url")?.to_owned(),
            fields: webhook_fields(call, "fields")?,
            with_values: call.param("include_values").is_some_and(|value| ["true", "1"].contains(&value)),
            version: call.version.clone().unwrap_or_default(),
        };
        if call.required("object")? != "page" {
            return Err(GraphError::new(100, None).say("(#100) object must be page"));
        }
        self.shake_hands(&subscription.callback, call.required("verify_token")?).await?;
        self.state().subscription = Some(subscription);
        Ok(json!({ "success": true }))
    }

    /// Asks the receiver to echo a challenge.
    async fn shake_hands(&self, callback_url: &str, verify_token: &str) -> Result<(), GraphError> {
        let failed = |reason: String| {
            let message = format!("(#2200) Callback verification failed with the following errors: {reason}");
            GraphError::new(2200, None).say(message)
        };
        let mut url = Url::parse(callback_url).map_err(|error| failed(error.to_string()))?;
        let challenge = format!("19073{:05}", self.state().next_number());
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", &challenge)
            .append_pair("hub.verify_token", verify_token);
        let headers = [("user-agent", "facebookplatform/1.0 (+http://developers.facebook.com)".to_owned())];
        let answer = self.send(Method::GET, url.as_str(), &headers, Bytes::new(), HANDSHAKE).await.map_err(failed)?;
        if answer.status() != 200 {
            return Err(failed(format!("HTTP Status Code = {}; HTTP Message = refused", answer.status().as_u16())));
        }
        if answer.body() != &challenge { Err(failed("the challenge was not echoed".to_owned())) } else { Ok(()) }
    }
}

/// Refuses a token that is not the app's, or another app.
fn of_app(state: &State, call: &Call, token: &Token) -> Result<(), GraphError> {
    if token.holder != Holder::App {
        return Err(GraphError::new(15, None).say("(#15) This method must be called with an app access_token."));
    }
    if call.id() == state.app.id { Ok(()) } else { Err(GraphError::absent()) }
}

/// `GET /{app_id}/subscriptions`.
pub(super) fn show(state: &State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    of_app(state, call, token)?;
    let shown = |subscription: &Subscription| {
        let field = |name: &String| json!({ "name": name, "version": subscription.version });
        json!({ "object": "page", "callback_url": subscription.callback, "active": true,
            "fields": subscription.fields.iter().map(field).collect::<Vec<_>>() })
    };
    Ok(json!({ "data": state.subscription.iter().map(shown).collect::<Vec<_>>() }))
}

/// `DELETE /{app_id}/subscriptions`: some fields, or all.
pub(super) fn remove(state: &mut State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    of_app(state, call, token)?;
    let removed = call.names("fields");
    if let Some(subscription) = &mut state.subscription {
        subscription.fields.retain(|field| !removed.is_empty() && !removed.contains(field));
    }
    if state.subscription.as_ref().is_some_and(|subscription| subscription.fields.is_empty()) {
        state.subscription = None;
    }
    Ok(json!({ "success": true }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::super::testing::{APP_ID, Caller, HOOK, Receiver, VERIFY_TOKEN, code};
    use crate::Direct;

    fn path() -> String {
        format!("/v26.0/{APP_ID}/subscriptions")
    }

    fn request<'a>(callback: &'a str, verify_token: &'a str) -> [(&'a str, &'a str); 5] {
        [
            ("object", "page"),
            ("callback_url", callback),
            ("verify_token", verify_token),
            ("fields", "leadgen"),
            ("include_values", "true"),
        ]
    }

    fn caller() -> (Caller, String) {
        let caller = Caller::demo();
        caller.meta.send_over(Arc::new(Direct::new().host("crm.example", Receiver::default().router())));
        let token = caller.meta.app_token();
        (caller, token)
    }

    #[tokio::test]
    async fn subscribes_after_the_handshake() {
        let (caller, token) = caller();
        let made = caller.send("POST", &path(), &token, &request(HOOK, VERIFY_TOKEN)).await;
        assert_eq!(made, (200, json!({ "success": true })));
        let shown = json!({ "data": [{ "object": "page", "callback_url": HOOK, "active": true,
            "fields": [{ "name": "leadgen", "version": "v26.0" }] }] });
        assert_eq!(caller.send("GET", &path(), &token, &[]).await, (200, shown));
        caller.send("DELETE", &path(), &token, &[("object", "page"), ("fields", "leadgen")]).await;
        assert_eq!(caller.send("GET", &path(), &token, &[]).await.1, json!({ "data": [] }));
    }

    #[rstest]
    #[case(HOOK, "wrong", "HTTP Status Code = 403")]
    #[case("https://crm.example/elsewhere", VERIFY_TOKEN, "HTTP Status Code = 404")]
    #[case("https://nowhere.example/hook", VERIFY_TOKEN, "no such host")]
    #[case("no url", VERIFY_TOKEN, "relative URL")]
    #[tokio::test]
    async fn a_failed_handshake_changes_nothing(#[case] callback: &str, #[case] verify: &str, #[case] reason: &str) {
        let (caller, token) = caller();
        caller.meta.subscribe(HOOK, VERIFY_TOKEN).await.unwrap();
        let (status, refused) = caller.send("POST", &path(), &token, &request(callback, verify)).await;
        assert_eq!((status, code(&refused)), (400, (2200, 0)));
        assert!(refused["error"]["message"].as_str().unwrap().contains(reason), "{refused}");
        assert_eq!(caller.send("GET", &path(), &token, &[]).await.1["data"][0]["callback_url"], HOOK);
    }

    #[tokio::test]
    async fn only_the_app_itself_may() {
        let (caller, _) = caller();
        assert_eq!(code(&caller.get(&path()).await.1), (15, 0));
        assert_eq!(code(&caller.post(&path(), &request(HOOK, VERIFY_TOKEN)).await.1), (15, 0));
    }
}
