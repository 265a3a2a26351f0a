use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// That the console answers, and which version of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
}

/// Says that the console answers. Needs no sign-in and asks nobody else.
#[utoipa::path(get, path = "/api/health", security(()), tag = "console", responses((status = OK, body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
