use std::collections::BTreeMap;

use http::header;
use http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use super::errors::GraphError;

/// Query or form parameters.
pub(super) type Params = BTreeMap<String, String>;

/// Marks a request that is a part of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct InBatch;

/// Where a request carried its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPlace {
    /// `Authorization: Bearer`.
    Header,
    /// The parameter `access_token`.
    Parameter,
    /// There was none.
    Nowhere,
}

/// A request to the Graph API, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    /// Scheme and host as the caller wrote them.
    pub(super) origin: String,
    pub(super) path: String,
    /// Such as `v26.0`; none makes the call invalid.
    pub(super) version: Option<String>,
    /// The path behind the version.
    pub(super) segments: Vec<String>,
    pub(super) params: Params,
    pub(super) token: Option<String>,
    pub(super) token_place: TokenPlace,
    pub(super) in_batch: bool,
}

impl Call {
    pub(super) fn new(parts: &Parts, body: &[u8]) -> Self {
        let path = parts.uri.path().to_owned();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).peekable();
        let version = segments.next_if(|first| is_version(first));
        let mut params = pairs(parts.uri.query().unwrap_or_default().as_bytes());
        params.extend(body_params(parts, body));
        let bearer = header_text(parts, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let (token, token_place) = match (bearer, params.get("access_token")) {
            (Some(token), _) => (Some(token.to_owned()), TokenPlace::Header),
            (None, Some(token)) => (Some(token.clone()), TokenPlace::Parameter),
            (None, None) => (None, TokenPlace::Nowhere),
        };
        Self {
            method: parts.method.to_string(),
            origin: origin(parts),
            segments: segments.collect(),
            in_batch: parts.extensions.get::<InBatch>().is_some(),
            path,
            version,
            params,
            token,
            token_place,
        }
    }

    /// Method and path behind the version, to be matched.
    pub(super) fn target(&self) -> (&str, Vec<&str>) {
        (&self.method, self.segments.iter().map(String::as_str).collect())
    }

    /// The node that is meant: the first part of the path.
    pub(super) fn id(&self) -> &str {
        self.segments.first().map_or("", String::as_str)
    }

    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, GraphError> {
        let missing = || GraphError::new(100, None).say(format!("(#100) The parameter {name} is required"));
        self.param(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    /// The parameter as names between commas.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        let names = self.param(name).unwrap_or_default().split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, GraphError> {
        let invalid = |_| GraphError::new(100, None).say(format!("(#100) Param {name} must be a valid JSON"));
        self.param(name).map(|text| serde_json::from_str(text).map_err(invalid)).transpose()
    }

    /// A read of an edge of `id` by the same caller, as field expansion makes it.
    pub(super) fn nested(&self, id: &str, edge: &str, limit: Option<&str>, fields: &str) -> Self {
        let kept = self.params.iter().filter(|(key, _)| ["access_token", "appsecret_proof"].contains(&key.as_str()));
        let mut params: Params = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        params.insert("fields".to_owned(), fields.to_owned());
        params.extend(limit.map(|limit| ("limit".to_owned(), limit.to_owned())));
        let segments = vec![id.to_owned(), edge.to_owned()];
        Self { method: "GET".to_owned(), segments, params, ..self.clone() }
    }
}

fn is_version(segment: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = segment.strip_prefix('v').and_then(|numbers| numbers.split_once('.'));
    numbers.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

fn header_text<'a>(parts: &'a Parts, name: &header::HeaderName) -> Option<&'a str> {
    parts.headers.get(name).and_then(|value| value.to_str().ok())
}

fn origin(parts: &Parts) -> String {
    let scheme = parts.uri.scheme_str().unwrap_or("http");
    let host = parts.uri.authority().map(http::uri::Authority::as_str).or_else(|| header_text(parts, &header::HOST));
    format!("{scheme}://{}", host.unwrap_or("graph.facebook.com"))
}

fn pairs(text: &[u8]) -> Params {
    serde_urlencoded::from_bytes(text).unwrap_or_default()
}

/// A body is form-encoded or a JSON object, whose lists and objects are read as their text.
fn body_params(parts: &Parts, body: &[u8]) -> Params {
    let content_type = header_text(parts, &header::CONTENT_TYPE).unwrap_or_default();
    if !content_type.starts_with("application/json") {
        return pairs(body);
    }
    let object: serde_json::Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    object.into_iter().map(|(key, value)| (key, text(value))).collect()
}
