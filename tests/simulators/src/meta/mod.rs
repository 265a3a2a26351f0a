//! Meta: the part of the Graph API that lead ads need, and the webhook that tells of new leads.
//!
//! One app, its pages, forms, leads and tokens. What Meta leaves undocumented is a switch of [`Settings`]; what goes
//! wrong is a [`Fault`](crate::Fault) with one of the effects [`graph_error`], [`bad_gateway`] or [`stall`], or any other.

mod admit;
mod batch;
mod call;
mod control;
mod delivery;
mod edges;
mod errors;
mod faults;
mod fields;
mod forms;
mod handle;
mod leads;
mod limits;
mod log;
mod nodes;
mod pages;
mod paging;
mod seed;
mod settings;
mod state;
mod subscriptions;
mod test_leads;
#[cfg(test)]
mod testing;
mod tokens;
mod webhook;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Extension, State as Extract};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;

use self::call::Call;
pub use self::call::TokenPlace;
pub use self::delivery::{Delivery, Outcome, Signature, Withheld};
pub use self::errors::GraphError;
pub use self::faults::{Scope, bad_gateway, graph_error, stall};
pub use self::forms::{Form, Question};
pub use self::leads::{Ad, NewLead, Webhook};
pub use self::log::LoggedRequest;
pub use self::seed::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN};
pub use self::settings::Settings;
use self::state::State;
pub use self::webhook::{
    AdIds, Notice, Shape, changed_fields_payload, dashboard_test_payload, leadgen_update_payload, payload, sign,
};

/// The app that reads the leads.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: String,
    /// Signs the webhook and proves the app's own calls.
    pub secret: String,
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A Meta with one app. Clones share it.
#[derive(Clone)]
pub struct Meta(Arc<Mutex<State>>);

impl fmt::Debug for Meta {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Meta").finish_non_exhaustive()
    }
}

impl Meta {
    /// No page, no lead, no token but the app's own; `now` is its clock.
    pub fn new(app: App, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(Mutex::new(State::new(app, Box::new(now)))))
    }

    /// The Graph API, under any version.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).layer(from_fn_with_state(self.clone(), admit::admit)).with_state(self.clone())
    }

    /// The Graph API and, under `/_sim/`, the simulator's own controls: `GET state`, `POST leads`, `POST settings`
    /// (the ones to change), `POST` and `DELETE faults`. They need no token.
    pub fn router_with_control(&self) -> Router {
        self.router().merge(control::router(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a call that has been admitted. Those that make calls of their own come first.
async fn answer(Extract(meta): Extract<Meta>, Extension(call): Extension<Call>) -> Response {
    let (method, path) = call.target();
    if (method, path.as_slice()) == ("GET", &["dialog", "oauth"]) {
        return match tokens::dialog(&mut meta.state(), &call) {
            Ok(address) => Redirect::to(&address).into_response(),
            Err(error) => meta.state().respond(&call, &Err(error)),
        };
    }
    let result = match (method, path.as_slice()) {
        ("POST", []) => meta.batch(&call).await,
        ("POST", [_, "subscriptions"]) => meta.subscribe_by_call(&call).await,
        ("POST", [_, "test_leads"]) => meta.make_test_lead(&call),
        _ => meta.state().act(&call),
    };
    meta.state().respond(&call, &result)
}
