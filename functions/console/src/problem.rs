use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of every error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// An error as the caller reads it. It never carries a secret or personal data.
/// Source: RFC 9457, "Problem Details for HTTP APIs".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of problem it is; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// The HTTP status.
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16)]
    pub(crate) status: StatusCode,
    /// What went wrong and what to do.
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
    /// What is wrong with it and what to do.
    pub(crate) detail: String,
}

impl FieldError {
    /// Blames the field at `pointer`.
    pub(crate) fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl Problem {
    /// A problem whose status says what kind it is.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { kind: "about:blank", title, status, detail: detail.into(), errors: Vec::new() }
    }

    /// 404: there is no `what`.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no such {what}."))
    }

    /// 409: the state of the thing forbids it.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 400: the query cannot be understood.
    pub(crate) fn bad_query(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 422: fields of the body are wrong.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => only.detail.clone(),
            several => format!("{} fields are wrong.", several.len()),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    /// 422: one field of the body is wrong.
    pub(crate) fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(pointer, detail)])
    }

    /// 500: our own failure. The cause goes to the log, not to the caller.
    pub(crate) fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(error = %Causes(cause), "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The console failed. The log says why.")
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

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, axum::Json(&self)).into_response();
        // For whoever shows it in another form: see `pages`.
        response.extensions_mut().insert(self);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response
    }
}

/// Answers paths that lead nowhere.
pub(crate) async fn no_such_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "There is nothing at this address. See /api/openapi.json.")
}

/// Answers methods that a path does not take; the `Allow` header names those it does.
pub(crate) async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This address does not take this method. See the Allow header.")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;

    async fn body(problem: Problem) -> (StatusCode, HeaderValue, Value) {
        let response = problem.into_response();
        let (status, kind) = (response.status(), response.headers()[header::CONTENT_TYPE].clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_problem_has_the_shape_of_rfc_9457() {
        let (status, kind, body) = body(Problem::conflict("A bundle uses it.")).await;
        assert_eq!((status, kind.as_bytes()), (StatusCode::CONFLICT, PROBLEM_JSON.as_bytes()));
        let expected =
            json!({"type": "about:blank", "title": "Conflict", "status": 409, "detail": "A bundle uses it."});
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn wrong_fields_are_named() {
        let errors = vec![FieldError::new("/title", "is empty"), FieldError::new("/source/form_id", "is no form")];
        let (status, _, body) = body(Problem::invalid(errors)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body["detail"], "2 fields are wrong.");
        assert_eq!(body["errors"][1], json!({"pointer": "/source/form_id", "detail": "is no form"}));
    }

    #[test]
    fn causes_are_told_in_one_line() {
        let inner = std::io::Error::other("disk");
        let outer = std::io::Error::other(inner);
        assert_eq!(Causes(&outer).to_string(), "disk");
    }
}
