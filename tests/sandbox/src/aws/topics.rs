//! The topics of SNS: what is published is kept, to be looked at. Nobody is subscribed.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderValue, header};
use winterbaume_core::MockResponse;

/// A message as its subscribers would get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The ARN of the topic.
    pub topic: String,
    /// The subject of an e-mail.
    pub subject: String,
    /// The text.
    pub message: String,
}

/// Everything that was published.
#[derive(Debug, Default)]
pub(super) struct Topics(Mutex<Vec<Published>>);

impl Topics {
    /// Answers a call in the query protocol; `None` when it is none that is played.
    /// Source: Amazon SNS, `Publish`.
    pub(super) fn handle(&self, body: &[u8]) -> Option<MockResponse> {
        let parameters: Vec<(String, String)> = serde_urlencoded::from_bytes(body).ok()?;
        let value = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        if value("Action")? != "Publish" {
            return None;
        }
        let subject = value("Subject").unwrap_or_default();
        if !subject.is_ascii() || subject.len() > 100 {
            return Some(answer(400, "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>"));
        }
        let published = Published { topic: value("TopicArn")?, subject, message: value("Message")? };
        tracing::info!(topic = published.topic, message = published.message, "published");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(published);
        let body = "<PublishResponse><PublishResult><MessageId>sandbox</MessageId></PublishResult></PublishResponse>";
        Some(answer(200, body))
    }

    /// Everything so far, the first one first.
    pub(super) fn published(&self) -> Vec<Published> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(status: u16, body: &'static str) -> MockResponse {
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"))]);
    MockResponse { status, headers, body: body.into() }
}
