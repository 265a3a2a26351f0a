//! The connection doctor's findings, put into words.

use std::sync::Arc;

use ::connections::{Fault, Finding, Seen};
use axum::{Json, extract::State};
use domain::Slug;
use fluent_bundle::FluentArgs;
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

/// What the doctor found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checkup {
    pub(crate) checks: Vec<Check>,
}

/// One thing that has to be right.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: &'static str,
    pub(crate) ok: bool,
    /// What was found, in the caller's language.
    pub(crate) detail: String,
    /// What to do, in the caller's language; null when nothing has to be done.
    #[schema(required)]
    pub(crate) fix: Option<String>,
}

/// Checks what has to be right for the connection's leads to flow, for every bundle that uses it.
#[utoipa::path(post, path = "/api/connections/{id}/check", tag = "connections", params(("id" = String, Path)),
    responses((status = OK, body = Checkup)))]
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
) -> Result<Json<Checkup>, Problem> {
    let connection = connections::find(&app, &id).await?;
    let checkup = app.systems.check(&connection, &app.store.bundles().await?).await?;
    app.systems.note_check(&connection, checkup.refused).await?;
    let checks = checkup.findings.iter().map(|finding| Check::of(finding, language)).collect();
    Ok(Json(Checkup { checks }))
}

impl Check {
    fn of(finding: &Finding, language: Language) -> Self {
        let (ok, detail, fix) = match &finding.told {
            Ok(seen) => (true, language.seen(finding, seen), None),
            Err(fault) => {
                let Explanation { explanation, fix } = language.fault(finding, fault);
                (false, explanation, Some(fix))
            }
        };
        Self { name: finding.name, ok, detail, fix }
    }
}

impl Language {
    fn seen(self, finding: &Finding, seen: &Seen) -> String {
        let mut values = about(finding);
        match seen {
            Seen::Right => {}
            Seen::Name(name) => values.set("name", name.as_str()),
            Seen::Count(count) => values.set("count", count.to_string()),
        }
        self.line(&format!("check-{}-passed", finding.name), Some(&values)).unwrap_or_default()
    }

    fn fault(self, finding: &Finding, fault: &Fault) -> Explanation {
        let mut values = about(finding);
        let told = match fault {
            Fault::Remonline(error) => Some(self.of_bundle(finding, explain_remonline(error, self))),
            Fault::Graph(error) => Some(explain_graph(error, self)),
            Fault::NoLeadAccess(reason, resolution) => self.graph(Some(103), None).map(|told| Explanation {
                explanation: words(&[told.explanation, reason.clone().unwrap_or_default()]),
                fix: resolution.clone().unwrap_or(told.fix),
            }),
            Fault::Lacks(permissions) => self.graph(Some(200), None).map(|told| Explanation {
                explanation: format!("{} ({})", told.explanation, permissions.join(", ")),
                ..told
            }),
            Fault::NotSo => self.text(&format!("check-{}-failed", finding.name)),
            Fault::NoForm(id) => {
                values.set("form", id.as_str());
                self.text_with("check-form-gone", &values)
            }
            Fault::FormStatus(status) => {
                values.set("status", status.as_str());
                self.text_with("check-form-status", &values)
            }
            Fault::NoQuestion(named) => {
                values.set("field", named.pointer.as_str());
                values.set("question", named.key.as_str());
                self.text_with("check-questions-gone", &values)
            }
            Fault::NoReference(named) => {
                values.set("field", named.pointer.as_str());
                values.set("id", named.id_text());
                self.text_with("check-references-gone", &values)
            }
        };
        told.unwrap_or_else(|| Explanation { explanation: fault.to_string(), fix: String::new() })
    }

    /// An explanation that says which bundle it is about, where it is about one.
    fn of_bundle(self, finding: &Finding, told: Explanation) -> Explanation {
        match self.line("check-bundle", Some(&about(finding))).filter(|_| finding.bundle.is_some()) {
            Some(bundle) => Explanation { explanation: words(&[bundle, told.explanation]), ..told },
            None => told,
        }
    }
}

fn about(finding: &Finding) -> FluentArgs<'_> {
    FluentArgs::from_iter(finding.bundle.as_ref().map(|bundle| ("bundle", bundle.as_str())))
}

fn words(parts: &[String; 2]) -> String {
    parts.join(" ").trim_end().to_owned()
}
