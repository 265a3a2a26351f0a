use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use transport::{Transport, TransportError};
use url::Url;

use crate::answer::{Answer, Page};
use crate::masking::{mask, texts_of};
use crate::row::Row;
use crate::{Details, Error, Pacer, refusal};

/// Where RemOnline's API v2 is, version included.
pub const DEFAULT_URL: &str = "https://api.roapp.io/v2";

/// So many exchanges are remembered; older ones are forgotten when nobody takes them.
const REMEMBERED: usize = 100;

/// RemOnline as one API key sees it. A key belongs to an employee: calls can do what that employee may.
#[derive(Debug)]
pub struct Client {
    transport: Arc<dyn Transport>,
    base: Url,
    key: SecretString,
    pacer: Pacer,
    exchanges: Mutex<VecDeque<Exchange>>,
}

/// One request that was sent and how it was answered, for a history. Its `Debug` leaves the body out, which holds
/// personal data.
#[derive(Clone, PartialEq)]
pub struct Exchange {
    /// When it was sent.
    pub at: Timestamp,
    /// `GET`, `POST` or `PATCH`.
    pub method: String,
    /// The path as RemOnline documents it, version included, without the query, which may hold a phone number.
    pub path: String,
    /// What a write sent.
    pub body: Option<Value>,
    /// The HTTP status; absent when there was no answer.
    pub status: Option<u16>,
    /// From sending to the end of the answer; waiting for the send time is not counted.
    pub duration: Duration,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, method, path, body: _, status, duration } = self;
        write!(f, "{method} {path} at {at} -> {status:?} after {duration:?}")
    }
}

impl Client {
    /// Makes a client for `key`. `base` is [`DEFAULT_URL`] or what stands for it, version included: the unversioned
    /// paths are looked for beside it.
    pub fn new(transport: Arc<dyn Transport>, base: Url, key: SecretString, pacer: Pacer) -> Self {
        Self { transport, base, key, pacer, exchanges: Mutex::default() }
    }

    /// What decides when requests leave.
    pub fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// What was exchanged since the last time this was asked, oldest first, at most 100. A request that was held back
    /// ([`Error::Pacing`]) is not among it.
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        self.exchanges().drain(..).collect()
    }

    /// The address of a path of v2.
    pub(crate) fn v2(&self, path: &str) -> Url {
        self.address(self.base.path().trim_end_matches('/'), path)
    }

    /// The address of a path that v2 lacks and that lives beside it: same host, same key, no version.
    pub(crate) fn unversioned(&self, path: &str) -> Url {
        let base = self.base.path().trim_end_matches('/');
        let parent = base.rsplit_once('/').filter(|(_, last)| is_version(last)).map_or(base, |(parent, _)| parent);
        self.address(parent, path)
    }

    fn address(&self, parent: &str, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{parent}{path}"));
        url.set_query(None);
        url
    }

    /// Reads `url`, filtered by `query`.
    pub(crate) async fn get(&self, mut url: Url, query: &[(&str, &str)]) -> Result<Answer, Error> {
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.exchange(Method::GET, url, None).await
    }

    /// Page `number` of a list of v2, counted from 1, filtered by `query`, each row read by `read`.
    pub(crate) async fn page_of<T>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        number: u32,
        read: impl Fn(&Row) -> Option<T>,
    ) -> Result<Page<T>, Error> {
        let number_text = number.to_string();
        let query = [query, &[("page", &number_text)]].concat();
        self.get(self.v2(path), &query).await?.page(number, read)
    }

    /// Creates something, or does something to it.
    pub(crate) async fn post(&self, url: Url, body: Value) -> Result<Answer, Error> {
        self.exchange(Method::POST, url, Some(body)).await
    }

    /// Changes the fields in `body` and no others.
    pub(crate) async fn patch(&self, url: Url, body: Value) -> Result<Answer, Error> {
        self.exchange(Method::PATCH, url, Some(body)).await
    }

    /// Exactly one exchange, at the next send time.
    async fn exchange(&self, method: Method, url: Url, body: Option<Value>) -> Result<Answer, Error> {
        let request = self.request(&method, &url, body.as_ref())?;
        self.pacer.wait().await?;
        let (at, started) = (self.pacer.now(), Instant::now());
        let result = self.transport.send(request).await;
        let exchange = Exchange {
            at,
            method: method.to_string(),
            path: url.path().to_owned(),
            status: result.as_ref().ok().map(|answer| answer.status().as_u16()),
            duration: started.elapsed(),
            body,
        };
        let decoded = decode(result, !method.is_safe(), exchange.body.as_ref(), self.pacer.now());
        self.remember(exchange);
        decoded
    }

    fn request(&self, method: &Method, url: &Url, body: Option<&Value>) -> Result<Request<Bytes>, Error> {
        let mut request = Request::builder().method(method).uri(url.as_str()).header(ACCEPT, "application/json");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let unsendable = |error: http::Error| Error::Unavailable(unanswered(&error.to_string()));
        let mut request = request.body(bytes).map_err(unsendable)?;
        request.headers_mut().insert(AUTHORIZATION, self.authorization()?);
        Ok(request)
    }

    fn authorization(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.key.expose_secret()))
            .map_err(|_| Error::KeyRejected(unanswered("the key has characters that no key has; it was not sent")))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn remember(&self, exchange: Exchange) {
        let Exchange { method, path, status, duration, .. } = &exchange;
        tracing::debug!(method, path, status, duration_ms = duration.as_millis(), "asked RemOnline");
        let mut exchanges = self.exchanges();
        if exchanges.len() == REMEMBERED {
            exchanges.pop_front();
        }
        exchanges.push_back(exchange);
    }

    fn exchanges(&self) -> MutexGuard<'_, VecDeque<Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came back, or what its absence means.
