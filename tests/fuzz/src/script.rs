//! What the other side of a client answers, written as an input: a first line that says what is asked, then the answers
//! in their order, with `---` on a line of its own between them. An answer is its status, its headers line by line, an
//! empty line and the body:
//!
//! ```text
//! lead
//! 200
//! x-app-usage: {"call_count":28}
//!
//! {"id":"900000000000001"}
//! ```

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use transport::{MAX_BODY, Transport, TransportError};

const BETWEEN: &[u8] = b"\n---\n";

/// The first line of an input and what follows it. What is no UTF-8 in the line is replaced.
pub(crate) fn first_line(input: &[u8]) -> (String, &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (line, rest) = end.map_or((input, &[][..]), |end| (&input[..end], &input[end + 1..]));
    (String::from_utf8_lossy(line).into_owned(), rest)
}

/// A transport that gives the answers of an input, and none after the last.
#[derive(Debug)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Response<Bytes>>>,
    asked: Mutex<Vec<Request<Bytes>>>,
}

impl Script {
    pub(crate) fn read(input: &[u8]) -> Self {
        let mut answers = VecDeque::new();
        let mut rest = input;
        loop {
            let end = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN);
            answers.push_back(answer(&rest[..end.unwrap_or(rest.len())]));
            let Some(end) = end else { break };
            rest = &rest[end + BETWEEN.len()..];
        }
        Self { answers: Mutex::new(answers), asked: Mutex::default() }
    }

    /// The first answer's status and body.
    pub(crate) fn first(&self) -> (u16, Bytes) {
        let answers = lock(&self.answers);
        answers.front().map(|answer| (answer.status().as_u16(), answer.body().clone())).unwrap_or_default()
    }

    /// What was asked.
    pub(crate) fn asked(&self) -> MutexGuard<'_, Vec<Request<Bytes>>> {
        lock(&self.asked)
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.asked().push(request);
        let answer = lock(&self.answers).pop_front();
        answer
            .filter(|answer| answer.body().len() <= MAX_BODY)
            .ok_or_else(|| TransportError::OutcomeUnknown("no answer in time".to_owned()))
    }
}

/// What cannot be read of an answer's head is left out: 200 stands for a status that is none.
fn answer(text: &[u8]) -> Response<Bytes> {
    let (status, mut rest) = first_line(text);
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::from_bytes(status.as_bytes()).unwrap_or_default();
    while !rest.is_empty() {
        let (line, after) = first_line(rest);
        rest = after;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = header(&line) {
            answer.headers_mut().append(name, value);
        }
    }
    *answer.body_mut() = Bytes::copy_from_slice(rest);
    answer
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn answers_are_read_one_after_the_other() {
        let script = Script::read(b"429\nretry-after: 3\nnonsense\n\nslow\ndown\n---\n404\n---\nodd");
        let read = |answer: &Response<Bytes>| (answer.status().as_u16(), answer.headers().len(), answer.body().clone());
        let answers = lock(&script.answers).iter().map(read).collect::<Vec<_>>();
        assert_eq!(answers, [(429, 1, "slow\ndown".into()), (404, 0, "".into()), (200, 0, "".into())]);
        assert_eq!(script.first(), (429, "slow\ndown".into()));
    }
}
