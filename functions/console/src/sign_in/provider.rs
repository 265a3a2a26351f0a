//! The issuer: what it says of itself, the codes it redeems and the tokens it signs.

use std::{error::Error, future::Future, sync::Arc, time::Duration};

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use domain::Clock;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AdditionalClaims, AuthorizationCode, ClaimsVerificationError, CsrfToken, DiscoveryError, EndSessionUrl,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdToken, IdTokenClaims, JsonWebKeySet,
    JsonWebTokenType, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError,
    StandardErrorResponse, TokenResponse, TokenUrl,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreGenderClaim, CoreIdTokenVerifier,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm as Algorithm, CoreTokenResponse,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use transport::{Transport, TransportError};
use url::Url;

use super::{Registration, SignedIn, cookies::Attempt, return_path::ReturnPath};
use crate::{
    problem::Causes,
    text::{Text, text},
};

/// What a token may be signed with. A signature with a shared secret is none: the client has no secret.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// What a program's token may call itself: an ID token, or an access token (RFC 9068, section 2.1). A logout token,
/// which is signed by the same keys, is neither.
const TOKEN_TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// How long the issuer may take to say what it is. A request to the console may last 30 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the issuer is asked for its keys at most: anybody can send a token that names a key nobody has.
const BETWEEN_KEYS: SignedDuration = SignedDuration::from_mins(1);

/// How far the issuer's clock may be ahead.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);

/// Longest name that is kept, in characters.
const LONGEST_NAME: usize = 80;

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The issuer gives no usable answer: later it may.
    Unreachable,
    /// The code or token proves nothing: another one may.
    Refused(Text),
    /// The answer belongs to no attempt of this browser, or not to its last one: sign in again.
    Stale,
}

impl Failure {
    /// Why, for a program's reader.
    pub(super) fn told(&self) -> Text {
        match self {
            Self::Unreachable => text("issuer-unreachable"),
            Self::Refused(why) => why.clone(),
            Self::Stale => text("attempt-stale"),
        }
    }
}

/// The issuer, asked for what it is when somebody comes for the first time.
#[derive(Debug)]
pub(super) struct Provider {
    registration: Registration,
    transport: Arc<dyn Transport>,
    clock: Clock,
    known: Mutex<Option<Arc<Known>>>,
}

/// What is known of the issuer.
#[derive(Debug, Clone)]
struct Known {
    metadata: ProviderMetadataWithLogout,
    keys_asked_at: Timestamp,
}

type Client =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

type Token = IdToken<TokenClaims, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, Algorithm>;

/// Claims of a program's token beyond those of an ID token.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TokenClaims {
    client_id: Option<String>,
    nbf: Option<f64>,
}

impl AdditionalClaims for TokenClaims {}

impl Provider {
    pub(super) fn new(registration: Registration, transport: Arc<dyn Transport>, clock: Clock) -> Self {
        Self { registration, transport, clock, known: Mutex::default() }
    }

    /// Whether this is how the issuer calls itself.
    pub(super) fn is(&self, issuer: &str) -> bool {
        self.registration.issuer.as_str() == issuer
    }

    /// The address at the issuer that begins a sign-in, and what has to be remembered of it.
    ///
    /// # Errors
    /// [`Failure::Unreachable`].
    pub(super) async fn begin(&self, callback: Url, to: ReturnPath) -> Result<(Url, Attempt), Failure> {
        let client = self.client(&*self.known().await?, callback);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        // The scope `openid` goes without saying; the e-mail address is what people are called if they have no name.
        let request = request.add_scope(Scope::new("email".to_owned())).set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        Ok((url, Attempt { state, nonce, verifier, to }))
    }

    /// Redeems a code.
    ///
    /// # Errors
    /// [`Failure::Unreachable`], and [`Failure::Refused`] when the code or the token that it brought is no good.
    pub(super) async fn exchange(
        &self,
        callback: Url,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
        nonce: &Nonce,
    ) -> Result<SignedIn, Failure> {
        let answer = self.redeem(callback, code, verifier).await?;
        let token = answer.id_token().ok_or(Failure::Refused(text("refused-no-id-token")))?;
        self.with_keys(|keys| token.claims(&keys, nonce).map(signed_in)).await
    }

    async fn redeem(
        &self,
        callback: Url,
        code: AuthorizationCode,
        verifier: PkceCodeVerifier,
    ) -> Result<CoreTokenResponse, Failure> {
        let client = self.client(&*self.known().await?, callback);
        let request = client.exchange_code(code).map_err(|error| unreachable(&error))?;
        let http = self.http();
        request.set_pkce_verifier(verifier).request_async(&http).await.map_err(|error| not_redeemed(&error))
    }

