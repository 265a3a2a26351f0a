//! Every lead, newest first: filtered, watched, set going again, taken along as a table.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{Bundle, State as TransactionState};
use http::header;
use serde::Deserialize;

use super::{Page, Reader};
use crate::{
    app::App,
    openapi::REASONS,
    problem::Problem,
    request,
    retry::{Rules, retry_some},
    transactions::{Transaction, Wanted, history_problem},
};

/// Leads on one page.
const PAGE: usize = 50;

/// Most lines of one table to take along: an answer of Lambda holds 6 MB.
const MOST_LINES: usize = 10_000;

/// The states in the order of their attention.
const STATES: [&str; 8] = ["review", "parked", "waiting", "running", "received", "done", "skipped", "erased"];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/history", get(page)).route("/history.csv", get(table)).route("/history/retry", post(retry))
}

/// What a person fills in to find leads; what is empty does not matter. The names are those of `GET /api/transactions`,
/// but that days are enough for times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Search {
    bundle: String,
    connection: String,
    state: String,
    reason: String,
    leadgen_id: String,
    phone: String,
    email: String,
    from: String,
    to: String,
    cursor: String,
    said: String,
}

#[derive(Template)]
#[template(path = "history/page.html")]
struct History {
    reader: Reader,
    search: Search,
    bundles: Vec<Bundle>,
    transactions: Vec<Transaction>,
    next: Option<String>,
    problem: Option<Problem>,
}

#[derive(Template)]
#[template(path = "history/retrying.html")]
struct Retrying {
    reader: Reader,
    /// What was sent with the last part, to be sent with the next one.
    asked: Asked,
    is_over: bool,
}

/// A retry of many, part by part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// The search as a query.
    search: String,
    /// `current` or `original`.
    rules: Rules,
    /// Set going so far.
    #[serde(default)]
    queued: usize,
    /// How many there are, where that is known.
    #[serde(default)]
    total: usize,
    #[serde(default)]
    cursor: String,
}

async fn page(State(app): State<Arc<App>>, reader: Reader, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let search: Search = request::query(&query.unwrap_or_default())?;
    let bundles = app.store.bundles().await?;
    match search.find(&app).await {
        Ok((transactions, next)) => {
            let next = next.map(|cursor| Search { cursor, ..search.clone() }.address("/history"));
            Ok(Page(History { reader, search, bundles, transactions, next, problem: None }).into_response())
        }
        Err(problem) if problem.status.is_client_error() => {
            let (transactions, next, status) = (Vec::new(), None, problem.status);
            let problem = Some(problem);
            Ok((status, Page(History { reader, search, bundles, transactions, next, problem })).into_response())
        }
        Err(problem) => Err(problem),
    }
}

/// All that match as a table for a spreadsheet, masked like the page.
async fn table(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut search: Search = request::query(&query.unwrap_or_default())?;
    let mut lines = csv::Writer::from_writer(Vec::new());
    let write = |error: csv::Error| Problem::internal(&error);
    lines.write_record(COLUMNS).map_err(write)?;
    for _ in 0..MOST_LINES / PAGE {
        let (transactions, next) = search.find(&app).await?;
        for transaction in &transactions {
            lines.write_record(cells(transaction).map(|cell| harmless(&cell))).map_err(write)?;
        }
        let Some(cursor) = next else { break };
        search.cursor = cursor;
    }
    let table = lines.into_inner().map_err(|error| Problem::internal(error.error()))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"leads.csv\""),
    ];
    Ok((headers, table).into_response())
}

/// Sets the next part of what matches going. The page asks for the part after it until there is none.
async fn retry(
    State(app): State<Arc<App>>,
    reader: Reader,
    Form(mut asked): Form<Asked>,
) -> Result<Page<Retrying>, Problem> {
    let search: Search = request::query(&asked.search)?;
    if asked.cursor.is_empty() {
        asked.total = search.count(&app).await?;
    }
    let filter = search.wanted()?.filter(&app.hasher)?;
    let cursor = Some(asked.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let part = retry_some(&app, &filter, asked.rules, cursor).await?;
    asked.queued += part.queued;
    let is_over = part.next_cursor.is_none();
    asked.cursor = part.next_cursor.unwrap_or_default();
    Ok(Page(Retrying { reader, asked, is_over }))
}

impl History {
    fn states(&self) -> [&'static str; 8] {
        STATES
    }

    fn reasons(&self) -> &'static [&'static str] {
        &REASONS
    }

    fn csv(&self) -> String {
        Search { cursor: String::new(), ..self.search.clone() }.address("/history.csv")
    }

    /// The address that brings the same again, for a page that watches.
    fn here(&self) -> String {
        self.search.address("/history")
    }

    /// What a retry of all that match is about.
    fn asked(&self) -> String {
        self.search.query(str::to_owned)
    }

    /// Whether the page shows the newest leads, and so changes by itself.
    fn is_watched(&self) -> bool {
        self.search.cursor.is_empty() && self.problem.is_none()
    }

    /// Whether what is shown can be set going at once.
    fn can_retry(&self) -> bool {
        matches!(self.search.state.as_str(), "parked" | "waiting" | "review") && !self.transactions.is_empty()
    }

    fn title(&self, bundle_id: &str) -> String {
        let bundle = self.bundles.iter().find(|bundle| bundle.id.as_str() == bundle_id);
        bundle.map_or_else(|| bundle_id.to_owned(), |bundle| bundle.document.title.clone())
    }
}

