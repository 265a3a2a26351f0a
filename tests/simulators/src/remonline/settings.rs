use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How this RemOnline behaves where its documentation is silent or its clients disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Refuse requests above the rate with 429.
    pub rate_limited: bool,
    /// Requests a key may make in one second.
    pub requests_per_second: u32,
    /// Which second is meant.
    pub window: Window,
    /// `Retry-After` of a 429, in seconds.
    pub retry_after: Option<u32>,
    /// Which spellings of array parameters are honoured; others are ignored as unknown parameters.
    pub array_style: ArrayStyle,
    /// How the filters `phones` and `client_phones` compare.
    pub phone_match: PhoneMatch,
    /// How the undocumented filter `emails` compares.
    pub email_match: EmailMatch,
    /// Status of a successful create.
    pub created_status: u16,
    /// What the answer to a successful write holds.
    pub write_body: WriteBody,
    /// Answer `{"data":[...]}` where the default is a bare array.
    pub enveloped_lists: bool,
    /// Shape of an error's body under `/v2`.
    pub error_style: ErrorStyle,
    /// Status of a refused body: 400 or 422.
    pub invalid_status: u16,
    /// Status of a call the key has no permission for: 403 or 405.
    pub forbidden_status: u16,
    /// Refuse a custom field that the account does not have; otherwise it is ignored.
    pub refuse_unknown_custom_fields: bool,
    /// Custom fields (`f` and the id) without which no person or order is created.
    pub required_custom_fields: BTreeSet<String>,
    /// Refuse a second person with a phone (its digits) or an e-mail that exists.
    pub refuse_duplicates: bool,
    /// Accept dates with fractions of a second.
    pub accept_milliseconds: bool,
    /// Answer 404 to everything outside `/v2`.
    pub unversioned_gone: bool,
    /// How long a new person or organization stays invisible to lists.
    pub people_search_delay_ms: u64,
    /// How long a new order stays invisible to lists.
    pub order_search_delay_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate_limited: true,
            requests_per_second: 3,
            window: Window::Sliding,
            retry_after: None,
            array_style: ArrayStyle::Any,
            phone_match: PhoneMatch::Digits,
            email_match: EmailMatch::Ignored,
            created_status: 201,
            write_body: WriteBody::Bare,
            enveloped_lists: false,
            error_style: ErrorStyle::Classic,
            invalid_status: 400,
            forbidden_status: 403,
            refuse_unknown_custom_fields: false,
            required_custom_fields: BTreeSet::new(),
            refuse_duplicates: false,
            accept_milliseconds: false,
            unversioned_gone: false,
            people_search_delay_ms: 0,
            order_search_delay_ms: 0,
        }
    }
}

/// Which second the rate limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The last second before each request.
    Sliding,
    /// The second of the clock.
    Fixed,
}

/// How a client writes a parameter of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrayStyle {
    /// All of the following.
    Any,
    /// `phones=a&phones=b`.
    Plain,
    /// `phones[]=a&phones[]=b`.
    Brackets,
    /// `phones=a,b`.
    Comma,
}

/// How a phone filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneMatch {
    /// The stored text.
    Exact,
    /// All digits.
    Digits,
    /// The digits are part of the stored ones.
    Substring,
    /// The filter does nothing.
    Ignored,
}

/// How the e-mail filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailMatch {
    /// The filter does nothing.
    Ignored,
    /// The stored text.
    Exact,
}

/// Body of the answer to a successful write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteBody {
    /// The object.
    Bare,
    /// `{"data":{...}}`.
    Data,
    /// `{"data":[{...}]}`.
    DataList,
    /// Nothing.
    Empty,
}

/// Body of an error under `/v2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorStyle {
    /// `{"success":false,"code":400,"message":{"validation":{...}}}`.
    Classic,
    /// `{"message":"...","errors":{...}}`.
    Errors,
    /// Plain text.
    Text,
}
