//! The world outside as a process reaches it: the simulators' routers behind a seam.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use domain::Clock;
use http::{Method, Request, Response, header};
use jiff::Timestamp;
use serde_json::Value;
use simulators::{
    Direct, Effect, Fault,
    meta::{Meta, graph_error},
    remonline::RemOnline,
};
use transport::{Transport, TransportError};

use crate::effects::{Fate, Kind, Seam};

/// The host that all companies share; a request's key tells whose it is.
const REMONLINE: &str = "api.roapp.io";
const META: &str = "graph.facebook.com";

/// A company at RemOnline.
#[derive(Debug)]
pub struct Company {
    /// The name of its connection, and of its account; part of each of its keys.
    pub name: String,
    /// What it has there.
    pub remonline: RemOnline,
    /// How the header begins that each of its keys makes.
    bearer: String,
    direct: Direct,
    calls: Mutex<Vec<Timestamp>>,
    /// The cards it had before the run.
    known: Mutex<Vec<Value>>,
}

impl Company {
    /// A company whose connection has this name.
    pub(crate) fn new(name: &str, remonline: RemOnline) -> Self {
        let direct = Direct::new().host(REMONLINE, remonline.router());
        let bearer = format!("Bearer {}", how_keys_begin(name));
        Self { name: name.to_owned(), remonline, bearer, direct, calls: Mutex::default(), known: Mutex::default() }
    }

    /// The cards it has now are those it had before the run.
    pub(crate) fn remember_cards(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = self.remonline.people();
    }

    /// The cards it had before the run, as they were then.
    pub fn known_cards(&self) -> Vec<Value> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// When we called it, by our clock.
    pub fn calls(&self) -> Vec<Timestamp> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note_call(&self, at: Timestamp) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(at);
    }
}

/// The `number`th key of a company.
pub(crate) fn api_key(company: &str, number: usize) -> String {
    format!("{}{number}", how_keys_begin(company))
}

fn how_keys_begin(company: &str) -> String {
    format!("kenar-{company}-")
}

/// Everybody on the other side.
#[derive(Debug)]
pub struct Outside {
    /// The companies at RemOnline.
    pub companies: Vec<Company>,
    /// Meta.
    pub meta: Meta,
    direct: Direct,
    /// How long a request travels, and its answer.
    one_way: Duration,
}

impl Outside {
    pub(crate) fn new(companies: Vec<Company>, meta: Meta, one_way: Duration) -> Self {
        let direct = Direct::new().host(META, meta.router());
        Self { companies, meta, direct, one_way }
    }
}

/// The wire that one process has.
pub(crate) struct Wire {
    pub(crate) outside: Arc<Outside>,
    pub(crate) seam: Seam,
    pub(crate) clock: Clock,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let company = self.company(&request);
        let place = company.map_or("meta", |company| &company.name);
        let kind = kind_of(request.method(), request.uri().path(), company.is_some());
        let name = format!("{place} {} {}", request.method(), without_ids(request.uri().path()));
        if let Some(company) = company {
            company.note_call(self.clock.now());
        }
        let under_way = kind.writes().then(|| self.seam.effects.write_leaves());
        let fate = self.seam.pass(kind, &name).await;
        let answer = self.exchange(company, request, fate).await;
        drop(under_way);
        self.seam.passed(fate).await;
        tokio::time::sleep(self.outside.one_way).await;
        answer
    }
}

impl Wire {
    fn company(&self, request: &Request<Bytes>) -> Option<&Company> {
        let key = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        let here = request.uri().host() == Some(REMONLINE);
        self.outside.companies.iter().find(|company| here && key.starts_with(&company.bearer))
    }

    /// The fault strikes this very request: nothing is awaited between its injection and the request's arrival.
    async fn exchange(
        &self,
        company: Option<&Company>,
        request: Request<Bytes>,
        fate: Fate,
    ) -> Result<Response<Bytes>, TransportError> {
        tokio::time::sleep(self.outside.one_way).await;
        if let Some(effect) = effect_of(fate) {
            let fault = Fault::once(effect);
            match company {
                Some(company) => company.remonline.inject(fault),
                None => self.outside.meta.inject(fault),
            }
        }
        match company {
            Some(company) => {
                let answer = company.direct.send(request).await;
                company.remonline.clear_faults();
                answer
            }
            None => self.outside.direct.send(request).await,
        }
    }
}

fn effect_of(fate: Fate) -> Option<Effect> {
    Some(match fate {
        Fate::Fine | Fate::CrashBefore | Fate::CrashAfter | Fate::Repeated | Fate::Frozen(_) => return None,
        Fate::NotApplied => Effect::DropBefore,
        Fate::AnswerLost => Effect::ApplyThenDrop,
        Fate::LateCommit(late) => Effect::ApplyAfter(late),
        Fate::Status(status) => Effect::status(status),
        Fate::DoneThenStatus(status) => Effect::apply_then_status(status),
        Fate::Garbage => Effect::Garbage,
        Fate::Throttled(Some(seconds)) => Effect::RetryAfter(seconds),
        Fate::Throttled(None) => Effect::status(429),
        Fate::Slow(pause) => Effect::Delay(pause),
        Fate::Graph(code, subcode) => graph_error(code, subcode),
    })
}

fn kind_of(method: &Method, path: &str, remonline: bool) -> Kind {
    match *method {
        Method::GET => Kind::Ask,
        _ if !remonline => Kind::Ask,
        Method::POST if path.ends_with("/status") => Kind::Set,
        Method::POST => Kind::Create,
        _ => Kind::Set,
    }
}

/// Ids in a path would give each run names of its own.
fn without_ids(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let is_id = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
        if is_id { "{id}" } else { segment }
    });
    segments.collect::<Vec<_>>().join("/")
}
