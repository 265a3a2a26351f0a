use serde_json::{Value, json};

/// An error as Meta answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphError {
    /// HTTP status, which says little.
    pub status: u16,
    /// `type`.
    pub kind: &'static str,
    /// `code`.
    pub code: u32,
    /// `error_subcode`.
    pub subcode: Option<u32>,
    /// `message`.
    pub message: String,
    /// `error_user_title`.
    pub title: Option<&'static str>,
}

const OAUTH: &str = "OAuthException";
const METHOD: &str = "GraphMethodException";

/// Code, subcode, HTTP status, type and message. The first row with the code speaks for unknown subcodes.
const ERRORS: &[(u32, Option<u32>, u16, &str, &str)] = &[
    (1, None, 500, OAUTH, "An unknown error occurred"),
    (2, None, 500, OAUTH, "An unexpected error has occurred. Please retry your request later."),
    (2, Some(1_892_058), 400, OAUTH, "Service temporarily unavailable"),
    (3, None, 400, OAUTH, "(#3) Application does not have the capability to make this API call."),
    (4, None, 403, OAUTH, "(#4) Application request limit reached"),
    (10, None, 403, OAUTH, "(#10) Application does not have permission for this action"),
    (17, None, 400, OAUTH, "(#17) User request limit reached"),
    (32, None, 403, OAUTH, "(#32) Page request limit reached"),
    (100, None, 400, OAUTH, "(#100) Invalid parameter"),
    (
        100,
        Some(33),
        400,
        METHOD,
        "Unsupported get request. Object does not exist, cannot be loaded due to missing permissions, or does not support this operation.",
    ),
    (102, None, 401, OAUTH, "Session has expired or is invalid"),
    (103, None, 403, OAUTH, "(#103) CRM access has been revoked from Lead Access Manager"),
    (104, None, 400, OAUTH, "An access token is required to request this resource."),
    (190, None, 401, OAUTH, "Invalid OAuth access token - Cannot parse access token"),
    (190, Some(458), 400, OAUTH, "Error validating access token: The user has not authorized the application."),
    (
        190,
        Some(459),
        400,
        OAUTH,
        "Error validating access token: The user is checkpointed; log in at www.facebook.com.",
    ),
    (190, Some(460), 401, OAUTH, "Error validating access token: The session was invalidated: the password changed."),
    (190, Some(463), 401, OAUTH, "Error validating access token: Session has expired."),
    (190, Some(464), 400, OAUTH, "Error validating access token: The user is not confirmed."),
    (190, Some(467), 401, OAUTH, "Error validating access token: The session is invalid: the user logged out."),
    (190, Some(492), 400, OAUTH, "Error validating access token: The user must be an administrator of the page."),
    (190, Some(2_069_032), 400, OAUTH, "(#190) This method must be called with a Page Access Token"),
    (200, None, 403, OAUTH, "(#200) Permissions error"),
    (341, None, 500, OAUTH, "(#341) Feed action request limit reached"),
    (368, None, 400, OAUTH, "The action attempted has been deemed abusive or is otherwise disallowed"),
    (613, None, 400, OAUTH, "(#613) Calls to this api have exceeded the rate limit."),
    (803, None, 404, OAUTH, "(#803) Some of the aliases you requested do not exist"),
    (2200, None, 400, OAUTH, "(#2200) Callback verification failed"),
    (2500, None, 400, OAUTH, "Unknown path components"),
    (2635, None, 400, OAUTH, "(#2635) You are calling a deprecated version of the Ads API."),
    (80_000, None, 400, OAUTH, "(#80000) There have been too many calls from this ad-account."),
    (80_001, None, 400, OAUTH, "(#80001) There have been too many calls to this Page account."),
    (80_004, None, 400, OAUTH, "(#80004) There have been too many calls to this ad-account."),
    (80_005, None, 400, OAUTH, "(#80005) There have been too many leadgen api calls to this Page account."),
];

impl GraphError {
    /// The error with this code and subcode, worded and sent as Meta does.
    pub fn new(code: u32, subcode: Option<u32>) -> Self {
        let exact = ERRORS.iter().find(|row| (row.0, row.1) == (code, subcode));
        let row = exact.or_else(|| ERRORS.iter().find(|row| row.0 == code));
        let (status, kind, message) =
            row.map_or((400, OAUTH, "An error occurred"), |&(_, _, status, kind, message)| (status, kind, message));
        let title = (subcode == Some(1_892_058)).then_some("Test lead already exists for this form.");
        Self { status, kind, code, subcode, message: message.to_owned(), title }
    }

    /// The same with another message.
    #[must_use]
    pub fn say(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// The object is absent, deleted, expired or out of sight.
    pub(super) fn absent() -> Self {
        Self::new(100, Some(33))
    }

    /// The token lacks a permission.
    pub(super) fn lacks(permission: &str) -> Self {
        Self::new(200, None).say(format!("(#200) Requires {permission} permission to manage the object"))
    }

    /// The body of the answer.
    pub fn body(&self, trace: &str) -> Value {
        let transient = self.subcode.is_none() && [2, 4, 341].contains(&self.code);
        let mut error = json!({
            "message": self.message, "type": self.kind, "code": self.code, "is_transient": transient,
            "fbtrace_id": trace,
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        if let Some(title) = self.title {
            error["error_user_title"] = title.into();
            error["error_user_msg"] = "Delete the existing test lead first.".into();
        }
        json!({ "error": error })
    }
}
