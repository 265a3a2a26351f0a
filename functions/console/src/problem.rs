use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use domain::MappingError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    explain::Language,
    pages::ProblemPage,
    text::{Text, text},
};

/// The media type of every error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error, before it is known who reads it. It never carries a secret or personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// What went wrong and what to do.
    text: Text,
    /// The fields to blame.
    faults: Vec<FieldFault>,
}

/// One field to blame, before it is known who reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldFault {
    /// Where it stands in the body. Source: RFC 6901, "JSON Pointer".
    pointer: String,
    /// What is wrong with it and what to do.
    text: Text,
}

/// An error as its reader gets it. Source: RFC 9457, "Problem Details for HTTP APIs".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDetails {
    /// What kind of problem it is; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// What went wrong and what to do, in the caller's language.
    pub(crate) detail: String,
    /// The fields to blame.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldError>,
}

/// One field to blame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Where it stands in the body. Source: RFC 6901, "JSON Pointer".
    pub(crate) pointer: String,
    /// What is wrong with it and what to do, in the caller's language.
    pub(crate) detail: String,
}

impl FieldFault {
    /// Blames the field at `pointer`.
    pub(crate) fn new(pointer: impl Into<String>, text: Text) -> Self {
        Self { pointer: pointer.into(), text }
    }

    /// The same for a reader of this language.
    pub(crate) fn told(&self, language: Language) -> FieldError {
        FieldError { pointer: self.pointer.clone(), detail: language.tell(&self.text) }
    }
}

impl From<MappingError> for FieldFault {
    fn from(error: MappingError) -> Self {
        Self { text: Text::from(&error.fault), pointer: error.pointer }
    }
}

impl Problem {
    /// A problem whose status says what kind it is.
    pub(crate) fn new(status: StatusCode, text: Text) -> Self {
        Self { status, text, faults: Vec::new() }
    }

    /// 404.
    pub(crate) fn not_found(text: Text) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    /// 409: the state of the thing forbids it.
    pub(crate) fn conflict(text: Text) -> Self {
        Self::new(StatusCode::CONFLICT, text)
    }

    /// 400: the query cannot be understood.
    pub(crate) fn bad_query(text: Text) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// 422: fields of the body are wrong.
    pub(crate) fn invalid(faults: Vec<FieldFault>) -> Self {
        let text = match faults.as_slice() {
            [only] => only.text.clone(),
            several => text("several-fields").with("count", several.len()),
        };
        Self { faults, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, text) }
    }

    /// 422: one field of the body is wrong.
    pub(crate) fn invalid_field(pointer: impl Into<String>, text: Text) -> Self {
        Self::invalid(vec![FieldFault::new(pointer, text)])
    }

    /// 500: our own failure. The cause goes to the log, not to the caller.
    pub(crate) fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Causes(cause), "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, text("console-failed"))
    }

    /// The same for a reader of this language.
    pub(crate) fn told(&self, language: Language) -> ProblemDetails {
        ProblemDetails {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status,
            detail: language.tell(&self.text),
            errors: self.faults.iter().map(|fault| fault.told(language)).collect(),
        }
    }

    /// What is wrong with the field at `pointer`.
    pub(crate) fn fault(&self, pointer: &str, language: Language) -> Option<String> {
        self.faults.iter().find(|fault| fault.pointer == pointer).map(|fault| language.tell(&fault.text))
    }
}

/// An error with everything that caused it, on one line.
pub(crate) struct Causes<'a>(pub(crate) &'a dyn std::error::Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |cause| cause.source()).try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// Goes out without words: [`tell`] has them, once the handler is done.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for ProblemDetails {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON))];
        (self.status, kind, axum::Json(self)).into_response()
    }
}

/// Puts problems into words: for people as a page, for programs as a document, each in the language asked for.
pub(crate) async fn tell(request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(language) = Language::from_request_parts(&mut parts, &()).await;
    let page = ProblemPage::wanted(&mut parts).await;
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let (told, words) = match page {
        Some(page) => page.show(&problem),
        None => problem.told(language).into_response(),
    }
    .into_parts();
    // What the handler says besides, such as how to sign in, stays.
    *response.status_mut() = told.status;
    response.headers_mut().extend(told.headers);
    *response.body_mut() = words;
    response
}

/// Answers paths that lead nowhere.
pub(crate) async fn no_such_path() -> Problem {
    Problem::not_found(text("no-such-path"))
}

/// Answers methods that a path does not take; the `Allow` header names those it does.
pub(crate) async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, text("no-such-method"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_has_the_shape_of_rfc_9457() {
        let response = Problem::conflict(text("id-taken")).told(Language::English).into_response();
        assert_eq!(response.status(), StatusCode::CONFLICT);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let expected = json!({
            "type": "about:blank", "title": "Conflict", "status": 409,
            "detail": "The id is taken. Choose another one.",
        });
        assert_eq!(json!(Problem::conflict(text("id-taken")).told(Language::English)), expected);
    }

    #[test]
    fn wrong_fields_are_named() {
        let faults = vec![
            FieldFault::new("/title", text("fault-empty")),
            FieldFault::new("/source/form_id", text("fault-form-id")),
        ];
        let problem = Problem::invalid(faults);
        let body = json!(problem.told(Language::English));
        assert_eq!((body["status"].clone(), body["detail"].clone()), (json!(422), json!("2 fields are wrong.")));
        assert_eq!(body["errors"][0], json!({"pointer": "/title", "detail": "must not be empty"}));
        assert_eq!(problem.told(Language::Ukrainian).errors[0].detail, "не може бути порожнім");
    }

    #[test]
    fn causes_are_told_in_one_line() {
        let inner = std::io::Error::other("disk");
        let outer = std::io::Error::other(inner);
        assert_eq!(Causes(&outer).to_string(), "disk");
    }
}
