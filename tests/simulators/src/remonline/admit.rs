use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::middleware::Next;
use axum::response::Response;
use http::header;
use http::request::Parts;

use super::RemOnline;
use super::answer::Refusal;
use super::call::is_unversioned;
use super::handle::LoggedRequest;
use super::state::State;
use crate::{AnswerLost, Effect};

/// Stands before every route: logs the request, asks for a key, keeps the rate, shows the faults.
pub(super) async fn admit(Extract(remonline): Extract<RemOnline>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { return crate::lost_answer() };
    let (position, admission) = remonline.state().arrive(&parts, &body);
    let request = Request::from_parts(parts, Body::from(body));
    let response = match admission {
        Err(refusal) => refusal.into_response(&remonline.state().settings, is_unversioned(request.uri().path())),
        Ok(None) => next.run(request).await,
        Ok(Some(fault)) => fault.play(request, next).await,
    };
    remonline.state().answered(position, &response);
    response
}

impl State {
    /// Logs a request and decides what becomes of it. The number is its place in the log.
    fn arrive(&mut self, parts: &Parts, body: &[u8]) -> (usize, Result<Option<Effect>, Refusal>) {
        self.requests.push(LoggedRequest {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
            arrived_at: self.now(),
            status: None,
        });
        (self.requests.len() - 1, self.admission(parts))
    }

    fn admission(&mut self, parts: &Parts) -> Result<Option<Effect>, Refusal> {
        let now = self.now();
        let path = parts.uri.path();
        let bearer =
            parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let key = bearer.and_then(|key| self.keys.get_mut(key)).ok_or(Refusal::Unauthorized)?;
        key.admit(path, now, &self.settings)?;
        if self.settings.unversioned_gone && is_unversioned(path) {
            return Err(Refusal::NotFound);
        }
        Ok(self.faults.strike(parts.method.as_str(), path))
    }

