//! The value of `X-Hub-Signature-256` on the first line, the body after it.

use facebook::{AppSecrets, SignatureError};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::script::first_line;

const CURRENT: &str = "example-app-secret";
const OLDER: &str = "older-app-secret";

pub(super) fn run(input: &[u8]) {
    let (header, body) = first_line(input);
    let secrets = AppSecrets::parse(&format!("{CURRENT},{OLDER}").into()).expect("two secrets");
    let right = [CURRENT, OLDER].map(|secret| sign(secret, body));

    let given = secrets.verify(Some(&header), body);
    assert_eq!(given, expected(&header, &right), "header {header:?}");
    assert_eq!(secrets.verify(None, body), Err(SignatureError::Missing));
    for header in &right {
        assert_eq!(secrets.verify(Some(header), body), Ok(()));
        assert_eq!(secrets.verify(Some(&changed_digit(header)), body), Err(SignatureError::Wrong));
        assert_eq!(secrets.verify(Some(header), &changed_bit(body)), Err(SignatureError::Wrong));
    }
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// What is right is right in either case of the digits; nothing else is.
fn expected(header: &str, right: &[String]) -> Result<(), SignatureError> {
    let digits = header.strip_prefix("sha256=").filter(|digits| digits.len() == 64);
    match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        None => Err(SignatureError::Malformed),
        Some(_) if right.contains(&header.to_ascii_lowercase()) => Ok(()),
        Some(_) => Err(SignatureError::Wrong),
    }
}

fn changed_digit(header: &str) -> String {
    let last = if header.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &header[..header.len() - 1])
}

/// The body with its last bit changed, or with a byte where there was none.
fn changed_bit(body: &[u8]) -> Vec<u8> {
    match body.split_last() {
        Some((last, before)) => [before, &[last ^ 1]].concat(),
        None => vec![0],
    }
}