fn decode(
    result: Result<Response<Bytes>, TransportError>,
    write: bool,
    sent: Option<&Value>,
    now: Timestamp,
) -> Result<Answer, Error> {
    let answer = result.map_err(|error| match error {
        TransportError::NotSent(reason) => Error::Unavailable(unanswered(&reason)),
        TransportError::OutcomeUnknown(reason) => Error::unusable(write, unanswered(&reason)),
    })?;
    let status = answer.status().as_u16();
    let details = || refusal::read(status, answer.body(), &sent.map(texts_of).unwrap_or_default());
    if !answer.status().is_success() {
        return Err(Error::refused(write, status, retry_after(answer.headers(), now), details()));
    }
    let read = Answer { status, body: json(answer.body()).unwrap_or_default(), write };
    if read.body["success"] == Value::Bool(false) {
        return Err(Error::failed_success(write, details()));
    }
    if json(answer.body()).is_none() { Err(read.unreadable("JSON")) } else { Ok(read) }
}

/// The JSON of a body; some writes are answered by an empty one.
fn json(body: &[u8]) -> Option<Value> {
    if body.trim_ascii().is_empty() { Some(Value::Null) } else { serde_json::from_slice(body).ok() }
}

/// `Retry-After` in both its forms, seconds or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().ok().map(SignedDuration::from_secs);
    let date = || Some(now.duration_until(DateTimeParser::new().parse_timestamp(text).ok()?));
    Some(seconds.or_else(date)?.clamp(SignedDuration::ZERO, SignedDuration::from_hours(24)))
}

