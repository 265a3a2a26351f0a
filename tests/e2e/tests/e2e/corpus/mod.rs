//! The hostile corpus: every file of `tests/e2e/corpus` is one request to the webhook with all that is to follow.

mod case;
mod text;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::future::join_all;
use futures::{FutureExt, StreamExt, stream};
use pretty_assertions::assert_eq;
use sandbox::{Queue, QueueCount};
use serde_json::Value;

use self::case::{Answer, Case, Request, Rows, SECRETS};
use crate::bundle::bundle;
use crate::door;
use crate::person::Person;
use crate::transaction::assert_holds;
use crate::world::{FORM, World};

/// A form whose bundle is stopped: leads of it are recorded and wait.
const STOPPED_FORM: &str = "700000000000002";

/// A form that no bundle takes.
const UNROUTED_FORM: &str = "700000000000003";

/// Fewest files. Source: `reliability.md`, goal 17.
const FEWEST: usize = 120;

/// The folder whose files leave thousands of rows, which would slow down all others.
const BULK: &str = "thousands";

/// Sandboxes among which the other files are divided.
const SANDBOXES: usize = 2;

/// Requests under way at the same time, where a file asks for many.
const CALLERS: usize = 32;

/// Longest log line, in bytes. Source: `reliability.md`, the line about log injection.
const LONGEST_LINE: usize = 2048;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_is_answered_as_it_says() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files = files(&corpus);
    assert!(files.len() >= FEWEST, "{} files", files.len());
    let (bulk, rest): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| file.starts_with(BULK));
    let parts = std::iter::once(&*bulk).chain(rest.chunks(rest.len().div_ceil(SANDBOXES)));
    let failures = join_all(parts.map(|files| failures_of(&corpus, files))).await.concat();
    assert!(failures.is_empty(), "{} of {} files:\n\n{}", failures.len(), files.len(), failures.join("\n\n"));
}

/// The files of all folders, without what leads to the corpus.
fn files(corpus: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let folders = entries(corpus).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<_> = folders.flat_map(|folder| entries(&folder)).collect();
    files.sort();
    files.into_iter().map(|file| file.strip_prefix(corpus).unwrap().to_owned()).collect()
}

/// What is wrong with files that are tried one after the other in one sandbox.
async fn failures_of(corpus: &Path, files: &[PathBuf]) -> Vec<String> {
    let world = with_forms().await;
    let (mut seen, mut failures) = (Seen::of(&world).await, Vec::new());
    for file in files {
        let mut about = String::new();
        let tried = async {
            let case = Case::read(&corpus.join(file));
            about.clone_from(&case.about);
            try_case(&world, &case, &mut seen).await;
        };
        if let Err(panic) = AssertUnwindSafe(tried).catch_unwind().await {
            failures.push(format!("{} ({about}): {}", file.display(), message(&*panic)));
            seen = Seen::of(&world).await;
        }
    }
    failures.extend(world.sandbox.log_lines().iter().filter_map(|line| bad_line(line)));
    // Its end waits for the functions, and the other sandboxes have requests under way.
    tokio::spawn(async move { drop(world) }).await.unwrap();
    failures
}

/// A world with [`FORM`], [`STOPPED_FORM`], [`UNROUTED_FORM`] and two app secrets, in which nothing is hurried: a
/// function has the time it has in Lambda.
async fn with_forms() -> World {
    let world = World::empty(|options| {
        options.app_secret = format!("{},{}", SECRETS[0].1, SECRETS[1].1);
        options.time_scale = 1.0;
        // What is counted here are the lines of every day.
        options.function_environment.insert("LOG_LEVEL".to_owned(), "info".to_owned());
    })
    .await;
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    assert_eq!([world.add_form("Trade-in"), world.add_form("Lost")], [STOPPED_FORM, UNROUTED_FORM]);
    world.door.post("/api/bundles", &bundle("trade-in", STOPPED_FORM)).await.expect(201);
    world
}

async fn try_case(world: &World, case: &Case, seen: &mut Seen) {
    for lead in case.leads() {
        world.meta.add_lead(FORM, Person::invent().lead().id(lead));
    }
    for answer in std::iter::once(&case.answer).chain(&case.again) {
        try_answer(world, &case.request, answer, seen).await;
    }
}