    /// Who a program's token speaks for.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] and [`Failure::Refused`].
    pub(super) async fn bearer(&self, token: &SecretString) -> Result<SignedIn, Failure> {
        let token: Token = token.expose_secret().parse().map_err(|_| Failure::Refused(text("refused-no-token")))?;
        let types = TOKEN_TYPES.map(|name| JsonWebTokenType::new(name.to_owned()).normalize());
        let types = types.into_iter().flatten().collect::<Vec<_>>();
        self.with_keys(|keys| {
            // An access token has no audience at some issuers, so it is looked at below.
            let keys = keys.require_audience_match(false).set_allowed_jose_types(types.clone());
            let claims = token.claims(&keys, |_: Option<&Nonce>| Ok(()))?;
            if !self.is_meant_for_us(claims) {
                return Err(ClaimsVerificationError::InvalidAudience(String::new()));
            }
            if !self.is_valid_already(claims) {
                return Err(ClaimsVerificationError::Other(String::new()));
            }
            Ok(signed_in(claims))
        })
        .await
    }

    /// The audience is whom a token is made for. Where none is named, as in Cognito's access tokens, it is the client
    /// that it was given to. Where one is named, the client that brought it says nothing: that other audience has
    /// seen the token too, and could send it here.
    fn is_meant_for_us(&self, claims: &IdTokenClaims<TokenClaims, CoreGenderClaim>) -> bool {
        let us = self.registration.client_id.as_str();
        let client = claims.additional_claims().client_id.as_deref();
        let client = client.or_else(|| claims.authorized_party().map(|client| client.as_str()));
        match claims.audiences().as_slice() {
            [] => client == Some(us),
            audiences => audiences.iter().any(|audience| audience.as_str() == us),
        }
    }

    /// Source: RFC 7519, section 4.1.5.
    fn is_valid_already(&self, claims: &IdTokenClaims<TokenClaims, CoreGenderClaim>) -> bool {
        let latest = (self.clock.now() + CLOCK_SKEW).as_duration().as_secs_f64();
        claims.additional_claims().nbf.is_none_or(|not_before| not_before <= latest)
    }

    /// The address that ends the issuer's own session, if it has one and answers.
    pub(super) async fn end_session(&self, back: Url) -> Option<Url> {
        let known = self.known().await.ok()?;
        let endpoint = known.metadata.additional_metadata().end_session_endpoint.clone()?;
        let request = LogoutRequest::from(endpoint).set_client_id(self.registration.client_id.clone());
        let request = request.set_post_logout_redirect_uri(PostLogoutRedirectUrl::from_url(back.clone()));
        let mut address = request.http_get_url();
        // What Cognito calls it; others leave aside what they do not know (RFC 6749, section 3.1).
        address.query_pairs_mut().append_pair("logout_uri", back.as_str());
        Some(address)
    }

    fn client(&self, known: &Known, callback: Url) -> Client {
        let client =
            CoreClient::from_provider_metadata(known.metadata.clone(), self.registration.client_id.clone(), None);
        client.set_redirect_uri(RedirectUrl::from_url(callback))
    }

    /// Looks at a token with the issuer's keys, and once more with fresh ones if it names a key that is not among them.
    async fn with_keys<T>(
        &self,
        check: impl Fn(CoreIdTokenVerifier<'static>) -> Result<T, ClaimsVerificationError>,
    ) -> Result<T, Failure> {
        let known = self.known().await?;
        let mut checked = check(self.verifier(&known));
        if checked.as_ref().is_err_and(is_unknown_key) {
            checked = check(self.verifier(&*self.known_with_fresh_keys().await?));
        }
        checked.map_err(|error| refused(&error))
    }

    fn verifier(&self, known: &Known) -> CoreIdTokenVerifier<'static> {
        let Registration { issuer, client_id } = self.registration.clone();
        // A time that cannot be told is after the end of every token.
        let now = DateTime::from_timestamp(self.clock.now().as_second(), 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        CoreIdTokenVerifier::new_public_client(client_id, issuer, known.metadata.jwks().clone())
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now)
    }

