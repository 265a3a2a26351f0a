use std::sync::Arc;

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::Serialize;
use store::UnroutedForm;
use utoipa::ToSchema;

use crate::{
    app::App,
    paging::{Items, Listing, NoFilter, Page},
    problem::Problem,
};

/// A form that sent leads no bundle takes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unrouted {
    /// The page, Meta's id.
    page_id: String,
    /// The form, Meta's id.
    form_id: String,
    /// How many leads.
    count: u64,
    /// When the first of them was announced.
    #[schema(value_type = String, format = DateTime)]
    first_at: Timestamp,
    /// When the last of them was announced.
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
}

impl From<UnroutedForm> for Unrouted {
    fn from(form: UnroutedForm) -> Self {
        let UnroutedForm { page_id, form_id, count, first_at, last_at } = form;
        Self { page_id: page_id.into(), form_id: form_id.into(), count, first_at, last_at }
    }
}

/// Lists the forms that sent leads no bundle takes, kept for 90 days.
#[utoipa::path(get, path = "/api/unrouted", tag = "transactions", params(Page),
    responses((status = OK, body = Items<Unrouted>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Listing { page, filter: NoFilter {} }: Listing<NoFilter>,
) -> Result<Json<Items<Unrouted>>, Problem> {
    let forms = app.store.unrouted_forms().await?;
    let forms = forms.into_iter().map(Unrouted::from).collect();
    Ok(Json(page.of(forms, |form| format!("{}#{}", form.page_id, form.form_id))?))
}
