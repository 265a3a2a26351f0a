use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use axum::{
    Json,
    body::Bytes,
    extract::State as Shared,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::Nonce;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use pretty_assertions::assert_eq;
use rstest::rstest;
use sha2::{Digest, Sha256};
use url::Url;

use super::*;
use crate::{Registration, SignIn};

const ISSUER: &str = "https://id.example/pool";
const CONSOLE: &str = "https://console.example.com";
const CLIENT: &str = "console";
const SUBJECT: &str = "5f3c9a52-7f1e-4a5b-9c68-2f6d1b0e4a77";

/// An issuer that signs in whoever asks.
#[derive(Debug)]
struct Issuer {
    key: SigningKey,
    settings: Mutex<Settings>,
    /// Seconds after [`now`].
    clock: AtomicI64,
    discoveries: AtomicUsize,
    key_readings: AtomicUsize,
}

/// How the issuer behaves.
#[derive(Debug, Clone, Default)]
struct Settings {
    is_down: bool,
    key_id: String,
    metadata: Value,
    /// What the next ID tokens say differently.
    header: Value,
    claims: Value,
    /// The codes that can be redeemed, with the challenge and the nonce of their sign-in.
    codes: Vec<(String, String, String)>,
}

#[derive(Debug, serde::Deserialize)]
struct Redeemed {
    grant_type: String,
    client_id: String,
    redirect_uri: String,
    code: String,
    code_verifier: String,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `whole` with the fields of `other`; one that is null is taken away.
fn merged(mut whole: Value, other: &Value) -> Value {
    for (name, value) in other.as_object().into_iter().flatten() {
        whole[name] = value.clone();
    }
    whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    whole
}

fn new_key() -> SigningKey {
    SigningKey::from_slice(&Sha256::digest(Nonce::new_random().secret())).unwrap()
}

impl Issuer {
    fn new() -> Arc<Self> {
        let settings = Settings { key_id: "first".to_owned(), ..Settings::default() };
        Arc::new(Self {
            key: new_key(),
            settings: settings.into(),
            clock: AtomicI64::default(),
            discoveries: AtomicUsize::default(),
            key_readings: AtomicUsize::default(),
        })
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock().unwrap());
    }

    fn settings(&self) -> Settings {
        self.settings.lock().unwrap().clone()
    }

    fn pass(&self, time: SignedDuration) {
        self.clock.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    fn now(&self) -> Timestamp {
        now() + SignedDuration::from_secs(self.clock.load(Ordering::SeqCst))
    }

    fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/pool/.well-known/openid-configuration", get(metadata))
            .route("/pool/keys", get(keys))
            .route("/pool/token", post(token))
            .with_state(Arc::clone(self))
    }

    /// What a person does at the issuer: signs in and is sent back with a code.
    fn signs_in(&self, address: &Url) -> String {
        let query: std::collections::HashMap<_, _> = address.query_pairs().into_owned().collect();
        assert_eq!(query["client_id"], CLIENT);
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"), "{query:?}");
        let code = encoded(Nonce::new_random().secret());
        self.set(|issuer| {
            issuer.codes.push((code.clone(), query["code_challenge"].clone(), query["nonce"].clone()));
        });
        format!("/sign-in/callback?code={code}&state={}&session_state=x", query["state"])
    }

    /// An ID token, with other claims or another header if it says so.
    fn token(&self, claims: &Value, header: &Value) -> String {
        let (now, settings) = (self.now().as_second(), self.settings());
        let genuine = json!({"iss": ISSUER, "aud": CLIENT, "sub": SUBJECT, "iat": now, "exp": now + 300,
            "email": "olena@shop.example", "email_verified": "true", "updated_at": "2026-01-01T00:00:00Z"});
        let header = merged(json!({"alg": "ES256", "typ": "JWT", "kid": settings.key_id}), header);
        signed(&header, &merged(genuine, claims), &self.key)
    }
}

fn signed(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let text = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    let signature: Signature = key.sign(text.as_bytes());
    format!("{text}.{}", encoded(signature.to_bytes()))
}

async fn metadata(Shared(issuer): Shared<Arc<Issuer>>) -> Response {
    issuer.discoveries.fetch_add(1, Ordering::SeqCst);
    let settings = issuer.settings();
    if settings.is_down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let metadata = json!({
        "issuer": ISSUER,
        "authorization_endpoint": format!("{ISSUER}/authorize"),
        "token_endpoint": format!("{ISSUER}/token"),
        "jwks_uri": format!("{ISSUER}/keys"),
        "end_session_endpoint": format!("{ISSUER}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    Json(merged(metadata, &settings.metadata)).into_response()
}

async fn keys(Shared(issuer): Shared<Arc<Issuer>>) -> Json<Value> {
    issuer.key_readings.fetch_add(1, Ordering::SeqCst);
    let point = issuer.key.verifying_key().to_sec1_point(false);
    let (x, y) = (encoded(point.x().unwrap()), encoded(point.y().unwrap()));
    let key = json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": issuer.settings().key_id, "x": x, "y": y});
    Json(json!({"keys": [key]}))
}

async fn token(Shared(issuer): Shared<Arc<Issuer>>, form: Bytes) -> Response {
    let redeemed: Redeemed = serde_urlencoded::from_bytes(&form).unwrap();
    let settings = issuer.settings();
    let challenge = encoded(Sha256::digest(&redeemed.code_verifier));
    let place = settings.codes.iter().position(|(code, expected, _)| *code == redeemed.code && *expected == challenge);
    let is_right = redeemed.grant_type == "authorization_code"
        && redeemed.client_id == CLIENT
        && redeemed.redirect_uri == format!("{CONSOLE}/sign-in/callback");
    let Some(place) = place.filter(|_| is_right) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    };
    issuer.set(|issuer| drop(issuer.codes.remove(place)));
    let mut claims = settings.claims;
    if claims.get("nonce").is_none() {
        claims["nonce"] = settings.codes[place].2.clone().into();
    }
    let token = issuer.token(&claims, &settings.header);
    Json(json!({"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": token}))
        .into_response()
}

/// A console whose people are signed in by an [`Issuer`], and a browser in front of it.
struct Desk {
    world: World,
    sign_in: Arc<SignIn>,
    issuer: Arc<Issuer>,
    cookies: BTreeMap<String, String>,
}

/// An answer as a browser sees it.
#[derive(Debug)]
struct Seen {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{self:?}");
        self.header("location")
    }

    fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect()
    }
}

impl Desk {
    async fn new() -> Self {
        Self::at(CONSOLE, CLIENT).await
    }

    async fn at(console: &str, client: &str) -> Self {
        let issuer = Issuer::new();
        let transport = Arc::new(Direct::new().host("id.example", issuer.router()));
        let registration = Registration::new(ISSUER.to_owned(), client.to_owned()).unwrap();
        let clock = Clock::new({
            let issuer = Arc::clone(&issuer);
            move || issuer.now()
        });
        let hasher = Hasher::with_key([7; 32]);
        let sign_in = Arc::new(SignIn::new(registration, console.parse().unwrap(), transport, &hasher, clock));
        let world = World::with_access(Access::SignIn(Arc::clone(&sign_in))).await;
        Self { world, sign_in, issuer, cookies: BTreeMap::new() }
    }

    /// One in front of which somebody has signed in.
    async fn signed_in() -> Self {
        let mut desk = Self::new().await;
        let seen = desk.signs_in("/sign-in").await;
        assert_eq!(seen.location(), "/");
        desk
    }

    async fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Seen {
        let request = Request::builder().method(method).uri(path).header("host", "console.example.com");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header("cookie", cookies.join("; ")).body(Body::empty()).unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let seen = Seen { status, headers, body: String::from_utf8(body.to_vec()).unwrap() };
        for cookie in seen.set_cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        self.cookies.retain(|_, value| !value.is_empty());
        seen
    }

    async fn page(&mut self, path: &str) -> Seen {
        self.call("GET", path, &[("accept", "text/html,*/*;q=0.8")]).await
    }

    async fn api(&mut self) -> u16 {
        self.call("GET", "/api/connections", &[]).await.status
    }

    async fn bearer(&mut self, token: &str) -> Seen {
        self.call("GET", "/api/connections", &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// The address that the issuer sends the browser back to.
    async fn way_back(&mut self, path: &str) -> String {
        let seen = self.page(path).await;
        let address: Url = seen.location().parse().unwrap();
        assert!(address.as_str().starts_with(&format!("{ISSUER}/authorize?")), "{address}");
        self.issuer.signs_in(&address)
    }

    async fn signs_in(&mut self, path: &str) -> Seen {
        let back = self.way_back(path).await;
        self.page(&back).await
    }
}

#[tokio::test]
async fn a_person_signs_in_works_and_signs_out() {
    let mut desk = Desk::new().await;
    let way = desk.page("/bundles?tab=active").await.location().to_owned();
    assert_eq!(way, "/sign-in?to=%2Fbundles%3Ftab%3Dactive");
    assert_eq!(desk.api().await, 401);
    let seen = desk.signs_in(&way).await;
    assert_eq!(seen.location(), "/bundles?tab=active");
    assert_eq!(desk.cookies.keys().collect::<Vec<_>>(), ["__Host-session"]);
    assert_eq!(desk.api().await, 200);
    let seen = desk.call("POST", "/sign-out", &[("origin", CONSOLE)]).await;
    let expected = "https://id.example/pool/logout?client_id=console\
        &post_logout_redirect_uri=https%3A%2F%2Fconsole.example.com%2Fsigned-out\
        &logout_uri=https%3A%2F%2Fconsole.example.com%2Fsigned-out";
    assert_eq!(seen.location(), expected);
    assert!(desk.cookies.is_empty(), "{:?}", desk.cookies);
    assert_eq!(desk.api().await, 401);
}

#[tokio::test]
async fn cookies_stay_where_they_belong() {
    let mut desk = Desk::new().await;
    let begun = desk.page("/sign-in").await;
    let attempt = begun.set_cookies()[0].to_owned();
    assert!(attempt.starts_with("__Host-sign-in="), "{attempt}");
    assert!(attempt.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure"), "{attempt}");
    let done = desk.signs_in("/sign-in").await;
    let [session, forgotten] = done.set_cookies()[..] else { panic!("{done:?}") };
    assert!(session.starts_with("__Host-session="), "{session}");
    assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure"), "{session}");
    assert_eq!(forgotten, "__Host-sign-in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure");
    let begun = Desk::at("http://127.0.0.1:8080", CLIENT).await.page("/sign-in").await;
    assert!(begun.set_cookies()[0].starts_with("sign-in="), "{begun:?}");
    assert!(begun.set_cookies()[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"), "{begun:?}");
}

#[tokio::test]
async fn whoever_has_not_signed_in_is_shown_the_way_or_told() {
    let mut desk = Desk::new().await;
    let html = ("accept", "text/html");
    let htmx = [("hx-request", "true"), ("hx-current-url", "https://console.example.com/leads?state=parked")];
    assert_eq!(desk.call("GET", "/leads", &[html]).await.location(), "/sign-in?to=%2Fleads");
    assert_eq!(desk.call("POST", "/leads", &[html]).await.location(), "/sign-in?to=%2F");
    let told = desk.call("GET", "/leads/rows", &htmx).await;
    assert_eq!((told.status, told.header("hx-redirect")), (401, "/sign-in?to=%2Fleads%3Fstate%3Dparked"));
    for (path, headers) in [("/api/connections", &[html][..]), ("/api", &[html]), ("/leads", &[])] {
        let told = desk.call("GET", path, headers).await;
        assert_eq!((told.status, told.header("www-authenticate")), (401, "Bearer"), "{path}");
        assert_eq!(told.header("content-type"), "application/problem+json");
    }
    assert_eq!(desk.issuer.discoveries.load(Ordering::SeqCst), 0, "nobody has to ask the issuer for that");
}

#[rstest]
#[case("https://evil.example/")]
#[case("//evil.example/")]
#[case("/%5Cevil.example/")]
#[case("/.//evil.example/")]
#[case("leads")]
#[tokio::test]
async fn nobody_is_sent_elsewhere(#[case] to: &str) {
    let mut desk = Desk::new().await;
    assert_eq!(desk.page(&format!("/sign-in?to={to}")).await.status, 400);
}

/// What the issuer's tokens say for once, and what comes of it.
#[rstest]
#[case::genuine(json!({}), json!({}), 303)]
#[case::several_audiences(json!({"aud": [CLIENT, "other"]}), json!({}), 403)]
#[case::wrong_nonce(json!({"nonce": "another"}), json!({}), 403)]
#[case::no_nonce(json!({"nonce": null}), json!({}), 403)]
#[case::wrong_issuer(json!({"iss": "https://id.example/other"}), json!({}), 403)]
#[case::other_client(json!({"aud": "other"}), json!({}), 403)]
#[case::no_audience(json!({"aud": null, "client_id": CLIENT}), json!({}), 403)]
#[case::expired(json!({"exp": now().as_second()}), json!({}), 403)]
#[case::unsigned(json!({}), json!({"alg": "none"}), 403)]
#[case::other_algorithm(json!({}), json!({"alg": "RS256"}), 403)]
#[case::shared_secret(json!({}), json!({"alg": "HS256"}), 403)]
#[case::unknown_key(json!({}), json!({"kid": "unknown"}), 403)]
#[case::access_token(json!({}), json!({"typ": "at+jwt"}), 403)]
#[tokio::test]
async fn only_the_token_of_this_sign_in_makes_a_session(
    #[case] claims: Value,
    #[case] header: Value,
    #[case] status: u16,
) {
    let mut desk = Desk::new().await;
    desk.issuer.set(|issuer| (issuer.claims, issuer.header) = (claims, header));
    let seen = desk.signs_in("/sign-in").await;
    assert_eq!(seen.status, status, "{seen:?}");
    assert_eq!(desk.api().await, if status == 303 { 200 } else { 401 });
}

#[rstest]
#[case::genuine("", "", 303)]
#[case::named_issuer("", "&iss=https%3A%2F%2Fid.example%2Fpool", 303)]
#[case::other_issuer("", "&iss=https%3A%2F%2Fevil.example", 403)]
#[case::other_state("state=", "state=x", 400)]
#[case::no_state("state=", "other=", 400)]
#[case::other_code("code=", "code=x", 403)]
#[case::no_code("code=", "error=access_denied&other=", 403)]
#[case::two_codes("", "&code=x", 400)]
#[tokio::test]
async fn only_the_answer_to_this_sign_in_is_taken(#[case] part: &str, #[case] forged: &str, #[case] status: u16) {
    let mut desk = Desk::new().await;
    let back = desk.way_back("/sign-in").await;
    let back = if part.is_empty() { back + forged } else { back.replace(part, forged) };
    assert_eq!(desk.page(&back).await.status, status, "{back}");
    assert_eq!(desk.cookies.contains_key("__Host-session"), status == 303);
}

#[tokio::test]
async fn an_answer_serves_once_in_its_time_and_in_its_browser() {
    let mut desk = Desk::new().await;
    let back = desk.way_back("/sign-in").await;
    let attempt = desk.cookies.clone();
    desk.issuer.pass(SignedDuration::from_secs(599));
    assert_eq!(desk.page(&back).await.status, 303);
    assert_eq!(desk.page(&back).await.status, 400, "the browser has forgotten it");
    desk.cookies = attempt.clone();
    assert_eq!(desk.page(&back).await.status, 403, "the issuer redeems a code once");

    let back = desk.way_back("/sign-in").await;
    let own = std::mem::replace(&mut desk.cookies, attempt);
    assert_eq!(desk.page(&back).await.status, 400, "the cookie is of another sign-in");
    desk.cookies = own;
    desk.issuer.pass(SignedDuration::from_mins(10));
    assert_eq!(desk.page(&back).await.status, 400, "ten minutes are over");
}

#[tokio::test]
async fn a_session_ends_after_an_hour() {
    let mut desk = Desk::signed_in().await;
    desk.issuer.pass(SignedDuration::from_secs(3599));
    assert_eq!(desk.api().await, 200);
    desk.issuer.pass(SignedDuration::from_secs(1));
    assert_eq!(desk.api().await, 401);
}

#[tokio::test]
async fn a_cookie_that_we_did_not_make_is_none() {
    let mut desk = Desk::signed_in().await;
    let session = desk.cookies["__Host-session"].clone();
    let (payload, signature) = session.split_once('.').unwrap();
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let longer = encoded(claims.replace("\"until\":1", "\"until\":9"));
    let mut forged = vec![
        format!("{longer}.{signature}"),
        format!("{payload}.{}", encoded(Sha256::digest(payload))),
        format!("{payload}."),
        payload.to_owned(),
        format!("{payload}.{}", &signature[..signature.len() - 2]),
        format!(".{signature}"),
        "%".to_owned(),
    ];
    desk.page("/sign-in").await;
    forged.push(desk.cookies["__Host-sign-in"].clone());
    for forged in forged {
        desk.cookies = BTreeMap::from([("__Host-session".to_owned(), forged.clone())]);
        assert_eq!(desk.api().await, 401, "{forged}");
    }
    desk.cookies = BTreeMap::from([("session".to_owned(), session.clone())]);
    assert_eq!(desk.api().await, 401, "the name says that no other host can have set it");
    let mut other_client = Desk::at(CONSOLE, "other").await;
    other_client.cookies = BTreeMap::from([("__Host-session".to_owned(), session)]);
    assert_eq!(other_client.api().await, 401, "a session ends when the console is given to another issuer or client");
}

#[rstest]
#[case(&[("origin", CONSOLE)], 404)]
#[case(&[("sec-fetch-site", "same-origin")], 404)]
#[case(&[], 403)]
#[case(&[("origin", "null")], 403)]
#[case(&[("origin", "https://evil.example")], 403)]
#[case(&[("origin", "https://console.example.com.evil.example")], 403)]
#[case(&[("origin", "http://console.example.com")], 403)]
#[case(&[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")], 403)]
#[case(&[("sec-fetch-site", "cross-site")], 403)]
#[case(&[("sec-fetch-site", "same-site")], 403)]
#[case(&[("sec-fetch-site", "none")], 403)]
#[tokio::test]
async fn only_a_page_of_the_console_changes_something(#[case] headers: &[(&str, &str)], #[case] status: u16) {
    let mut desk = Desk::signed_in().await;
    assert_eq!(desk.call("POST", "/api/connections/shop/pause", headers).await.status, status);
    let status = if status == 404 { 303 } else { status };
    assert_eq!(desk.call("POST", "/sign-out", headers).await.status, status, "nor does it sign people out");
    assert_eq!(desk.cookies.is_empty(), status == 303);
}

#[rstest]
#[case::id_token(json!({}), json!({}), "")]
#[case::several_audiences(json!({"aud": ["other", CLIENT]}), json!({}), "")]
#[case::access_token_of_cognito(json!({"aud": null, "client_id": CLIENT, "token_use": "access"}), json!({"typ": null}), "")]
#[case::authorized_party(json!({"aud": null, "azp": CLIENT}), json!({}), "")]
#[case::access_token(json!({"client_id": "script"}), json!({"typ": "at+jwt"}), "")]
#[case::valid_in_a_moment(json!({"nbf": now().as_second() + 60}), json!({}), "")]
#[case::other_issuer(json!({"iss": "https://id.example/other"}), json!({}), "of another issuer")]
#[case::other_client(json!({"aud": "other"}), json!({}), "for another client")]
#[case::other_clients_access_token(json!({"aud": null, "client_id": "other"}), json!({}), "for another client")]
#[case::for_nobody(json!({"aud": null}), json!({}), "for another client")]
#[case::other_audience(json!({"aud": "https://api.example", "client_id": CLIENT}), json!({}), "for another client")]
#[case::expired(json!({"exp": now().as_second()}), json!({}), "expired")]
#[case::not_yet(json!({"nbf": now().as_second() + 61}), json!({}), "not yet")]
#[case::unsigned(json!({}), json!({"alg": "none"}), "signature")]
#[case::shared_secret(json!({}), json!({"alg": "HS256"}), "signature")]
#[case::other_algorithm(json!({}), json!({"alg": "RS256"}), "signature")]
#[case::unknown_key(json!({}), json!({"kid": "unknown"}), "signature")]
#[case::logout_token(json!({}), json!({"typ": "logout+jwt"}), "not valid")]
#[case::unknown_extension(json!({}), json!({"crit": ["exp"]}), "not valid")]
#[tokio::test]
async fn a_program_is_let_in_by_a_token_for_this_client(
    #[case] claims: Value,
    #[case] header: Value,
    #[case] refused: &str,
) {
    let mut desk = Desk::new().await;
    let token = desk.issuer.token(&claims, &header);
    let seen = desk.bearer(&token).await;
    if refused.is_empty() {
        assert_eq!(seen.status, 200, "{seen:?}");
        return;
    }
    assert_eq!((seen.status, seen.header("www-authenticate")), (401, "Bearer error=\"invalid_token\""));
    assert!(seen.body.contains(refused), "{}", seen.body);
    assert!(!seen.body.contains("other\""), "what a token says is not repeated: {}", seen.body);
}

#[tokio::test]
async fn a_token_that_is_not_the_issuers_is_refused() {
    let mut desk = Desk::new().await;
    let genuine = desk.issuer.token(&json!({}), &json!({}));
    let [header, claims, signature] = genuine.split('.').collect::<Vec<_>>()[..] else { panic!("{genuine}") };
    let promoted =
        encoded(json!({"iss": ISSUER, "aud": CLIENT, "sub": "boss", "iat": 1, "exp": 9_999_999_999_i64}).to_string());
    let unsigned = encoded(json!({"alg": "none"}).to_string());
    let own_key = signed(
        &json!({"alg": "ES256", "kid": "first"}),
        &json!({"iss": ISSUER, "aud": CLIENT, "sub": "x",
        "iat": 1, "exp": 9_999_999_999_i64}),
        &new_key(),
    );
    for forged in [
        format!("{header}.{promoted}.{signature}"),
        format!("{unsigned}.{claims}."),
        format!("{unsigned}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{}", &signature[2..]),
        own_key,
        String::new(),
        "a.b.c".to_owned(),
        "opaque".to_owned(),
    ] {
        let seen = desk.bearer(&forged).await;
        assert_eq!((seen.status, seen.header("www-authenticate")), (401, "Bearer error=\"invalid_token\""), "{forged}");
    }
    assert_eq!(desk.bearer(&genuine).await.status, 200);
}

#[tokio::test]
async fn a_token_is_not_sent_by_foreign_pages() {
    let mut desk = Desk::new().await;
    let token = format!("bearer {}", desk.issuer.token(&json!({}), &json!({})));
    let headers = [("authorization", &*token), ("origin", "https://tool.example")];
    assert_eq!(desk.call("POST", "/api/connections/shop/pause", &headers).await.status, 404);
}

#[tokio::test]
async fn a_bad_token_is_not_made_good_by_a_session() {
    let mut desk = Desk::signed_in().await;
    assert_eq!(desk.bearer("opaque").await.status, 401);
}

#[tokio::test]
async fn new_keys_are_asked_for_once_a_minute() {
    let mut desk = Desk::new().await;
    let old = desk.issuer.token(&json!({}), &json!({}));
    assert_eq!(desk.bearer(&old).await.status, 200);
    desk.issuer.set(|issuer| issuer.key_id = "second".to_owned());
    let new = desk.issuer.token(&json!({}), &json!({}));
    assert_eq!(desk.bearer(&new).await.status, 401, "the issuer was asked a moment ago");
    desk.issuer.pass(SignedDuration::from_mins(1));
    assert_eq!(desk.bearer(&new).await.status, 200);
    assert_eq!(desk.bearer(&old).await.status, 401, "that key is gone");
    for _ in 0..5 {
        let unknown = desk.issuer.token(&json!({}), &json!({"kid": "unknown"}));
        assert_eq!(desk.bearer(&unknown).await.status, 401);
    }
    assert_eq!(desk.issuer.key_readings.load(Ordering::SeqCst), 2);
    assert_eq!(desk.issuer.discoveries.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_issuer_that_is_down_stops_newcomers_only() {
    let session = Desk::signed_in().await.cookies;
    let mut desk = Desk { cookies: session, ..Desk::new().await };
    desk.issuer.set(|issuer| issuer.is_down = true);
    let token = desk.issuer.token(&json!({}), &json!({}));
    assert_eq!(desk.api().await, 200, "a session needs no issuer");
    assert_eq!(desk.call("GET", "/api/health", &[]).await.status, 200);
    assert_eq!(desk.issuer.discoveries.load(Ordering::SeqCst), 0);
    for seen in [desk.bearer(&token).await, desk.call("GET", "/sign-in", &[]).await] {
        assert_eq!((seen.status, seen.header("content-type")), (503, "application/problem+json"));
        assert!(seen.body.contains("the issuer does not answer"), "{}", seen.body);
    }
    let page = desk.page("/sign-in").await;
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert_eq!(desk.call("POST", "/sign-out", &[("origin", CONSOLE)]).await.location(), "/signed-out");
    desk.issuer.set(|issuer| issuer.is_down = false);
    assert_eq!(desk.bearer(&token).await.status, 200, "it is asked again");
}

#[rstest]
#[case::other_issuer(json!({"issuer": "https://id.example/other"}))]
#[case::codes_without_tls(json!({"token_endpoint": "http://id.example/pool/token"}))]
#[case::people_without_tls(json!({"authorization_endpoint": "http://id.example/pool/authorize"}))]
#[case::keys_without_tls(json!({"jwks_uri": "http://id.example/pool/keys"}))]
#[tokio::test]
async fn an_issuer_that_cannot_be_trusted_is_none(#[case] metadata: Value) {
    let mut desk = Desk::new().await;
    desk.issuer.set(|issuer| issuer.metadata = metadata);
    assert_eq!(desk.call("GET", "/sign-in", &[]).await.status, 503);
}

#[tokio::test]
async fn a_code_that_nobody_can_redeem_is_told_apart_from_a_bad_one() {
    let mut desk = Desk::new().await;
    desk.issuer.set(|issuer| issuer.metadata = json!({"token_endpoint": "https://id.example/nowhere"}));
    assert_eq!(desk.signs_in("/sign-in").await.status, 503);
}

#[tokio::test]
async fn signing_out_ends_at_home_where_the_issuer_has_no_end() {
    let mut desk = Desk::new().await;
    desk.issuer.set(|issuer| issuer.metadata = json!({"end_session_endpoint": null}));
    desk.signs_in("/sign-in").await;
    let htmx = [("origin", CONSOLE), ("hx-request", "true")];
    let seen = desk.call("POST", "/sign-out", &htmx).await;
    assert_eq!((seen.status, seen.header("hx-redirect")), (200, "/signed-out"));
    assert!(desk.cookies.is_empty());
    for (language, word) in [("uk", "Ви вийшли"), ("ru", "Вы вышли"), ("en", "You are signed out")] {
        let seen = desk.call("GET", "/signed-out", &[("accept-language", language)]).await;
        assert_eq!(seen.status, 200);
        assert!(seen.body.contains(word) && seen.body.contains(&format!("lang=\"{language}\"")), "{}", seen.body);
    }
}

#[tokio::test]
async fn what_went_wrong_is_told_in_the_readers_language() {
    let mut desk = Desk::new().await;
    for (language, word) in [("uk", "Увійти"), ("ru", "Войти"), ("en", "Sign in")] {
        let headers = [("accept", "text/html"), ("accept-language", language)];
        let seen = desk.call("GET", "/sign-in/callback?code=x&state=y", &headers).await;
        assert_eq!(seen.status, 400);
        assert!(seen.body.contains(&format!("<a href=\"/sign-in\">{word}")), "{}", seen.body);
    }
}

#[tokio::test]
async fn a_page_knows_who_is_there() {
    let desk = Desk::new().await;
    let claims = json!({"name": "Олена Коваль".repeat(20)});
    let token = desk.issuer.token(&claims, &json!({}));
    for (token, name) in [
        (token, "Олена Коваль".repeat(20)),
        (desk.issuer.token(&json!({}), &json!({})), "olena@shop.example".to_owned()),
    ] {
        let (parts, ()) =
            Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap().into_parts();
        let signed_in = desk.sign_in.admit(&parts).await.unwrap();
        assert_eq!(signed_in.subject, SUBJECT);
        assert_eq!(signed_in.name.unwrap(), name.chars().take(80).collect::<String>());
    }
}

#[tokio::test]
async fn where_nobody_has_to_sign_in_there_is_no_sign_in() {
    let world = World::new().await;
    for (method, path) in
        [("GET", "/sign-in"), ("GET", "/sign-in/callback"), ("POST", "/sign-out"), ("GET", "/signed-out")]
    {
        world.call(method, path, &[], Value::Null).await.expect(404);
    }
}

#[tokio::test]
async fn every_page_says_who_is_there_and_lets_them_out() {
    let mut desk = Desk::signed_in().await;
    let page = desk.page("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(">olena@shop.example</span>"), "{}", page.body);
    assert!(page.body.contains("action=\"/sign-out\""), "{}", page.body);
}
