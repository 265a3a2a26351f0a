use std::{fmt, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Usage;

/// Why the Graph API gave no result, named by what the caller can do.
/// Source: Meta, Graph API, "Handle errors" and "Rate limits".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The token is dead: pause the connection, ask for another one.
    #[error("Meta refuses the token: {0}")]
    TokenRejected(Cause),
    /// The token lives and may not do this: pause the connection, tell the user what to grant.
    #[error("Meta forbids it: {cause}")]
    Forbidden {
        /// What has to be granted.
        lacking: Lacking,
        /// What was seen.
        cause: Cause,
    },
    /// Too many calls: make none for this token until `wait` is over, since each prolongs the block.
    #[error("Meta asks to wait {} minutes: {cause}", wait.as_secs() / 60)]
    Throttled {
        /// How long.
        wait: Duration,
        /// What was seen.
        cause: Cause,
    },
    /// Nobody's fault: try again later.
    #[error("Meta is unavailable: {0}")]
    Unavailable(Cause),
    /// The object does not exist, not yet, no more, or not for this token.
    #[error("Meta does not show the object: {0}")]
    NotFound(Cause),
    /// The answer would be too large: ask for less.
    #[error("Meta asks for a smaller request: {0}")]
    ReduceData(Cause),
    /// The request, the configured version or our reading of the answer is wrong: repeating it changes nothing.
    #[error("Meta does not understand the request, or we do not understand the answer: {0}")]
    Bug(Cause),
}

/// What a token lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// A permission was not granted, or was taken away.
    Permission,
    /// The page's Leads Access Manager shuts out the app or the person.
    LeadAccess,
    /// The app has not the capability (App Review, access level).
    Capability,
    /// The proof of the app secret is missing or wrong: app id and app secret do not belong together.
    AppSecret,
}

/// What was seen of a failure; fit for logs and the history, free of tokens and personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// HTTP status; none when there was no answer.
    pub status: Option<u16>,
    /// Meta's error code.
    pub code: Option<i64>,
    /// Meta's error subcode.
    pub subcode: Option<i64>,
    /// Meta's message for developers, or our own.
    pub message: String,
    /// What Meta tells people to do about it (`error_user_msg`).
    pub advice: Option<String>,
}

/// Longest message kept, in characters.
const MESSAGE_LENGTH: usize = 300;

impl GraphError {
    /// What was seen.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::TokenRejected(cause)
            | Self::Unavailable(cause)
            | Self::NotFound(cause)
            | Self::ReduceData(cause)
            | Self::Bug(cause)
            | Self::Forbidden { cause, .. }
            | Self::Throttled { cause, .. } => cause,
        }
    }

    /// The same without another secret that was part of the request.
    pub(super) fn without(mut self, secret: &SecretString) -> Self {
        let (Self::TokenRejected(cause)
        | Self::Unavailable(cause)
        | Self::NotFound(cause)
        | Self::ReduceData(cause)
        | Self::Bug(cause)
        | Self::Forbidden { cause, .. }
        | Self::Throttled { cause, .. }) = &mut self;
        cause.message = presentable(&cause.message, secret);
        cause.advice = cause.advice.as_deref().map(|advice| presentable(advice, secret));
        self
    }
}

impl Cause {
    /// A failure that Meta has not told.
    pub(super) fn ours(message: String) -> Self {
        Self { message, ..Self::default() }
    }

    fn told(status: u16, error: &Value, token: &SecretString) -> Self {
        Self {
            status: Some(status),
            code: error["code"].as_i64(),
            subcode: error["error_subcode"].as_i64(),
            message: presentable(error["message"].as_str().unwrap_or("no message"), token),
            advice: error["error_user_msg"].as_str().map(|text| presentable(text, token)),
        }
    }

    fn says(&self, words: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        words.iter().any(|words| message.contains(words))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let figures = [
            self.status.map(|status| format!("HTTP {status}")),
            self.code.map(|code| format!("code {code}")),
            self.subcode.map(|subcode| format!("subcode {subcode}")),
        ];
        let figures = figures.into_iter().flatten().collect::<Vec<_>>();
        if figures.is_empty() { Ok(()) } else { write!(f, " ({})", figures.join(", ")) }
    }
}

/// Takes an answer for a result or an error. Meta's codes decide, its HTTP status hardly ever does.
pub(super) fn judge(status: u16, body: &[u8], token: &SecretString, usage: Usage) -> Result<Value, GraphError> {
    let unusable = |message: &str| {
        GraphError::Unavailable(Cause { status: Some(status), message: message.to_owned(), ..Cause::default() })
    };
    let answer = serde_json::from_slice::<Value>(body).map_err(|_| unusable("the answer is not JSON"))?;
    match answer.get("error") {
        Some(error) => Err(classify(Cause::told(status, error, token), error["is_transient"] == true, usage)),
        None if (200..300).contains(&status) => Ok(answer),
        None => Err(unusable("the answer is neither a result nor an error")),
    }
}

