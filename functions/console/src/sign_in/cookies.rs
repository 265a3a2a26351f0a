use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;
use store::Hasher;

use super::{Registration, return_path::ReturnPath};
use crate::request;

/// Who has signed in.
pub(super) const SESSION: Kind = Kind { name: "session", lifetime: SignedDuration::from_hours(1) };

/// What was sent to the issuer, until the browser is back.
pub(super) const ATTEMPT: Kind = Kind { name: "sign-in", lifetime: SignedDuration::from_mins(10) };

/// A cookie and how long it is good.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    name: &'static str,
    lifetime: SignedDuration,
}

/// A sign-in that has begun in this browser.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// Shows that an answer is the one to this attempt.
    pub(super) state: CsrfToken,
    /// Shows that a token was made for this attempt.
    pub(super) nonce: Nonce,
    /// Shows the issuer that the code is redeemed by whoever asked for it.
    pub(super) verifier: PkceCodeVerifier,
    /// The page that was asked for.
    pub(super) to: ReturnPath,
}

/// Cookies that the browser keeps for us and cannot change: what they hold is signed together with their kind, the
/// issuer and the client, and with the second at which it ends.
pub(super) struct Cookies {
    key: SecretBox<[u8; 32]>,
    context: String,
    is_secure: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept<T> {
    until: i64,
    value: T,
}

impl Cookies {
    /// With `is_secure` the cookies are bound to this host and to TLS, which plain HTTP on loopback cannot do.
    pub(super) fn new(registration: &Registration, hasher: &Hasher, is_secure: bool) -> Self {
        let context = format!("{}\n{}", registration.issuer.as_str(), registration.client_id.as_str());
        Self { key: hasher.key_for("console cookies"), context, is_secure }
    }

    /// The `Set-Cookie` header that keeps `value`.
    ///
    /// `SameSite` is `Lax`, not `Strict`: the way back from the issuer and the links in alerts are navigations from
    /// another site, on which a strict cookie stays at home. What changes something asks for its origin besides.
    pub(super) fn keep<T: Serialize>(&self, kind: Kind, value: &T, now: Timestamp) -> String {
        let until = (now + kind.lifetime).as_second();
        let payload = serde_json::to_vec(&Kept { until, value }).expect("plain fields are JSON");
        let signature = self.signature(kind, &payload).finalize().into_bytes();
        let value = format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(signature));
        self.header(kind, &value, kind.lifetime)
    }

    /// The `Set-Cookie` header that removes the cookie.
    pub(super) fn forget(&self, kind: Kind) -> String {
        self.header(kind, "", SignedDuration::ZERO)
    }

    /// What the browser kept, unless it is over or not as we made it.
    pub(super) fn kept<T: DeserializeOwned>(&self, kind: Kind, headers: &HeaderMap, now: Timestamp) -> Option<T> {
        let name = self.name(kind);
        request::cookies(headers, &name).find_map(|value| self.verified(kind, value, now))
    }

    fn verified<T: DeserializeOwned>(&self, kind: Kind, value: &str, now: Timestamp) -> Option<T> {
        let (payload, signature) = value.split_once('.')?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.signature(kind, &payload).verify_slice(&signature).ok()?;
        let kept: Kept<T> = serde_json::from_slice(&payload).ok()?;
        (now.as_second() < kept.until).then_some(kept.value)
    }

    fn signature(&self, kind: Kind, payload: &[u8]) -> Hmac<Sha256> {
        let key = self.key.expose_secret();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        for part in [kind.name.as_bytes(), b"\n", self.context.as_bytes(), b"\n", payload] {
            mac.update(part);
        }
        mac
    }

    /// Source: RFC 6265bis, section 4.1 (attributes, `__Host-`).
    fn header(&self, kind: Kind, value: &str, lifetime: SignedDuration) -> String {
        let name = self.name(kind);
        let secure = if self.is_secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", lifetime.as_secs())
    }

    fn name(&self, kind: Kind) -> String {
        let prefix = if self.is_secure { "__Host-" } else { "" };
        format!("{prefix}{}", kind.name)
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies")
    }
}
