use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use simulators::meta::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN};
use simulators::remonline::DEMO_API_KEY;
use transport::{Https, Transport};

/// How often and after what pause a call is made again that came too soon.
const BUSY_RETRIES: u32 = 10;
const BUSY_PAUSE: Duration = Duration::from_secs(1);

const SHOP: &str = "demo-shop";
const PAGE: &str = "demo-page";
/// Id of the bundle that the demo makes.
pub const BUNDLE: &str = "demo";

/// The console's JSON API, as any client sees it.
pub(super) struct Console {
    url: String,
    https: Https,
}

impl Console {
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self { url: url.to_owned(), https: Https::new(1.0)? })
    }

    /// One connection of each kind and one active bundle. Those of an earlier run on the same data are kept; the
    /// keys are given again, because the simulators start afresh.
    pub(super) async fn set_up(&self) -> anyhow::Result<()> {
        let shop = json!({"id": SHOP, "kind": "remonline", "title": "Ремонт Плюс", "api_key": DEMO_API_KEY});
        self.connect(SHOP, &shop, &json!({"api_key": DEMO_API_KEY})).await?;
        let page = json!({"id": PAGE, "kind": "facebook", "title": "Ремонт Плюс", "page_id": DEMO_PAGE,
            "page_token": DEMO_PAGE_TOKEN});
        self.connect(PAGE, &page, &json!({"page_token": DEMO_PAGE_TOKEN})).await?;
        self.expect(Method::POST, "/api/bundles", Some(&bundle()), &[StatusCode::CREATED, StatusCode::CONFLICT])
            .await?;
        let start = format!("/api/bundles/{BUNDLE}/start");
        self.expect(Method::POST, &start, None, &[StatusCode::OK, StatusCode::CONFLICT]).await?;
        Ok(())
    }

    async fn connect(&self, id: &str, new: &Value, key: &Value) -> anyhow::Result<()> {
        let fine = [StatusCode::CREATED, StatusCode::CONFLICT];
        let (status, _) = self.expect(Method::POST, "/api/connections", Some(new), &fine).await?;
        if status == StatusCode::CONFLICT {
            self.expect(Method::PATCH, &format!("/api/connections/{id}"), Some(key), &[StatusCode::OK]).await?;
        }
        Ok(())
    }

    /// A lead's transaction with its steps; none before it is recorded.
    pub(super) async fn transaction(&self, leadgen_id: &str) -> anyhow::Result<Option<Value>> {
        let path = format!("/api/transactions/{BUNDLE}/{leadgen_id}");
        let (status, answer) = self.expect(Method::GET, &path, None, &[StatusCode::OK, StatusCode::NOT_FOUND]).await?;
        Ok((status == StatusCode::OK).then_some(answer))
    }

    /// Makes a call until it is answered otherwise than with 503, by which the console says that the other side has
    /// had enough for now.
    async fn expect(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        fine: &[StatusCode],
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut retries = BUSY_RETRIES;
        loop {
            let answer = self.call(&method, path, body).await?;
            if answer.status() == StatusCode::SERVICE_UNAVAILABLE && retries > 0 {
                retries -= 1;
                tokio::time::sleep(BUSY_PAUSE).await;
                continue;
            }
            let text = String::from_utf8_lossy(answer.body());
            ensure!(fine.contains(&answer.status()), "{method} {path} was answered {}: {text}", answer.status());
            let value = serde_json::from_slice(answer.body());
            return Ok((answer.status(), value.with_context(|| format!("{method} {path} was answered: {text}"))?));
        }
    }

    async fn call(&self, method: &Method, path: &str, body: Option<&Value>) -> anyhow::Result<Response<Bytes>> {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body)?;
        Ok(self.https.send(request).await?)
    }
}

fn bundle() -> Value {
    json!({
        "id": BUNDLE,
        "title": "Ремонт телефону",
        "source": {"connection": PAGE, "form_id": DEMO_FORM},
        "default_region": "UA",
        "client": {
            "connection": SHOP,
            "fields": {
                "first_name": "{{ contact.first_name }}",
                "last_name": "{{ contact.last_name }}",
                "phone": "{{ contact.phone }}",
                "email": "{{ contact.email }}",
                "notes": "Facebook: {{ lead.form_name }}, {{ answers.city }}",
            },
            "duplicates": {
                "match_on": ["phone", "email"],
                "match": "any",
                "mode": "update_or_create",
                "on_update": {"first_name": "keep", "last_name": "fill", "email": "fill", "notes": "append"},
            },
        },
        "order": {
            "fields": {
                "branch_id": 15001,
                "order_type_id": 21001,
                "malfunction": "{{ answers['what_is_broken?'] }}",
            },
            "duplicates": {"match_on": ["client_id"], "mode": "create_always"},
        },
    })
}