impl Search {
    /// The search in the terms of the JSON API.
    fn wanted(&self) -> Result<Wanted, Problem> {
        request::query(&self.query(day_begins))
    }

    async fn find(&self, app: &App) -> Result<(Vec<Transaction>, Option<String>), Problem> {
        let filter = self.wanted()?.filter(&app.hasher)?;
        let cursor = Some(self.cursor.as_str()).filter(|cursor| !cursor.is_empty());
        let found = app.store.history(&filter, PAGE, cursor).await.map_err(history_problem)?;
        Ok((found.items.into_iter().map(|record| Transaction::of(record, None)).collect(), found.next_cursor))
    }

    /// How many match, where counting costs nothing: 0 when it is not known.
    async fn count(&self, app: &App) -> Result<usize, Problem> {
        let state = match self.state.as_str() {
            "parked" => TransactionState::Parked,
            "waiting" => TransactionState::Waiting,
            "review" => TransactionState::Review,
            _ => return Ok(0),
        };
        let alone = Search { state: self.state.clone(), ..Search::default() };
        let is_alone = Search { cursor: String::new(), said: String::new(), ..self.clone() } == alone;
        if is_alone { Ok(app.store.count_in(state).await?) } else { Ok(0) }
    }

    fn address(&self, path: &str) -> String {
        let mut query = self.query(str::to_owned);
        if !self.cursor.is_empty() {
            query = format!("{query}&cursor={}", self.cursor);
        }
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.trim_start_matches('&')) }
    }

    /// What is filled in, as a query; `time` writes the times.
    fn query(&self, time: impl Fn(&str) -> String) -> String {
        let (from, to) = (time(&self.from), time(&self.to));
        let filled = [
            ("bundle", &self.bundle),
            ("connection", &self.connection),
            ("state", &self.state),
            ("reason", &self.reason),
            ("leadgen_id", &self.leadgen_id),
            ("phone", &self.phone),
            ("email", &self.email),
            ("from", &from),
            ("to", &to),
        ];
        let filled =
            filled.into_iter().map(|(name, value)| (name, value.trim())).filter(|(_, value)| !value.is_empty());
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filled).finish()
    }
}

/// A day is the moment at which it begins, in UTC.
fn day_begins(text: &str) -> String {
    if text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    }
}

const COLUMNS: [&str; 14] = [
    "received_at",
    "state",
    "reason",
    "bundle_id",
    "leadgen_id",
    "form_id",
    "source",
    "created_at",
    "updated_at",
    "client_id",
    "order_id",
    "name",
    "phone",
    "email",
];

fn cells(transaction: &Transaction) -> [String; 14] {
    let Transaction { contact, .. } = transaction;
    [
        transaction.received_at.to_string(),
        super::word(transaction.state),
        transaction.reason.map(super::word).unwrap_or_default(),
        transaction.bundle_id.clone(),
        transaction.leadgen_id.clone(),
        transaction.form_id.clone(),
        super::word(transaction.source),
        transaction.created_at.map(|at| at.to_string()).unwrap_or_default(),
        transaction.updated_at.to_string(),
        transaction.client_id.map(|id| id.to_string()).unwrap_or_default(),
        transaction.order_id.map(|id| id.to_string()).unwrap_or_default(),
        contact.name.clone(),
        contact.phone.clone(),
        contact.email.clone(),
    ]
}

/// A cell that no spreadsheet takes for a formula. Source: OWASP, "CSV Injection".
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("=1+1", "'=1+1")]
    #[case("+380*******33", "'+380*******33")]
    #[case("-2", "'-2")]
    #[case("@SUM(A1)", "'@SUM(A1)")]
    #[case("\t=1", "'\t=1")]
    #[case("\r=1", "'\r=1")]
    #[case("O. K.", "O. K.")]
    #[case("", "")]
    fn no_cell_is_a_formula(#[case] cell: &str, #[case] expected: &str) {
        assert_eq!(harmless(cell), expected);
    }

    #[test]
    fn a_day_is_its_beginning() {
        assert_eq!(day_begins("2026-11-23"), "2026-11-23T00:00:00Z");
        assert_eq!(day_begins("2026-11-23T09:00:00Z"), "2026-11-23T09:00:00Z");
        assert_eq!(day_begins("soon"), "soon");
    }

    #[test]
    fn what_is_empty_is_not_searched_for() {
        let search = Search { state: "parked".to_owned(), phone: " +380 50 ".to_owned(), ..Search::default() };
        assert_eq!(search.address("/history"), "/history?state=parked&phone=%2B380+50");
        assert_eq!(Search::default().address("/history"), "/history");
    }
}