    fn answered(&mut self, position: usize, response: &Response) {
        let lost = response.extensions().get::<AnswerLost>().is_some();
        if let Some(request) = self.requests.get_mut(position).filter(|_| !lost) {
            request.status = Some(response.status().as_u16());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::super::testing::Caller;
    use super::super::{Area, DEMO_API_KEY};
    use super::*;
    use crate::Fault;

    const PERSON: &str = r#"{"first_name":"Olena"}"#;

    #[tokio::test]
    async fn asks_for_a_known_key() {
        let caller = Caller::demo();
        let request = Request::get("/v2/company").body(Body::empty()).unwrap();
        assert_eq!(caller.send(request).await, (401, json!({ "message": "Unauthorized" })));
        caller.remonline.revoke_key(DEMO_API_KEY);
        assert_eq!(caller.get("/v2/company").await.0, 401);
        caller.remonline.add_key(DEMO_API_KEY);
        assert_eq!(caller.get("/v2/company").await.0, 200);
    }

    #[tokio::test]
    async fn a_key_may_lack_a_permission() {
        let caller = Caller::demo();
        caller.remonline.remove_permission(DEMO_API_KEY, Area::Orders);
        assert_eq!(caller.get("/v2/orders").await, (403, json!({ "message": "Forbidden" })));
        assert_eq!(caller.get("/v2/contacts/people").await.0, 200);
        caller.remonline.update_settings(|settings| settings.forbidden_status = 405);
        assert_eq!(caller.get("/v2/orders").await.0, 405);
        caller.remonline.restore_permission(DEMO_API_KEY, Area::Orders);
        assert_eq!(caller.get("/v2/orders").await.0, 200);
    }

    #[tokio::test]
    async fn throttles_each_key_by_itself() {
        let caller = Caller::demo();
        caller.remonline.update_settings(|settings| {
            settings.rate_limited = true;
            settings.retry_after = Some(1);
        });
        for _ in 0..3 {
            assert_eq!(caller.get("/v2/company").await.0, 200);
        }
        let throttled = caller.raw(caller.request("POST", "/v2/contacts/people", PERSON)).await;
        assert_eq!(throttled.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(throttled.headers()[header::RETRY_AFTER], "1");
        assert_eq!(caller.remonline.people().len(), 3, "a throttled request is not executed");
        assert_eq!(caller.remonline.busiest_second(), 3);
        caller.remonline.add_key("other-key");
        let other = Request::get("/v2/company").header(header::AUTHORIZATION, "Bearer other-key");
        assert_eq!(caller.send(other.body(Body::empty()).unwrap()).await.0, 200);
        caller.pass(Duration::from_secs(1));
        assert_eq!(caller.get("/v2/company").await.0, 200);
    }

    #[tokio::test]
    async fn logs_what_arrived() {
        let caller = Caller::demo();
        caller.get("/v2/orders?page=2").await;
        caller.remonline.inject(Fault::once(Effect::ApplyThenDrop));
        caller.post("/v2/contacts/people", json!({ "first_name": "Olena" })).await;
        let log = caller.remonline.requests();
        assert_eq!(
            (log[0].method.as_str(), log[0].path.as_str(), log[0].query.as_str()),
            ("GET", "/v2/orders", "page=2")
        );
        assert_eq!((log[0].status, log[1].status), (Some(200), None));
        assert_eq!((log[1].body.as_str(), log[1].arrived_at), (PERSON, caller.now()));
        assert_eq!(caller.remonline.count("POST", "/v2/contacts"), 1);
        assert_eq!(caller.remonline.count("GET", "/v2/contacts"), 0);
    }

    #[rstest]
    #[case(Effect::status(503), Some(503), 0)]
    #[case(Effect::RetryAfter(7), Some(429), 0)]
    #[case(Effect::DropBefore, None, 0)]
    #[case(Effect::apply_then_status(504), Some(504), 1)]
    #[case(Effect::ApplyThenDrop, None, 1)]
    #[case(Effect::Garbage, Some(200), 1)]
    #[case(Effect::Huge, Some(200), 1)]
    #[case(Effect::Delay(Duration::from_secs(3)), Some(201), 1)]
    #[tokio::test(start_paused = true)]
    async fn shows_faults(#[case] effect: Effect, #[case] status: Option<u16>, #[case] people_made: usize) {
        let caller = Caller::demo();
        let before = caller.remonline.people().len();
        caller.remonline.inject(Fault::once(effect).on("POST", "/v2/contacts"));
        caller.raw(caller.request("POST", "/v2/contacts/people", PERSON)).await;
        assert_eq!(caller.remonline.requests()[0].status, status);
        assert_eq!(caller.remonline.people().len() - before, people_made);
        let (again, _) = caller.post("/v2/contacts/people", json!({ "first_name": "Olena" })).await;
        assert_eq!(again, 201, "the fault was for one request only");
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_commit_comes_after_its_answer_was_lost() {
        let caller = Caller::demo();
        caller.remonline.inject(Fault::once(Effect::ApplyAfter(Duration::from_secs(40))));
        let response = caller.raw(caller.request("POST", "/v2/contacts/people", PERSON)).await;
        assert!(response.extensions().get::<AnswerLost>().is_some());
        tokio::time::sleep(Duration::from_secs(39)).await;
        assert_eq!(caller.remonline.people().len(), 3);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(caller.remonline.people().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delayed_request_takes_effect_though_the_caller_left() {
        let caller = Caller::demo();
        caller.remonline.inject(Fault::once(Effect::Delay(Duration::from_secs(20))));
        let call = caller.raw(caller.request("POST", "/v2/contacts/people", PERSON));
        assert!(tokio::time::timeout(Duration::from_secs(15), call).await.is_err());
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(caller.remonline.people().len(), 4);
    }

    #[tokio::test]
    async fn faults_choose_their_requests() {
        let caller = Caller::demo();
        let order = Effect::status(500);
        caller.remonline.inject(Fault::times(2, order.clone()).exactly("GET", "/v2/orders").after(1));
        let mut statuses = Vec::new();
        for path in ["/v2/orders", "/v2/orders/types", "/v2/orders", "/v2/orders", "/v2/orders"] {
            statuses.push(caller.get(path).await.0);
        }
        assert_eq!(statuses, [200, 200, 500, 500, 200]);
        caller.remonline.inject(Fault::always(order));
        assert_eq!(caller.get("/v2/company").await.0, 500);
        caller.remonline.clear_faults();
        assert_eq!(caller.get("/v2/company").await.0, 200);
    }
}
