//! Leads of forms that no bundle takes, and what the audit found in RemOnline.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{Router, extract::State, routing::get};
use store::{Finding, UnroutedForm};

use super::{Page, Reader};
use crate::{app::App, problem::Problem};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/unrouted", get(page)).route("/findings", get(findings))
}

#[derive(Template)]
#[template(path = "unrouted.html")]
struct Unrouted {
    reader: Reader,
    forms: Vec<UnroutedForm>,
    /// The connection of each page that has one.
    pages: BTreeMap<String, Source>,
}

struct Source {
    connection: String,
    title: String,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct Findings {
    reader: Reader,
    findings: Vec<Finding>,
}

async fn page(State(app): State<Arc<App>>, reader: Reader) -> Result<Page<Unrouted>, Problem> {
    let connections = app.store.connections().await?.into_iter();
    let pages = connections.filter_map(|it| {
        let page_id = it.page_id()?.to_string();
        Some((page_id, Source { connection: it.id.to_string(), title: it.title.clone() }))
    });
    Ok(Page(Unrouted { reader, forms: app.store.unrouted_forms().await?, pages: pages.collect() }))
}

async fn findings(State(app): State<Arc<App>>, reader: Reader) -> Result<Page<Findings>, Problem> {
    let mut findings = app.store.findings().await?;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.found_at));
    Ok(Page(Findings { reader, findings }))
}

impl Unrouted {
    fn source(&self, form: &UnroutedForm) -> Option<&Source> {
        self.pages.get(form.page_id.as_str())
    }
}
