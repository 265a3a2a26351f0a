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
