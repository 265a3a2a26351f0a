use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::signature::equals_secret;

/// What to answer to Meta's verification request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// It is Meta: send this text back, and nothing else.
    Accepted(String),
    /// The mode or the verify token is missing or wrong.
    Refused,
    /// The query, or the challenge in it, is not what Meta sends.
    Malformed,
}

#[derive(Deserialize)]
struct Query {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// Judges the raw query of the request that Meta sends when the callback address is set. An empty `verify_token`
/// matches nothing.
/// Source: Meta, Graph API, "Webhooks, Getting started", "Verification requests".
pub fn answer_challenge(query: &str, verify_token: &SecretString) -> Challenge {
    let Ok(query) = serde_urlencoded::from_str::<Query>(query) else { return Challenge::Malformed };
    let given = query.verify_token.unwrap_or_default();
    let known = !verify_token.expose_secret().is_empty() && equals_secret(&given, verify_token);
    if query.mode.as_deref() != Some("subscribe") || !known {
        return Challenge::Refused;
    }
    query.challenge.filter(|text| is_challenge(text)).map_or(Challenge::Malformed, Challenge::Accepted)
}

fn is_challenge(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn answer(query: &str) -> Challenge {
        answer_challenge(query, &"alnumSecret123".into())
    }

    #[rstest]
    #[case("hub.mode=subscribe&hub.challenge=1907342211&hub.verify_token=alnumSecret123")]
    #[case("hub.verify_token=alnumSecret123&extra=1&hub%2Emode=subscribe&hub.challenge=1907342211")]
    fn the_right_token_gets_the_challenge_back(#[case] query: &str) {
        assert_eq!(answer(query), Challenge::Accepted("1907342211".to_owned()));
    }

    #[rstest]
    #[case("")]
    #[case("hub.mode=subscribe&hub.challenge=1")]
    #[case("hub.mode=subscribe&hub.challenge=1&hub.verify_token=")]
    #[case("hub.mode=subscribe&hub.challenge=1&hub.verify_token=alnumSecret12")]
    #[case("hub.mode=subscribe&hub.challenge=1&hub.verify_token=alnumSecret1234")]
    #[case("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=alnumSecret123")]
    #[case("hub.challenge=1&hub.verify_token=alnumSecret123")]
    #[case("hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=wrong")]
    fn a_wrong_token_or_mode_is_refused(#[case] query: &str) {
        assert_eq!(answer(query), Challenge::Refused);
    }

    #[rstest]
    #[case("")]
    #[case("&hub.challenge=")]
    #[case("&hub.challenge=%3Cscript%3E")]
    #[case("&hub.challenge=1%0A")]
    #[case("&hub.challenge=1+2")]
    #[case("&hub.challenge=1&hub.challenge=2")]
    #[case(&format!("&hub.challenge={}", "9".repeat(129)))]
    fn a_strange_challenge_is_malformed(#[case] rest: &str) {
        assert_eq!(answer(&format!("hub.mode=subscribe&hub.verify_token=alnumSecret123{rest}")), Challenge::Malformed);
    }

    #[test]
    fn an_empty_configured_token_matches_nothing() {
        let query = "hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
        assert_eq!(answer_challenge(query, &"".into()), Challenge::Refused);
    }

    proptest! {
        #[test]
        fn any_query_is_answered(query in any::<String>()) {
            prop_assert!(!matches!(answer(&query), Challenge::Accepted(_)));
        }
    }
}
