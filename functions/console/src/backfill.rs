use std::sync::Arc;

use ::connections::{Listing, ListingError, Taker};
use axum::{Json, extract::State};
use domain::{Bundle, Connection, ConnectionState, LeadSource, MetaId, Slug};
use facebook::graph::GraphError;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::Deserialize;
use store::{Backfill, Intake, IntakeError};
use utoipa::ToSchema;

use crate::{
    app::App,
    bundles,
    explain::Language,
    failure::graph_problem,
    problem::{PROBLEM_JSON, Problem, ProblemDetails},
    request::{Body, Ids},
    retry::Queued,
    text::text,
};

/// As long as Meta shows a lead.
const MOST: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Whoever asks for exactly that much has a clock of their own.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// After this the call asks Meta for nothing more. API Gateway waits 29 s, and an answer of Meta may take 15 s.
const TIME: SignedDuration = SignedDuration::from_secs(13);

/// Which old leads are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewBackfill)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Leads created from then on, 90 days ago at most.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Brings the leads of the bundle's forms that were created since then and that the bundle has not yet; live leads go
/// before them. The call works on it for some seconds, and what is left then is brought by the schedule, which comes
/// every 15 minutes: `queued` counts the leads that were put until the answer, and may be less than what comes. Leads
/// of a stopped bundle wait until it is started.
#[utoipa::path(post, path = "/api/bundles/{id}/backfill", tag = "bundles", params(("id" = String, Path)),
    request_body = Asked,
    responses((status = ACCEPTED, body = Queued),
              (status = CONFLICT, description = "The page cannot be read now.", body = ProblemDetails,
               content_type = PROBLEM_JSON),
              (status = UNPROCESSABLE_ENTITY, description = "`since` is no time of the last 90 days.", body = ProblemDetails,
               content_type = PROBLEM_JSON)))]
pub(crate) async fn backfill(
    State(app): State<Arc<App>>,
    language: Language,
    Ids(id): Ids<Slug>,
    Body(asked): Body<Asked>,
) -> Result<(StatusCode, Json<Queued>), Problem> {
    let bundle = bundles::find(&app, &id).await?;
    let now = app.clock.now();
    check(asked.since, now)?;
    let connection = readable(&app, &bundle).await?;
    let token = app.secret(&connection).await?;
    let work = Work { app: &app, bundle: &bundle, since: asked.since, token, stop_at: now + TIME, language };
    let queued = work.unrouted().await? + work.listed().await?;
    tracing::info!(bundle_id = %id, queued, "backfill asked for");
    Ok((StatusCode::ACCEPTED, Json(Queued { queued })))
}

fn check(since: Timestamp, now: Timestamp) -> Result<(), Problem> {
    if since > now {
        return Err(Problem::invalid_field("/since", text("since-future")));
    }
    if since < now - MOST - TOLERANCE {
        return Err(Problem::invalid_field("/since", text("since-too-old")));
    }
    Ok(())
}

/// The connection to the bundle's page.
async fn readable(app: &App, bundle: &Bundle) -> Result<Connection, Problem> {
    let id = &bundle.document.source.connection;
    let connection = app.store.connection(id).await?;
    let connection = connection.ok_or_else(|| Problem::conflict(text("connection-gone").with("id", id)))?;
    match connection.state {
        ConnectionState::Active => Ok(connection),
        _ => Err(Problem::conflict(text("connection-not-in-use").with("id", id))),
    }
}

struct Work<'a> {
    app: &'a App,
    bundle: &'a Bundle,
    since: Timestamp,
    token: SecretString,
    stop_at: Timestamp,
    language: Language,
}

impl Work<'_> {
    /// Takes in what was announced since and no bundle took. Returns how many leads are new.
    async fn unrouted(&self) -> Result<usize, Problem> {
        let (store, now) = (&self.app.store, self.app.clock.now());
        let bundles = store.bundles_of_page(&self.bundle.page_id).await?;
        let wanted = |bundle: &Bundle, received_at| bundle.id == self.bundle.id && received_at >= self.since;
        let taken = store.take_in_unrouted(&self.bundle.page_id, &bundles, LeadSource::Backfill, now, wanted).await;
        Ok(self.count(taken?).await)
    }

    /// Notes what is wanted of each form, and brings as much as the time suffices for. Returns how many leads are new.
    async fn listed(&self) -> Result<usize, Problem> {
        let mut noted = Vec::new();
        for form_id in self.forms().await? {
            let asked = Backfill::new(self.bundle.id.clone(), form_id, self.since, self.app.clock.now());
            noted.push(self.app.store.begin_backfill(asked).await?);
        }
        let mut queued = 0;
        for backfill in noted {
            queued += self.bring(backfill).await?;
        }
        Ok(queued)
    }

    /// The forms that the bundle takes.
    async fn forms(&self) -> Result<Vec<MetaId>, Problem> {
        if let Ok(form_id) = self.bundle.document.source.form_id.parse() {
            return Ok(vec![form_id]);
        }
        let bundles = self.app.store.bundles_of_page(&self.bundle.page_id).await?;
        let takes =
            |form_id: &MetaId| Bundle::takers(&bundles, form_id).into_iter().any(|bundle| bundle.id == self.bundle.id);
        let listed = self.app.systems.graph.listed_forms(&self.token, &self.bundle.page_id).await;
        let listed = listed.map_err(|error| graph_problem(&error, self.language))?;
        Ok(listed.into_iter().map(|form| form.id).filter(takes).collect())
    }

    async fn bring(&self, mut backfill: Backfill) -> Result<usize, Problem> {
        let form_id = backfill.form_id.clone();
        let listing = Listing {
            systems: &self.app.systems,
            token: &self.token,
            page_id: &self.bundle.page_id,
            form_id: &form_id,
            takers: &[Taker { bundle: self.bundle, since: backfill.since }],
            source: LeadSource::Backfill,
            stop_at: self.stop_at,
        };
        let mut intake = Intake::default();
        let walked = listing.walk(&mut backfill.pass, &mut intake).await;
        let queued = self.count(intake).await;
        match walked {
            Ok(true) => self.app.store.forget_backfill(&backfill).await?,
            Ok(false) | Err(ListingError::Graph(GraphError::Unavailable(_) | GraphError::Throttled { .. })) => {
                self.app.store.save_backfill(&backfill).await?;
            }
            Err(ListingError::Graph(error)) => {
                self.app.store.forget_backfill(&backfill).await?;
                return Err(graph_problem(&error, self.language));
            }
            Err(ListingError::Intake(error)) => return Err(error.into()),
        }
        Ok(queued)
    }

    /// Wakes those who have work now. Returns how many leads are new.
    async fn count(&self, intake: Intake) -> usize {
        self.app.wake(intake.accounts).await;
        intake.new
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Store(error) => error.into(),
            IntakeError::NoAccount(_) => Self::conflict(text("remonline-gone")),
        }
    }
}