fn classify(cause: Cause, transient: bool, usage: Usage) -> GraphError {
    let forbidden = |lacking, cause| GraphError::Forbidden { lacking, cause };
    if cause.says(&["lead access", "leads access"]) {
        return forbidden(Lacking::LeadAccess, cause);
    }
    if cause.says(&["appsecret_proof"]) {
        return forbidden(Lacking::AppSecret, cause);
    }
    match (cause.code.unwrap_or_default(), cause.subcode.unwrap_or_default()) {
        (102 | 190, _) => GraphError::TokenRejected(cause),
        (103, _) => forbidden(Lacking::LeadAccess, cause),
        (3, _) => forbidden(Lacking::Capability, cause),
        (10 | 200..=299, _) => forbidden(Lacking::Permission, cause),
        (4 | 17 | 32 | 341 | 613 | 80_000..=80_005, _) => GraphError::Throttled { wait: usage.wait(), cause },
        // A block for policy lasts hours.
        (368, _) => GraphError::Throttled { wait: usage.wait().max(Duration::from_secs(2 * 3600)), cause },
        (1, _) if cause.says(&["reduce the amount of data"]) => GraphError::ReduceData(cause),
        // "Test lead already exists for this form" comes with the code of an outage and stays.
        (2, 1_892_058) => GraphError::Bug(cause),
        (1 | 2, _) => GraphError::Unavailable(cause),
        (100, 33) | (803, _) => GraphError::NotFound(cause),
        (100, _) if cause.says(&["missing permission", "reviewable feature"]) => forbidden(Lacking::Permission, cause),
        (100 | 104 | 2200 | 2500 | 2635, _) => GraphError::Bug(cause),
        _ if transient || cause.status.is_some_and(|status| status >= 500) => GraphError::Unavailable(cause),
        _ => GraphError::Bug(cause),
    }
}

/// A text of Meta's without the token, anything as long as a token, e-mail addresses and phone numbers.
pub(super) fn presentable(text: &str, token: &SecretString) -> String {
    let token = token.expose_secret();
    let text = if token.is_empty() { text.to_owned() } else { text.replace(token, "[...]") };
    let words = text.split_whitespace().map(|word| if is_private(word) { "[...]" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).take(MESSAGE_LENGTH).collect()
}

fn is_private(word: &str) -> bool {
    let phone = word.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '+').starts_with('+');
    let longest = word.split(|c: char| !c.is_ascii_alphanumeric()).map(str::len).max().unwrap_or_default();
    phone || word.contains('@') || longest >= 40
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("Malformed access token TOKEN-1, sorry", "Malformed access token [...], sorry")]
    #[case("Error validating 'EAABsbCS1iHgBAKZCxGZCZCqYZBBZAoZCZCqYZBBZAoZCZCq'", "Error validating [...]")]
    #[case("field (email) = ana@example.com refused", "field (email) = [...] refused")]
    #[case("phone '+380501110001' refused", "phone [...] refused")]
    #[case("Object with ID '900000000000001' does not exist", "Object with ID '900000000000001' does not exist")]
    #[case("(#200) Requires pages_manage_metadata\n\u{1b}[31m", "(#200) Requires pages_manage_metadata [31m")]
    fn messages_are_made_presentable(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(presentable(text, &"TOKEN-1".into()), expected);
    }

    #[test]
    fn messages_are_cut() {
        assert_eq!(presentable(&"no ".repeat(1000), &"".into()).chars().count(), 300);
    }
    /// An answer of Meta's, mostly an error with a code that means something.
    fn any_answer() -> impl Strategy<Value = Vec<u8>> {
        let codes =
            vec![1, 2, 3, 4, 10, 17, 32, 100, 102, 103, 190, 200, 299, 341, 368, 613, 803, 2500, 80_001, 80_005, 7];
        let code = prop_oneof![
            prop::sample::select(codes).prop_map(|code| json!(code)),
            any::<i64>().prop_map(|code| json!(code))
        ];
        let words = prop::sample::select(vec![
            "",
            "TOKEN-1",
            "ana@example.com",
            "reduce the amount of data",
            "\u{7}",
            "+380501112233",
        ]);
        let message = (words, "\\PC{0,400}").prop_map(|(word, text)| json!(format!("{text} {word} {text}")));
        let error = (code, message.clone(), prop::option::of(message), any::<bool>()).prop_map(|(code, message, advice, transient)| {
            json!({"error": {"code": code, "message": message, "error_user_msg": advice, "is_transient": transient}}).to_string().into_bytes()
        });
        let odd = prop::sample::select(vec![
            "{\"error\":null}",
            "{\"error\":[]}",
            "{\"error\":\"x\"}",
            "null",
            "[]",
            "{}",
            "7",
            "",
        ]);
        prop_oneof![6 => error, 1 => odd.prop_map(|text| text.as_bytes().to_vec()), 1 => any::<Vec<u8>>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(2_000)))]

        #[test]
        fn any_answer_is_a_result_or_a_named_error(status in 100..600_u16, body in any_answer(), percent in any::<u8>(), regain in 0..2_000_u32) {
            let usage = Usage { percent, regain_minutes: regain };
            let error = match judge(status, &body, &"TOKEN-1".into(), usage) {
                Ok(answer) => {
                    prop_assert!((200..300).contains(&status) && answer.get("error").is_none());
                    return Ok(());
                }
                Err(error) => error,
            };
            let cause = error.cause();
            prop_assert_eq!(cause.status, Some(status));
            for text in [Some(&cause.message), cause.advice.as_ref()].into_iter().flatten() {
                prop_assert!(text.chars().count() <= MESSAGE_LENGTH && !text.contains(char::is_control), "{:?}", text);
                prop_assert!(!text.contains("TOKEN-1") && !text.contains('@') && !text.contains("0501112233"), "{:?}", text);
            }
            match cause.code {
                Some(102 | 190) => prop_assert!(matches!(error, GraphError::TokenRejected(_))),
                Some(10 | 200..=299) => prop_assert!(matches!(error, GraphError::Forbidden { .. }), "{:?}", error),
                Some(4 | 17 | 32 | 613 | 80_001 | 80_005) => {
                    let waits = matches!(error, GraphError::Throttled { wait, .. } if wait >= Duration::from_secs(300));
                    prop_assert!(waits, "{:?}", error);
                }
                _ => {}
            }
        }
    }
}