    /// What the issuer says of itself, asked for once. Source: OpenID Connect Discovery 1.0, section 4.
    async fn known(&self) -> Result<Arc<Known>, Failure> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known {
            return Ok(Arc::clone(known));
        }
        let (issuer, http) = (self.registration.issuer.clone(), self.http());
        let metadata = patiently(ProviderMetadataWithLogout::discover_async(issuer, &http)).await?;
        if !self.is_protected(&metadata) {
            tracing::warn!("the issuer names an endpoint without TLS");
            return Err(Failure::Unreachable);
        }
        let found = Arc::new(Known { metadata, keys_asked_at: self.clock.now() });
        *known = Some(Arc::clone(&found));
        Ok(found)
    }

    /// The same with the keys that the issuer has now, unless it was asked for them a moment ago.
    async fn known_with_fresh_keys(&self) -> Result<Arc<Known>, Failure> {
        let old = self.known().await?;
        let now = self.clock.now();
        if now.duration_since(old.keys_asked_at) < BETWEEN_KEYS {
            return Ok(old);
        }
        // Noted before the answer is here: an issuer that is down is asked no more often.
        self.remember(Known { keys_asked_at: now, ..Known::clone(&old) }).await;
        let http = self.http();
        let keys = patiently(JsonWebKeySet::fetch_async(old.metadata.jwks_uri(), &http)).await?;
        Ok(self.remember(Known { metadata: old.metadata.clone().set_jwks(keys), keys_asked_at: now }).await)
    }

    async fn remember(&self, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        *self.known.lock().await = Some(Arc::clone(&known));
        known
    }

    /// An issuer that is reached through TLS must not send codes and people past it.
    fn is_protected(&self, metadata: &ProviderMetadataWithLogout) -> bool {
        let end_session = metadata.additional_metadata().end_session_endpoint.as_ref().map(EndSessionUrl::url);
        let endpoints = [
            Some(metadata.authorization_endpoint().url()),
            metadata.token_endpoint().map(TokenUrl::url),
            Some(metadata.jwks_uri().url()),
            end_session,
        ];
        let needs_tls = self.registration.issuer.url().scheme() == "https";
        !needs_tls || endpoints.into_iter().flatten().all(|endpoint| endpoint.scheme() == "https")
    }

    fn http(&self) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, TransportError>> + Send + Sync {
        let transport = Arc::clone(&self.transport);
        move |request| {
            let transport = Arc::clone(&transport);
            Box::pin(async move { Ok(transport.send(request.map(Bytes::from)).await?.map(Vec::from)) })
        }
    }
}

async fn patiently<T>(answer: impl Future<Output = Result<T, DiscoveryError<TransportError>>>) -> Result<T, Failure> {
    let answer = tokio::time::timeout(PATIENCE, answer).await.map_err(|elapsed| unreachable(&elapsed))?;
    answer.map_err(|error| unreachable(&error))
}

fn unreachable(error: &dyn Error) -> Failure {
    tracing::warn!(error = %Causes(error), "the issuer gives no usable answer");
    Failure::Unreachable
}

/// The words of an answer that cannot be read stay out of the log: they may hold a token.
fn not_redeemed(error: &RequestTokenError<TransportError, StandardErrorResponse<CoreErrorResponseType>>) -> Failure {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            tracing::warn!(code = loggable_code(answer.error().as_ref()), "the issuer does not take the code");
            Failure::Refused(text("refused-code"))
        }
        RequestTokenError::Request(error) => unreachable(error),
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            tracing::warn!("the issuer's answer to a code cannot be read");
            Failure::Unreachable
        }
    }
}

/// An error code as it may stand in a log: `invalid_client` says what to mend, and nothing longer is looked at.
/// Source: RFC 6749, sections 4.1.2.1 and 5.2.
pub(super) fn loggable_code(code: &str) -> &str {
    let is_code = code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_code { code } else { "not shown" }
}

fn is_unknown_key(error: &ClaimsVerificationError) -> bool {
    matches!(error, ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
}

/// What a token says is not repeated: it is said in public why it was refused, and in the log.
fn refused(error: &ClaimsVerificationError) -> Failure {
    Failure::Refused(match error {
        ClaimsVerificationError::Expired(_) => text("refused-expired"),
        ClaimsVerificationError::InvalidAudience(_) => text("refused-audience"),
        ClaimsVerificationError::InvalidIssuer(_) => text("refused-issuer"),
        ClaimsVerificationError::InvalidNonce(_) => text("refused-nonce"),
        ClaimsVerificationError::SignatureVerification(_) => text("refused-signature"),
        _ => text("refused-other"),
    })
}

fn signed_in<C: AdditionalClaims>(claims: &IdTokenClaims<C, CoreGenderClaim>) -> SignedIn {
    let name = claims.name().and_then(|name| name.get(None)).map(|name| name.as_str());
    let name = name.or_else(|| claims.preferred_username().map(|name| name.as_str()));
    let name = name.or_else(|| claims.email().map(|email| email.as_str()));
    let name = name.map(|name| name.chars().take(LONGEST_NAME).collect());
    SignedIn { subject: claims.subject().to_string(), name }
}