/// Sends the request and looks at everything that follows beyond what was `seen` before.
async fn try_answer(world: &World, request: &Request, expected: &Answer, seen: &mut Seen) {
    for (queue, fault) in expected.faults() {
        world.sandbox.set_fault(queue, fault);
    }
    let answers = send(world, request).await;
    for (queue, _) in expected.faults() {
        world.sandbox.set_fault(queue, None);
    }
    for answer in answers {
        assert_answer(&answer, expected);
    }
    if expected.rows == Rows::NotAwaited {
        assert_eq!(announced(world), seen.queued + expected.queued);
        return;
    }
    for lead in &expected.done {
        let transaction = world.done("repair", lead).await;
        assert_eq!(world.orders_of("repair", lead).len(), 1, "orders of {lead}");
        let created = world.meta.notice(lead).unwrap().created.as_second();
        let told = transaction["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(told.as_second(), created, "the time of {lead} is Meta's");
    }
    drained(world).await;
    if let Some(lines) = expected.log_lines {
        world.until("it is logged", async |world| log_lines(world) >= seen.log_lines + lines).await;
        assert_eq!(log_lines(world) - seen.log_lines, lines, "log lines");
    }
    let before = std::mem::replace(seen, Seen::of(world).await);
    assert_eq!(*seen, before.with(expected, seen));
}

/// Waits until the lead queue is empty, for as long as it gets emptier.
async fn drained(world: &World) {
    let left = |world: &World| {
        let QueueCount { waiting, in_flight } = world.sandbox.count(Queue::Lead);
        waiting + in_flight
    };
    while let before @ 1.. = left(world) {
        world.until("the queue gets emptier", async |world| left(world) < before).await;
    }
}

async fn send(world: &World, request: &Request) -> Vec<door::Answer> {
    let body = request.body();
    let headers = request.headers(&body);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let copies = vec![body; request.copies];
    let one = |body: Bytes| world.door.send(&request.method, &request.path, &headers, body);
    stream::iter(copies).map(one).buffer_unordered(CALLERS).collect().await
}

#[track_caller]
fn assert_answer(answer: &door::Answer, expected: &Answer) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, expected.status, "{body}");
    match &expected.body_holds {
        Some(members) => assert_holds(&answer.json(), members),
        None => assert_eq!(body, expected.body),
    }
    for (name, value) in &expected.headers {
        assert_eq!(answer.header(name), value, "{name}");
    }
}

/// Everything that requests can lead to, counted from the beginning of the world.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    queued: usize,
    quarantined: usize,
    transactions: usize,
    waiting: usize,
    unrouted: u64,
    clients: usize,
    orders: usize,
    /// How often RemOnline and Meta were asked for anything.
    asked: usize,
    log_lines: usize,
}

impl Seen {
    /// The same after `answer`. How often the other systems were asked counts where nobody may ask them, and log lines
    /// are counted elsewhere.
    fn with(self, answer: &Answer, after: &Self) -> Self {
        Self {
            queued: self.queued + answer.queued,
            quarantined: self.quarantined + answer.quarantined,
            transactions: self.transactions + answer.done.len() + answer.waiting,
            waiting: self.waiting + answer.waiting,
            unrouted: self.unrouted + u64::try_from(answer.unrouted).unwrap(),
            clients: self.clients + answer.done.len(),
            orders: self.orders + answer.done.len(),
            asked: if answer.done.is_empty() { self.asked } else { after.asked },
            log_lines: after.log_lines,
        }
    }

    async fn of(world: &World) -> Self {
        let transactions = world.transactions("").await;
        let waits = |transaction: &&Value| transaction["reason"] == "bundle_stopped";
        let unrouted = world.door.get("/api/unrouted").await.expect(200);
        let unrouted = unrouted["items"].as_array().unwrap().iter().map(|form| form["count"].as_u64().unwrap());
        Self {
            queued: announced(world),
            quarantined: world.sandbox.sent(Queue::Quarantine).len(),
            waiting: transactions.iter().filter(waits).count(),
            transactions: transactions.len(),
            unrouted: unrouted.sum(),
            clients: world.new_clients().len(),
            orders: world.remonline.orders().len(),
            asked: world.remonline.requests().len() + world.meta.requests().len(),
            log_lines: log_lines(world),
        }
    }
}

/// How many messages about leads were put on the lead queue.
fn announced(world: &World) -> usize {
    world.sandbox.sent(Queue::Lead).iter().filter(|body| body.contains(r#""kind":"lead""#)).count()
}

/// How many lines `ingest` has logged beside its metrics.
fn log_lines(world: &World) -> usize {
    let lines = world.sandbox.log_lines();
    lines.iter().filter(|line| line.contains(r#""function":"ingest""#) && !line.contains(r#""_aws""#)).count()
}

/// What is wrong with a log line.
fn bad_line(line: &str) -> Option<String> {
    let object = serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object());
    let fits = line.len() <= LONGEST_LINE;
    (!object || !fits).then(|| format!("no JSON object, or longer than {LONGEST_LINE} bytes: {line:.300}"))
}

/// What a failed assertion says.
fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}
