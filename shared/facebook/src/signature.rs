use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The secrets of the Meta app: one, or two while a rotation is under way.
#[derive(Debug, Clone)]
pub struct AppSecrets {
    current: SecretString,
    other: Option<SecretString>,
}

/// Why a text does not hold app secrets. It never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("one app secret is expected, or two separated by a comma")]
pub struct AppSecretsError;

/// Why a body does not count as Meta's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no `X-Hub-Signature-256`.
    #[error("the signature is missing")]
    Missing,
    /// The header is not `sha256=` with 64 hexadecimal digits.
    #[error("the signature is malformed")]
    Malformed,
    /// No app secret gives this signature for these bytes.
    #[error("the signature is wrong")]
    Wrong,
}

impl AppSecrets {
    /// Reads `secret` or `secret,secret`.
    ///
    /// # Errors
    /// When there are no secrets, more than two, or an empty one.
    pub fn parse(text: &SecretString) -> Result<Self, AppSecretsError> {
        let mut secrets = text.expose_secret().split(',').map(str::trim);
        let secrets = (secrets.next(), secrets.next(), secrets.next());
        let (Some(current), other, None) = secrets else { return Err(AppSecretsError) };
        if current.is_empty() || other.is_some_and(str::is_empty) {
            return Err(AppSecretsError);
        }
        Ok(Self { current: current.into(), other: other.map(SecretString::from) })
    }

    /// The secret that signs our own calls.
    pub fn first(&self) -> &SecretString {
        &self.current
    }

    /// Checks the value of `X-Hub-Signature-256` against the body as it was received, byte for byte.
    /// Source: Meta, Graph API, "Webhooks, Getting started", "Validating payloads".
    ///
    /// # Errors
    /// When the header is missing or malformed, or no secret matches.
    pub fn verify(&self, header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
        let digits = header.ok_or(SignatureError::Missing)?.strip_prefix("sha256=").ok_or(SignatureError::Malformed)?;
        let mut signature = [0; 32];
        hex::decode_to_slice(digits, &mut signature).map_err(|_| SignatureError::Malformed)?;
        let signed_by = |secret: &SecretString| hmac(secret, body).verify_slice(&signature).is_ok();
        let signed = signed_by(&self.current) || self.other.as_ref().is_some_and(signed_by);
        signed.then_some(()).ok_or(SignatureError::Wrong)
    }
}

/// Proves to Meta that the owner of `token` knows the app secret: lower-case hexadecimal HMAC-SHA256.
/// Source: Meta, Graph API, "Secure Graph API calls".
pub fn appsecret_proof(secret: &SecretString, token: &SecretString) -> String {
    hex::encode(hmac(secret, token.expose_secret().as_bytes()).finalize().into_bytes())
}

/// Compares in a time that tells nothing about where `given` differs, nor about the length of `secret`.
pub(crate) fn equals_secret(given: &str, secret: &SecretString) -> bool {
    let expected = hmac(secret, secret.expose_secret().as_bytes()).finalize().into_bytes();
    hmac(secret, given.as_bytes()).verify_slice(&expected).is_ok()
}

