//! RemOnline (RO App) `/v2` and its unversioned paths, as one company sees them.
//!
//! Strict where the public documentation is clear; every doubtful point is a switch of [`Settings`].

mod admit;
mod answer;
mod call;
mod contacts;
mod control;
mod fields;
mod filter;
mod handle;
mod limits;
mod orders;
mod query;
mod reference;
mod seed;
mod settings;
mod state;
#[cfg(test)]
mod testing;

use std::fmt;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State as Extract;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use jiff::Timestamp;

use self::answer::{Refusal, Reply};
use self::call::Call;
use self::contacts::Contact;
pub use self::handle::LoggedRequest;
pub use self::limits::Area;
pub use self::reference::Reference;
pub use self::seed::DEMO_API_KEY;
pub use self::settings::{ArrayStyle, EmailMatch, ErrorStyle, PhoneMatch, Settings, Window, WriteBody};
use self::state::State;

/// A RemOnline with one company. Clones share it.
#[derive(Clone)]
pub struct RemOnline(Arc<Mutex<State>>);

impl fmt::Debug for RemOnline {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RemOnline").finish_non_exhaustive()
    }
}

impl RemOnline {
    /// An empty company without a key; `now` is its clock.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(Mutex::new(State::new(Box::new(now)))))
    }

    /// The public API.
    pub fn router(&self) -> Router {
        company_routes()
            .merge(contacts::routes("/v2/contacts/people", Contact::Person))
            .merge(contacts::routes("/v2/contacts/organizations", Contact::Organization))
            .merge(order_routes())
            .fallback(on(|_, _| Err(Refusal::NotFound)))
            .method_not_allowed_fallback(on(|_, _| Err(Refusal::MethodNotAllowed)))
            .layer(from_fn_with_state(self.clone(), admit::admit))
            .with_state(self.clone())
    }

    /// The public API and, under `/_sim/`, the simulator's own controls: `GET state`, `POST settings` (the ones to
    /// change), `POST` and `DELETE faults`. They need no key.
    pub fn router_with_control(&self) -> Router {
        self.router().merge(control::router(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, action: &dyn Fn(&mut State, &Call) -> Result<Reply, Refusal>, call: &Call) -> Response {
        let mut state = self.state();
        match action(&mut state, call) {
            Ok(reply) => reply.into_response(&state.settings),
            Err(refusal) => refusal.into_response(&state.settings, call.unversioned),
        }
    }
}

/// Makes an axum handler of an action on the state.
fn on(
    action: impl Fn(&mut State, &Call) -> Result<Reply, Refusal> + Clone + Send + Sync + 'static,
) -> impl Fn(Extract<RemOnline>, Call) -> Ready<Response> + Clone + Send + Sync + 'static {
    move |Extract(remonline), call| ready(remonline.answer(&action, &call))
}

fn company_routes() -> Router<RemOnline> {
    Router::new()
        .route("/v2/company", get(on(reference::company)))
        .route("/v2/company/locations", get(on(reference::locations)))
        .route("/v2/company/locations/{id}/resources", get(on(reference::resources)))
        .route("/v2/company/employees", get(on(reference::employees)))
        .route("/v2/company/employees/{id}", get(on(reference::employee)))
        .route("/marketing/campaigns/", get(on(reference::campaigns)))
}

fn order_routes() -> Router<RemOnline> {
    Router::new()
        .route("/v2/orders", get(on(orders::list)).post(on(orders::create)))
        .route("/v2/orders/types", get(on(reference::order_types)))
        .route("/v2/orders/statuses", get(on(reference::statuses)))
        .route("/v2/orders/custom-fields", get(on(reference::order_fields)))
        .route("/v2/orders/{id}", get(on(orders::show)).patch(on(orders::update)).delete(on(orders::delete)))
        .route("/v2/orders/{id}/status", post(on(orders::set_status)))
        .route("/v2/orders/{id}/comments", post(on(orders::comment)))
}
