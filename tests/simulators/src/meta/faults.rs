use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::GraphError;
use super::call::Call;
use crate::{Effect, Fault, Faults};

/// The error with this code and subcode, without an effect of the request.
pub fn graph_error(code: u32, subcode: Option<u32>) -> Effect {
    let error = GraphError::new(code, subcode);
    Effect::Status { code: error.status, body: Some(error.body("AFault").to_string()) }
}

/// A 502 of a proxy, in HTML.
pub fn bad_gateway() -> Effect {
    Effect::Status { code: 502, body: Some("<html><body>Sorry, something went wrong.</body></html>".to_owned()) }
}

/// An answer that comes after half a minute.
pub fn stall() -> Effect {
    Effect::Delay(Duration::from_secs(30))
}

/// Whose calls a fault strikes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everybody's.
    #[default]
    Everything,
    /// Those about a page, its forms and leads, or with its token.
    Page(String),
    /// Those with this token.
    Token(String),
    /// Those about a lead, a form or another object, in a batch or alone.
    Object(String),
    /// The parts of batches: one that loses its answer comes as `null`.
    BatchItems,
}

/// The faults of every scope.
#[derive(Debug, Default)]
pub(super) struct ScopedFaults(BTreeMap<Scope, Faults>);

impl ScopedFaults {
    pub(super) fn inject(&mut self, scope: Scope, fault: Fault) {
        self.0.entry(scope).or_default().inject(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong with this call of `page`, if anything.
    pub(super) fn strike(&mut self, call: &Call, page: Option<&str>) -> Option<Effect> {
        let scopes = [
            Some(Scope::Object(call.id().to_owned())),
            call.token.clone().map(Scope::Token),
            page.map(|page| Scope::Page(page.to_owned())),
            call.in_batch.then_some(Scope::BatchItems),
            Some(Scope::Everything),
        ];
        let mut struck = scopes.into_iter().flatten().filter_map(|scope| {
            let faults = self.0.get_mut(&scope)?;
            faults.strike(&call.method, &call.path)
        });
        struck.next()
    }

    /// The faults that wait, each with its scope.
    pub(super) fn waiting(&self) -> Vec<(&Scope, &Faults)> {
        self.0.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::testing::{Caller, code, lead};
    use super::super::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN};
    use super::*;

    #[rstest]
    #[case(Scope::Everything, "eee")]
    #[case(Scope::Page(DEMO_PAGE.to_owned()), "eep")]
    #[case(Scope::Token(DEMO_PAGE_TOKEN.to_owned()), "eep")]
    #[case(Scope::Object("900000000000001".to_owned()), "epp")]
    #[case(Scope::BatchItems, "ppp")]
    #[tokio::test]
    async fn a_fault_strikes_within_its_scope(#[case] scope: Scope, #[case] expected: &str) {
        let caller = Caller::demo();
        let [one, two] = [lead(), lead()].map(|lead| caller.meta.add_lead(DEMO_FORM, lead));
        let other = caller.meta.add_page("110000000000002", "Сусід");
        caller.meta.inject_for(scope, Fault::always(graph_error(190, Some(460))));
        let mut seen = String::new();
        for (path, token) in [(one.as_str(), DEMO_PAGE_TOKEN), (&two, DEMO_PAGE_TOKEN), ("me", &other)] {
            let (_, body) = caller.send("GET", &format!("/v26.0/{path}"), token, &[]).await;
            seen.push(if code(&body) == (190, 460) { 'e' } else { 'p' });
        }
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn a_fresh_lead_is_hidden_for_some_reads() {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        caller.meta.hide(&id, 2);
        let path = format!("/v26.0/{id}");
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(caller.error(&path).await);
        }
        assert_eq!(seen, [(100, 33), (100, 33), (0, 0)]);
    }

    #[rstest]
    #[case(graph_error(80_005, None), Some(400))]
    #[case(graph_error(1, None), Some(500))]
    #[case(bad_gateway(), Some(502))]
    #[case(stall(), Some(200))]
    #[case(Effect::DropBefore, None)]
    #[tokio::test(start_paused = true)]
    async fn answers_are_spoilt_and_logged(#[case] effect: Effect, #[case] status: Option<u16>) {
        let caller = Caller::demo();
        let path = format!("/v26.0/{DEMO_FORM}");
        caller.meta.inject(Fault::once(effect).exactly("GET", &path));
        let request = axum::extract::Request::get(format!("{path}?access_token={DEMO_PAGE_TOKEN}"));
        caller.raw(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(caller.get(&path).await.0, 200, "the fault was for one request only");
        let log = caller.meta.requests();
        assert_eq!((log[0].status, log[1].status), (status, Some(200)));
        assert_eq!(log[0].params["access_token"], "***");
    }
}
