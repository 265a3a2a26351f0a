//! The connection doctor: what has to be right for leads to flow, checked one by one.

use std::sync::Arc;

use axum::{Json, extract::State};
use domain::{ConnectionKind, ConnectionState, MetaId, Slug};
use facebook::graph::{GraphError, PageDetails, TokenDetails};
use fluent_bundle::FluentArgs;
use jiff::SignedDuration;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    connections,
    explain::{Explanation, Language},
    failure::{explain_graph, explain_remonline},
    problem::Problem,
    request::Ids,
};

/// What a page token needs to be granted.
/// Source: Meta, Marketing API, Lead Ads, "Permissions".
const PERMISSIONS: [&str; 4] = ["leads_retrieval", "pages_manage_metadata", "pages_read_engagement", "pages_show_list"];

/// How long before its end a token is complained about.
const NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The field of a page that announces leads.
const LEADGEN: &str = "leadgen";

/// What the doctor found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checkup {
    checks: Vec<Check>,
}

/// One thing that has to be right.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    /// What was looked at.
    name: &'static str,
    ok: bool,
    /// What was found, in the caller's language.
    detail: String,
    /// What to do, in the caller's language; null when nothing has to be done.
    #[schema(required)]
    fix: Option<String>,
}

/// Checks what has to be right for the connection's leads to flow.
#[utoipa::path(post, path = "/api/connections/{id}/check", tag = "connections", params(("id" = String, Path)),
    responses((status = OK, body = Checkup)))]
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
) -> Result<Json<Checkup>, Problem> {
    let connection = connections::find(&app, &id).await?;
    let secret = app.secret(&connection).await?;
    let mut doctor = Doctor { language, checks: Vec::new(), refused: None };
    match &connection.kind {
        ConnectionKind::Remonline { .. } => doctor.remonline(&app.remonline(&connection).await?, &app).await,
        ConnectionKind::Facebook { page_id, .. } => doctor.facebook(&app, &secret, page_id).await,
    }
    app.systems.note_check(&connection, doctor.refused).await?;
    Ok(Json(Checkup { checks: doctor.checks }))
}

struct Doctor {
    language: Language,
    checks: Vec<Check>,
    /// The state that the connection's own key earned.
    refused: Option<ConnectionState>,
}

impl Doctor {
    async fn remonline(&mut self, client: &remonline::Client, app: &App) {
        client.pacer().expect(6);
        let company = client.company().await;
        self.asked("api_key", company.map(|company| vec![("name", company.name)]));
        if self.refused == Some(ConnectionState::KeyRejected) {
            return;
        }
        self.asked("people", client.list_people(1).await.map(drop).map(|()| Vec::new()));
        self.asked("orders", client.orders_created_since(app.clock.now(), 1).await.map(drop).map(|()| Vec::new()));
        self.asked("locations", client.branches().await.map(|list| count(list.len())));
        self.asked("order_types", client.order_types().await.map(|list| count(list.len())));
        self.asked("statuses", client.statuses().await.map(|list| count(list.len())));
    }

    async fn facebook(&mut self, app: &App, token: &SecretString, page_id: &MetaId) {
        let page = app.systems.graph.page(token, page_id).await;
        self.told("page_token", &page, |page| vec![("name", page.name.clone())]);
        if self.refused == Some(ConnectionState::KeyRejected) {
            return;
        }
        if let Ok(page) = &page {
            self.lead_access(page);
            self.terms(page);
        }
        match app.systems.graph.debug_token(token).await {
            Ok(Some(details)) => self.token(&details, app),
            Ok(None) => {}
            Err(error) => self.foreign("permissions", &error),
        }
        let forms = app.systems.graph.forms(token, page_id).await;
        self.told("forms", &forms, |forms| count(forms.len()));
        self.page_subscription(app, token, page_id).await;
        self.app_subscription(app).await;
    }

    fn lead_access(&mut self, page: &PageDetails) {
        let Some(access) = &page.lead_access else { return };
        if access.can_access_lead {
            return self.pass("lead_access", Vec::new());
        }
        let told = self.language.graph(Some(103), None);
        let Some(Explanation { explanation, fix }) = told else { return };
        let reason = access.failure_reason.as_deref().map(|reason| format!(" {reason}")).unwrap_or_default();
        let fix = access.failure_resolution.clone().unwrap_or(fix);
        self.fail("lead_access", Explanation { explanation: format!("{explanation}{reason}"), fix });
    }

