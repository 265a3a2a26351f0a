use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::settings::{ErrorStyle, Settings, WriteBody};

/// What RemOnline has to say when a request succeeds.
#[derive(Debug)]
pub(super) enum Reply {
    /// One object.
    Object(Value),
    /// The object a create made.
    Created(Value),
    /// The object an update, a status change or a delete left.
    Written(Value),
    /// One page of a list of `count` rows.
    Page { rows: Vec<Value>, page: usize, limit: usize, count: usize },
    /// A whole list, bare by default.
    List(Vec<Value>),
    /// A whole list that is always `{"data":[...]}`.
    Data(Vec<Value>),
    /// A list of an unversioned path.
    Classic(Vec<Value>),
}

impl Reply {
    pub(super) fn into_response(self, settings: &Settings) -> Response {
        let body = match self {
            Self::Created(object) => return written(settings.created_status, object, settings.write_body),
            Self::Written(object) => return written(200, object, settings.write_body),
            Self::Object(object) => object,
            Self::Page { rows, page, limit, count } => {
                let total_pages = count.div_ceil(limit);
                json!({ "data": rows, "paging":
                    { "page": page, "limit": limit, "count": count, "total_pages": total_pages } })
            }
            Self::List(rows) if !settings.enveloped_lists => Value::Array(rows),
            Self::List(rows) | Self::Data(rows) => json!({ "data": rows }),
            Self::Classic(rows) => json!({ "count": rows.len(), "data": rows, "success": true }),
        };
        Json(body).into_response()
    }
}

fn written(code: u16, object: Value, body: WriteBody) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    match body {
        WriteBody::Bare => (code, Json(object)).into_response(),
        WriteBody::Data => (code, Json(json!({ "data": object }))).into_response(),
        WriteBody::DataList => (code, Json(json!({ "data": [object] }))).into_response(),
        WriteBody::Empty => code.into_response(),
    }
}

/// Why RemOnline refuses a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Throttled,
    /// Field -> what is wrong with it.
    Invalid(BTreeMap<String, Vec<String>>),
}

impl Refusal {
    pub(super) fn invalid(field: &str, problem: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(field.to_owned(), vec![problem.into()])]))
    }

    /// Renders it; `unversioned` paths always use the classic envelope.
    pub(super) fn into_response(self, settings: &Settings, unversioned: bool) -> Response {
        let status = self.status(settings);
        let style = if unversioned { ErrorStyle::Classic } else { settings.error_style };
        let mut response = match style {
            ErrorStyle::Text => (status, self.text()).into_response(),
            ErrorStyle::Errors => (status, Json(self.errors())).into_response(),
            ErrorStyle::Classic => (status, Json(self.classic(status, unversioned))).into_response(),
        };
        if let (Self::Throttled, Some(seconds)) = (&self, settings.retry_after) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    fn status(&self, settings: &Settings) -> StatusCode {
        let switched = |code| StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => switched(settings.forbidden_status),
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Self::Invalid(_) => switched(settings.invalid_status),
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Throttled => "Too Many Requests",
            Self::Invalid(_) => "Validation failed",
        }
    }

    fn text(&self) -> String {
        let Self::Invalid(problems) = self else { return self.message().to_owned() };
        let lines: Vec<_> = problems.iter().map(|(field, texts)| format!("{field}: {}", texts.join(", "))).collect();
        lines.join("\n")
    }

    fn errors(&self) -> Value {
        match self {
            Self::Invalid(problems) => json!({ "message": self.message(), "errors": problems }),
            _ => json!({ "message": self.message() }),
        }
    }

    fn classic(&self, status: StatusCode, unversioned: bool) -> Value {
        let code = status.as_u16();
        match self {
            Self::Invalid(problems) => {
                json!({ "success": false, "code": code, "message": { "validation": problems } })
            }
            _ if unversioned => json!({ "success": false, "code": code, "message": self.message() }),
            _ => json!({ "message": self.message() }),
        }
    }
}
