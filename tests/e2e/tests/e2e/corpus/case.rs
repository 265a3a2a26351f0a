//! What stands in a file of the corpus. `tests/e2e/corpus/README.md` says it for people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use sandbox::{Queue, QueueFault};
use serde::Deserialize;
use simulators::meta::sign;

use super::text::Text;

/// A request and everything that is to follow from it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What is tried, in a sentence.
    pub(super) about: String,
    #[serde(default)]
    pub(super) request: Request,
    /// What follows from it the first time.
    pub(super) answer: Answer,
    /// What follows when the same bytes come again, each time after everything before has been done.
    #[serde(default)]
    pub(super) again: Vec<Answer>,
}

/// A request; without a word a signed POST to the webhook.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Request {
    pub(super) method: String,
    /// With its query.
    pub(super) path: String,
    /// Beside the signature.
    headers: BTreeMap<String, String>,
    /// Values of `X-Hub-Signature-256`, one header each, with [`SECRETS`] to be filled in.
    signature: Signature,
    body: Text,
    /// What is signed, where it is not the body.
    signed: Option<Text>,
    /// How many of them come at once.
    pub(super) copies: usize,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Signature {
    One(String),
    Several(Vec<String>),
}

/// What follows from a request. What is not named is nothing: no body, no message, no row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    /// What ails the queues meanwhile.
    #[serde(default)]
    sqs: BTreeMap<QueueName, Fault>,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: String,
    /// Members of the body, where it is a JSON object.
    pub(super) body_holds: Option<serde_json::Value>,
    /// Messages about leads that were put on the lead queue.
    #[serde(default)]
    pub(super) queued: usize,
    /// Messages that were put in quarantine.
    #[serde(default)]
    pub(super) quarantined: usize,
    #[serde(default)]
    pub(super) rows: Rows,
    /// New transactions that end as `done`, each with an order of its own, by lead.
    #[serde(default)]
    pub(super) done: BTreeSet<String>,
    /// New transactions that wait because their bundle is stopped.
    #[serde(default)]
    pub(super) waiting: usize,
    /// New leads that no bundle takes.
    #[serde(default)]
    pub(super) unrouted: usize,
    /// Lines that `ingest` logs beside its metrics; not counted without a word.
    pub(super) log_lines: Option<usize>,
}

/// Whether what becomes of the messages is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rows {
    /// It is waited for and counted.
    #[default]
    Counted,
    /// There are too many to wait for. No other file may follow in the sandbox.
    NotAwaited,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum QueueName {
    Lead,
    Quarantine,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    Down,
    Refuses(usize),
    Takes(usize),
}

/// The app secrets by the names they have in a signature: two that count, and one that does not.
pub(super) const SECRETS: [(&str, &str); 3] =
    [("{hex", "sandbox-app-secret"), ("{previous", "previous-canary-secret"), ("{stranger", "stranger-canary-secret")];

impl Default for Request {
    fn default() -> Self {
        Self {
            method: "POST".to_owned(),
            path: "/facebook/webhook".to_owned(),
            headers: BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]),
            signature: Signature::One("sha256={hex}".to_owned()),
            body: Text::default(),
            signed: None,
            copies: 1,
        }
    }
}

impl Case {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        serde_norway::from_str(&text).unwrap_or_else(|error| panic!("it is no case: {error}"))
    }

    /// The leads that people have left at Meta.
    pub(super) fn leads(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.answer).chain(&self.again).flat_map(|answer| &answer.done)
    }
}

impl Request {
    pub(super) fn body(&self) -> Bytes {
        self.body.bytes()
    }

    /// All headers, for this body.
    pub(super) fn headers(&self, body: &Bytes) -> Vec<(String, String)> {
        let signed = self.signed.as_ref().map_or_else(|| body.clone(), Text::bytes);
        let templates = match &self.signature {
            Signature::One(template) => std::slice::from_ref(template),
            Signature::Several(templates) => templates,
        };
        let signatures = templates.iter().map(|it| ("x-hub-signature-256".to_owned(), filled_in(it, &signed)));
        signatures.chain(self.headers.clone()).collect()
    }
}

/// A signature: `{hex}`, `{previous}` and `{stranger}` are the digests made with that secret, `{hex:63}` its first
/// digits, `{hex:upper}` its digits in capitals.
fn filled_in(template: &str, signed: &[u8]) -> String {
    SECRETS.iter().fold(template.to_owned(), |text, (name, secret)| {
        let signature = sign(secret, signed);
        let digits = signature.trim_start_matches("sha256=");
        let text =
            text.replace(&format!("{name}}}"), digits).replace(&format!("{name}:upper}}"), &digits.to_uppercase());
        (0..digits.len()).fold(text, |text, most| text.replace(&format!("{name}:{most}}}"), &digits[..most]))
    })
}

impl Answer {
    /// What ails each queue.
    pub(super) fn faults(&self) -> impl Iterator<Item = (Queue, QueueFault)> {
        self.sqs.iter().map(|(queue, fault)| (Queue::from(*queue), QueueFault::from(*fault)))
    }
}

impl From<QueueName> for Queue {
    fn from(name: QueueName) -> Self {
        match name {
            QueueName::Lead => Self::Lead,
            QueueName::Quarantine => Self::Quarantine,
        }
    }
}

impl From<Fault> for QueueFault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Down => Self::Down,
            Fault::Refuses(messages) => Self::Refuses(messages),
            Fault::Takes(messages) => Self::Takes(messages),
        }
    }
}
