//! The JSON API of a sandbox's console.

use anyhow::{Context, ensure};
use http::{Request, header};
use serde_json::Value;
use transport::{Https, Transport};

/// Its front door.
pub(crate) struct Door {
    url: String,
    https: Https,
}

impl Door {
    /// The door of the sandbox at `url`.
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self { url: url.to_owned(), https: Https::new(1.0)? })
    }

    /// Posts a document, which must be taken.
    pub(crate) async fn post(&self, path: &str, document: &Value) -> anyhow::Result<()> {
        let request = Request::post(format!("{}{path}", self.url)).header(header::CONTENT_TYPE, "application/json");
        let answer = self.https.send(request.body(document.to_string().into())?).await.context("the console")?;
        let text = String::from_utf8_lossy(answer.body());
        ensure!(answer.status().is_success(), "POST {path} was answered {}: {text}", answer.status());
        Ok(())
    }
}