fn hmac(secret: &SecretString, message: &[u8]) -> Hmac<Sha256> {
    let keyed = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes());
    keyed.expect("HMAC takes a key of any length").chain_update(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "example-app-secret";
    /// The one-line payload at the head of the payload description.
    const PAYLOAD: &str = r#"{"entry": [{"id": "110000000000001", "time": 1790000005, "changes": [{"value": {"adgroup_id": "120250000000000001", "ad_id": "120250000000000001", "created_time": 1790000001, "leadgen_id": "900000000000001", "page_id": "110000000000001", "form_id": "700000000000001"}, "field": "leadgen"}]}], "object": "page"}"#;
    const SIGNATURE: &str = "b65286407824ddc39ce32ec86c3018fd7c716260d86712e2f52aabc3261b2ddb";

    fn secrets(text: &str) -> AppSecrets {
        AppSecrets::parse(&text.into()).unwrap()
    }

    fn verify(header: &str, body: &str) -> Result<(), SignatureError> {
        secrets(SECRET).verify(Some(header), body.as_bytes())
    }

    fn sign(body: &[u8]) -> String {
        format!("sha256={}", hex::encode(hmac(&SECRET.into(), body).finalize().into_bytes()))
    }

    #[rstest]
    #[case(PAYLOAD, SIGNATURE)]
    #[case(r#"{"note":"\u00e4 \/ ok"}"#, "13cec76a20c9fba32d211e9941f12b19060044f08f54ed6dff7f3e63cf20005d")]
    #[case(r#"{"note":"ä / ok"}"#, "3d512ee4108a2118c34f8c2f088342b2190f9c9954e8e0f1817d82d69c983eb5")]
    fn signatures_of_meta_are_accepted_in_either_case(#[case] body: &str, #[case] hex: &str) {
        assert_eq!(verify(&format!("sha256={hex}"), body), Ok(()));
        assert_eq!(verify(&format!("sha256={}", hex.to_uppercase()), body), Ok(()));
    }

    #[test]
    fn a_reserialised_body_is_refused() {
        let header = "sha256=13cec76a20c9fba32d211e9941f12b19060044f08f54ed6dff7f3e63cf20005d";
        assert_eq!(verify(header, r#"{"note":"ä / ok"}"#), Err(SignatureError::Wrong));
    }

    #[rstest]
    #[case("")]
    #[case("sha256=")]
    #[case(SIGNATURE)]
    #[case(&format!("sha1={SIGNATURE}"))]
    #[case("sha1=65085fd584e240fd3c6c678bd629e07e2cc6be3c")]
    #[case(&format!("SHA256={SIGNATURE}"))]
    #[case(&format!(" sha256={SIGNATURE}"))]
    #[case(&format!("sha256={SIGNATURE} "))]
    #[case(&format!("sha256= {SIGNATURE}"))]
    #[case(&format!("sha256={SIGNATURE}0"))]
    #[case(&format!("sha256={}", &SIGNATURE[1..]))]
    #[case(&format!("sha256=g{}", &SIGNATURE[1..]))]
    #[case(&format!("sha256={SIGNATURE}, sha256={SIGNATURE}"))]
    #[case(&format!("sha256={SIGNATURE},sha1=65085fd584e240fd3c6c678bd629e07e2cc6be3c"))]
    fn other_headers_are_malformed(#[case] header: &str) {
        assert_eq!(verify(header, PAYLOAD), Err(SignatureError::Malformed));
    }

    #[test]
    fn no_header_is_missing() {
        assert_eq!(secrets(SECRET).verify(None, PAYLOAD.as_bytes()), Err(SignatureError::Missing));
    }

    #[rstest]
    #[case("example-app-secret,new-secret", Ok(()))]
    #[case("new-secret , example-app-secret", Ok(()))]
    #[case("new-secret", Err(SignatureError::Wrong))]
    fn both_secrets_of_a_rotation_are_accepted(#[case] text: &str, #[case] expected: Result<(), SignatureError>) {
        assert_eq!(secrets(text).verify(Some(&format!("sha256={SIGNATURE}")), PAYLOAD.as_bytes()), expected);
    }

    #[rstest]
    #[case("")]
    #[case(" ")]
    #[case(",")]
    #[case("one,")]
    #[case(",two")]
    #[case("one,two,three")]
    fn other_texts_hold_no_secrets(#[case] text: &str) {
        assert!(AppSecrets::parse(&text.into()).is_err());
    }

    #[test]
    fn the_first_secret_signs_and_debug_shows_none() {
        let secrets = secrets("current-one,older-one");
        assert_eq!(secrets.first().expose_secret(), "current-one");
        let shown = format!("{secrets:?}");
        assert!(!shown.contains("current-one") && !shown.contains("older-one"), "{shown}");
    }

    #[test]
    fn the_proof_is_the_documented_one() {
        let proof = appsecret_proof(&SECRET.into(), &"EXAMPLE_TOKEN".into());
        assert_eq!(proof, "445494fad71d5810f756d9af834c8ea9b9945f6a127a5958cca6c2b0cb111780");
    }

    /// `bytes` with one bit changed.
    fn flipped(bytes: &[u8], at: prop::sample::Index) -> Vec<u8> {
        let bit = at.index(bytes.len() * 8);
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        changed
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(10_000)))]

        #[test]
        fn one_flipped_bit_is_refused(
            secret in "[!-+\\--~]{1,64}", body in prop::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(),
        ) {
            let keyed = |secret: &str| hmac(&secret.into(), &body).finalize().into_bytes();
            let header = |digest: &[u8]| format!("sha256={}", hex::encode(digest));
            let right = header(&keyed(&secret));
            prop_assert_eq!(secrets(&secret).verify(Some(&right), &body), Ok(()));

            let wrong = Err(SignatureError::Wrong);
            prop_assert_eq!(secrets(&secret).verify(Some(&right), &flipped(&body, at)), wrong);
            prop_assert_eq!(secrets(&secret).verify(Some(&header(&flipped(&keyed(&secret), at))), &body), wrong);
            // A secret is text, and one character of it is changed.
            let changed = format!("{}{}", &secret[1..], if secret.starts_with('x') { 'y' } else { 'x' });
            prop_assume!(changed != secret);
            prop_assert_eq!(secrets(&changed).verify(Some(&right), &body), wrong);
        }

        #[test]
        fn one_flipped_bit_of_the_header_never_makes_another_right_one(body in any::<Vec<u8>>(), at in any::<prop::sample::Index>()) {
            let right = sign(&body);
            let changed = flipped(right.as_bytes(), at);
            // The case of a digit is one bit, and says the same.
            prop_assume!(!changed.eq_ignore_ascii_case(right.as_bytes()));
            let verdict = std::str::from_utf8(&changed).map(|header| secrets(SECRET).verify(Some(header), &body));
            prop_assert!(verdict.is_err() || verdict.is_ok_and(|verdict| verdict.is_err()));
        }

        #[test]
        fn any_header_is_an_answer_and_not_a_panic(header in any::<String>(), body in any::<Vec<u8>>()) {
            prop_assert!(secrets(SECRET).verify(Some(&header), &body).is_err());
        }
    }
}