fn unanswered(reason: &str) -> Details {
    Details { message: mask(reason, &[]), ..Details::default() }
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;
    use transport::Https;

    use super::*;
    use crate::row::arbitrary_json;

    fn client(base: &str, key: &str) -> Client {
        let clock = domain::Clock::new(|| Timestamp::UNIX_EPOCH);
        let pacer = Pacer::local(clock, SignedDuration::ZERO);
        Client::new(Arc::new(Https::new(1.0).unwrap()), base.parse().unwrap(), key.to_owned().into(), pacer)
    }

    #[rstest]
    #[case(DEFAULT_URL, "https://api.roapp.io/v2/orders", "https://api.roapp.io/lead/")]
    #[case("http://127.0.0.1:1/v2/", "http://127.0.0.1:1/v2/orders", "http://127.0.0.1:1/lead/")]
    #[case("http://127.0.0.1:1", "http://127.0.0.1:1/orders", "http://127.0.0.1:1/lead/")]
    #[case("http://127.0.0.1:1/ro/v2?x=1", "http://127.0.0.1:1/ro/v2/orders", "http://127.0.0.1:1/ro/lead/")]
    #[case("http://127.0.0.1:1/video", "http://127.0.0.1:1/video/orders", "http://127.0.0.1:1/video/lead/")]
    fn addresses_both_kinds_of_paths(#[case] base: &str, #[case] v2: &str, #[case] unversioned: &str) {
        let client = client(base, "key");
        assert_eq!((client.v2("/orders").as_str(), client.unversioned("/lead/").as_str()), (v2, unversioned));
    }

    #[rstest]
    #[case("3", Some(3))]
    #[case("-3", Some(0))]
    #[case("999999999999", Some(86_400))]
    #[case("Thu, 01 Jan 1970 00:01:00 GMT", Some(60))]
    #[case("Wed, 31 Dec 1969 00:01:00 GMT", Some(0))]
    #[case("soon", None)]
    fn reads_retry_after(#[case] header: &'static str, #[case] seconds: Option<i64>) {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(header))]);
        assert_eq!(retry_after(&headers, Timestamp::UNIX_EPOCH), seconds.map(SignedDuration::from_secs));
    }

    #[tokio::test]
    async fn a_key_that_fits_no_header_is_not_sent() {
        let client = client("http://127.0.0.1:1", "two\nlines");
        let error = client.get(client.v2("/company"), &[]).await.unwrap_err();
        assert!(matches!(error, Error::KeyRejected(_)), "{error}");
        assert!(client.take_exchanges().is_empty());
    }

    #[test]
    fn shows_neither_key_nor_body() {
        let client = client(DEFAULT_URL, "shop-key");
        let body = Some(serde_json::json!({ "first_name": "Olena" }));
        client.remember(Exchange {
            at: Timestamp::UNIX_EPOCH,
            method: "POST".to_owned(),
            path: "/v2/contacts/people".to_owned(),
            body,
            status: Some(201),
            duration: Duration::ZERO,
        });
        let shown = format!("{client:?}");
        assert!(shown.contains("/v2/contacts/people"), "{shown}");
        assert!(!shown.contains("shop-key") && !shown.contains("Olena"), "{shown}");
    }
    fn decoded(status: u16, body: Vec<u8>, write: bool) -> Result<Answer, Error> {
        let answer = Response::builder().status(status).body(Bytes::from(body)).unwrap();
        decode(Ok(answer), write, None, Timestamp::UNIX_EPOCH)
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_a_named_error(
            status in 100..=999_u16, body in prop_oneof![any::<Vec<u8>>(), arbitrary_json().prop_map(|json| json.to_string().into_bytes())],
            write in any::<bool>(),
        ) {
            match decoded(status, body, write) {
                Ok(answer) => {
                    prop_assert!((200..300).contains(&status));
                    prop_assert!(answer.object().and_then(|row| row.id()).is_none_or(|id| id > 0));
                    prop_assert!(answer.page(1, Row::id).map_or(true, |page| page.rows.iter().all(|id| *id > 0)));
                }
                Err(error) => {
                    prop_assert_eq!(error.status(), Some(status));
                    // After a write, no error may claim that nothing happened unless RemOnline refused.
                    prop_assert!(!write || !matches!(error, Error::Unavailable(_)));
                    prop_assert!(write || !matches!(error, Error::OutcomeUnknown(_)));
                }
            }
        }
    }
}