    fn terms(&mut self, page: &PageDetails) {
        if let Some(accepted) = page.terms_accepted {
            self.judge("terms", accepted);
        }
    }

    fn token(&mut self, details: &TokenDetails, app: &App) {
        let missing: Vec<_> =
            PERMISSIONS.into_iter().filter(|wanted| !details.scopes.iter().any(|s| s == wanted)).collect();
        if missing.is_empty() {
            self.pass("permissions", Vec::new());
        } else if let Some(Explanation { explanation, fix }) = self.language.graph(Some(200), None) {
            let explanation = format!("{explanation} ({})", missing.join(", "));
            self.fail("permissions", Explanation { explanation, fix });
        }
        let ends = details.expires_at.into_iter().chain(details.data_access_expires_at).min();
        self.judge("token_expiry", ends.is_none_or(|end| end >= app.clock.now() + NOTICE));
    }

    async fn page_subscription(&mut self, app: &App, token: &SecretString, page_id: &MetaId) {
        match app.systems.graph.subscribed_apps(token, page_id).await {
            Ok(apps) => {
                let ours = |id: &MetaId| app.facebook_app_id.as_ref().is_none_or(|own| own == id);
                let told = |fields: &[String]| fields.iter().any(|field| field == LEADGEN);
                let subscribed = apps.iter().any(|app| ours(&app.id) && told(&app.fields));
                self.judge("page_subscription", subscribed);
            }
            Err(error) => self.foreign("page_subscription", &error),
        }
    }

    async fn app_subscription(&mut self, app: &App) {
        match app.systems.graph.app_subscriptions().await {
            Ok(None) => {}
            Ok(Some(subscriptions)) => {
                let live = subscriptions.iter().any(|subscription| {
                    let leads = subscription.fields.iter().any(|field| field == LEADGEN);
                    subscription.object == "page" && subscription.active && leads
                });
                self.judge("app_subscription", live);
            }
            Err(error) => self.foreign("app_subscription", &error),
        }
    }

    /// What RemOnline answered to one question.
    fn asked(&mut self, name: &'static str, answer: Result<Vec<(&'static str, String)>, remonline::Error>) {
        use remonline::Error as E;
        match answer {
            Ok(values) => self.pass(name, values),
            Err(error) => {
                self.refused = self.refused.or(match &error {
                    E::KeyRejected(_) => Some(ConnectionState::KeyRejected),
                    E::Forbidden(_) => Some(ConnectionState::Forbidden),
                    _ => None,
                });
                self.fail(name, explain_remonline(&error, self.language));
            }
        }
    }

    /// What Meta answered about the page.
    fn told<T>(
        &mut self,
        name: &'static str,
        answer: &Result<T, GraphError>,
        values: impl FnOnce(&T) -> Vec<(&'static str, String)>,
    ) {
        match answer {
            Ok(answer) => self.pass(name, values(answer)),
            Err(error) => {
                self.refused = self.refused.or(match error {
                    GraphError::TokenRejected(_) => Some(ConnectionState::KeyRejected),
                    GraphError::Forbidden { .. } => Some(ConnectionState::Forbidden),
                    _ => None,
                });
                self.foreign(name, error);
            }
        }
    }

    /// A failure that does not blame the connection's own token.
    fn foreign(&mut self, name: &'static str, error: &GraphError) {
        self.fail(name, explain_graph(error, self.language));
    }

    fn pass(&mut self, name: &'static str, values: Vec<(&'static str, String)>) {
        let values = FluentArgs::from_iter(values);
        let detail = self.language.line(&format!("check-{name}-passed"), Some(&values)).unwrap_or_default();
        self.checks.push(Check { name, ok: true, detail, fix: None });
    }

    fn judge(&mut self, name: &'static str, ok: bool) {
        if ok { self.pass(name, Vec::new()) } else { self.fail_by_text(name) }
    }

    fn fail_by_text(&mut self, name: &'static str) {
        let text = self.language.text(&format!("check-{name}-failed"));
        let untold = || Explanation { explanation: name.to_owned(), fix: String::new() };
        self.fail(name, text.unwrap_or_else(untold));
    }

    fn fail(&mut self, name: &'static str, Explanation { explanation, fix }: Explanation) {
        self.checks.push(Check { name, ok: false, detail: explanation, fix: Some(fix) });
    }
}

fn count(number: usize) -> Vec<(&'static str, String)> {
    vec![("count", number.to_string())]
}
