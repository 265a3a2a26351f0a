use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

use super::call::Call;
use super::errors::GraphError;
use super::state::State;

/// The permissions a token has unless they are taken from it.
pub(super) const PERMISSIONS: [&str; 6] = [
    "leads_retrieval",
    "pages_manage_metadata",
    "pages_show_list",
    "pages_read_engagement",
    "pages_manage_ads",
    "ads_management",
];

/// Life of a long-lived user token, in seconds.
const LONG_LIFE: i64 = 5_183_944;

/// Seconds that a token of a login lives.
const SHORT_LIFE: i64 = 5_400;

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    App,
    User,
    SystemUser,
    Page(String),
}

/// What is known of an access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) holder: Holder,
    pub(super) permissions: BTreeSet<String>,
    pub(super) issued: Timestamp,
    pub(super) expires: Option<Timestamp>,
    /// The error that ends its life, once it is dead.
    pub(super) dead: Option<GraphError>,
}

impl Token {
    pub(super) fn new(holder: Holder, issued: Timestamp, expires: Option<Timestamp>) -> Self {
        let permissions = PERMISSIONS.map(str::to_owned).into();
        Self { holder, permissions, issued, expires, dead: None }
    }

    /// The page whose token it is.
    pub(super) fn page(&self) -> Option<&str> {
        match &self.holder {
            Holder::Page(page) => Some(page),
            Holder::App | Holder::User | Holder::SystemUser => None,
        }
    }

    /// Whether it shows what belongs to `page`.
    pub(super) fn sees(&self, page: &str) -> bool {
        match &self.holder {
            Holder::Page(own) => own == page,
            Holder::User | Holder::SystemUser => true,
            Holder::App => false,
        }
    }

    pub(super) fn may(&self, permission: &str) -> Result<(), GraphError> {
        if self.permissions.contains(permission) { Ok(()) } else { Err(GraphError::lacks(permission)) }
    }

    fn check(&self, now: Timestamp) -> Result<(), GraphError> {
        match (&self.dead, self.expires) {
            (Some(error), _) => Err(error.clone()),
            (None, Some(expires)) if expires <= now => Err(GraphError::new(190, Some(463))),
            _ => Ok(()),
        }
    }
}

impl State {
    /// The app's own token.
    pub(super) fn app_token(&self) -> String {
        format!("{}|{}", self.app.id, self.app.secret)
    }

    pub(super) fn issue(&mut self, holder: Holder, expires: Option<Timestamp>) -> String {
        let kind = match &holder {
            Holder::App => "app",
            Holder::User => "user",
            Holder::SystemUser => "system",
            Holder::Page(_) => "page",
        };
        let text = format!("EAAG{kind}{}", self.next_number());
        self.tokens.insert(text.clone(), Token::new(holder, self.now(), expires));
        text
    }

    /// A token of `page` for a person or system user: it dies with a short-lived token only.
    pub(super) fn page_token_for(&mut self, asking: &Token, page: &str) -> String {
        let short =
            asking.expires.filter(|expires| expires.duration_since(asking.issued) < SignedDuration::from_hours(24));
        let fits = |token: &Token| token.page() == Some(page) && token.dead.is_none() && token.expires == short;
        let known = self.tokens.iter().find(|(_, token)| fits(token)).map(|(text, _)| text.clone());
        known.unwrap_or_else(|| self.issue(Holder::Page(page.to_owned()), short))
    }

    /// Token, life and proof of a call.
    pub(super) fn authenticate(&self, call: &Call) -> Result<Token, GraphError> {
        let Some(text) = call.token.as_deref() else {
            let message = "An active access token must be used to query information about the current user.";
            let of_somebody = GraphError::new(2500, None).say(message);
            return Err(if call.id() == "me" { of_somebody } else { GraphError::new(104, None) });
        };
        let token = self.find_token(text)?;
        self.check_proof(call, text)?;
        Ok(token)
    }

    fn find_token(&self, text: &str) -> Result<Token, GraphError> {
        if text == self.app_token() {
            return Ok(Token::new(Holder::App, Timestamp::UNIX_EPOCH, None));
        }
        let token = self.tokens.get(text).ok_or_else(|| GraphError::new(190, None))?;
        token.check(self.now())?;
        Ok(token.clone())
    }

    fn check_proof(&self, call: &Call, token: &str) -> Result<(), GraphError> {
        let refused =
            |message: &str| Err(GraphError { kind: "GraphMethodException", ..GraphError::new(100, None) }.say(message));
        match call.param("appsecret_proof") {
            Some(proof) if proof == hmac_sha256(&self.app.secret, token.as_bytes()) => Ok(()),
            Some(_) => refused("Invalid appsecret_proof provided in the API argument"),
            None if self.settings.require_proof => {
                refused("API calls from the server require an appsecret_proof argument")
            }
            None => Ok(()),
        }
    }
}

/// Lower-case hex of the HMAC of `message`.
pub(super) fn hmac_sha256(key: &str, message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

/// `GET /me/accounts`: the pages of a person or system user, each with a token.
pub(super) fn accounts(state: &mut State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    token.may("pages_show_list")?;
    if !matches!(token.holder, Holder::User | Holder::SystemUser) {
        return Err(GraphError::new(100, None).say("(#100) Tried accessing nonexisting field (accounts)"));
    }
    let pages: Vec<_> = state.pages.keys().cloned().collect();
    let page = |page: String| {
        let mut node = state.page_node(&page, token)?;
        let access_token = state.page_token_for(token, &page);
        node.fields.insert("access_token".to_owned(), access_token.into());
        node.fields.insert("tasks".to_owned(), json!(["ANALYZE", "ADVERTISE", "MODERATE", "CREATE_CONTENT", "MANAGE"]));
        node.defaults = &["access_token", "category", "name", "tasks"];
        Ok((page, node))
    };
    let nodes = pages.into_iter().map(page).collect::<Result<Vec<_>, GraphError>>()?;
    state.list(call, token, nodes)
}

/// `GET /debug_token`. A dead token is told of in an answer, not in an error.
pub(super) fn debug(state: &mut State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    if token.holder != Holder::App && call.token.as_deref() != call.param("input_token") {
        return Err(GraphError::new(100, None).say("(#100) You must provide an app access token"));
    }
    let text = call.required("input_token")?;
    let failure = state.find_token(text).err();
    let known = state.tokens.get(text);
    let mut data = json!({ "app_id": state.app.id, "is_valid": failure.is_none(), "scopes": [] });
    if let Some(error) = failure {
        data["error"] = json!({ "code": error.code, "message": error.message, "subcode": error.subcode.unwrap_or(0) });
    }
    if let Some(token) = known {
        let described = described(token);
        data.as_object_mut().into_iter().for_each(|data| data.extend(described.clone()));
    }
    Ok(json!({ "data": data }))
}

fn described(token: &Token) -> serde_json::Map<String, Value> {
    let (kind, targets) = match &token.holder {
        Holder::App => ("APP", None),
        Holder::User => ("USER", None),
        Holder::SystemUser => ("SYSTEM_USER", None),
        Holder::Page(page) => ("PAGE", Some(page)),
    };
    let granular = |scope: &String| json!({ "scope": scope, "target_ids": targets.into_iter().collect::<Vec<_>>() });
    let data_access_ends = token.issued.saturating_add(SignedDuration::from_hours(90 * 24)).unwrap_or(Timestamp::MAX);
    let mut described = serde_json::Map::from_iter([
        ("type".to_owned(), kind.into()),
        ("application".to_owned(), super::seed::APP_NAME.into()),
        ("issued_at".to_owned(), token.issued.as_second().into()),
        ("expires_at".to_owned(), token.expires.map_or(0, Timestamp::as_second).into()),
        ("data_access_expires_at".to_owned(), data_access_ends.as_second().into()),
        ("user_id".to_owned(), super::seed::USER_ID.into()),
        ("scopes".to_owned(), json!(token.permissions)),
        ("granular_scopes".to_owned(), token.permissions.iter().map(granular).collect()),
    ]);
    described.extend(targets.map(|page| ("profile_id".to_owned(), page.as_str().into())));
    described
}

/// `GET /oauth/access_token`: a long-lived user token for one that is alive. It needs no token of its own.
pub(super) fn exchange(state: &mut State, call: &Call) -> Result<Value, GraphError> {
    if call.required("client_id")? != state.app.id || call.required("client_secret")? != state.app.secret {
        return Err(GraphError { status: 400, ..GraphError::new(1, None) }.say("Error validating client secret."));
    }
    if let Some(code) = call.param("code") {
        return token_of_code(state, code);
    }
    if call.required("grant_type")? != "fb_exchange_token" {
        return Err(GraphError::new(100, None).say("(#100) Invalid grant_type"));
    }
    let token = state.find_token(call.required("fb_exchange_token")?)?;
    if token.holder != Holder::User {
        return Err(GraphError::new(190, None));
    }
    let expires = state.now().saturating_add(SignedDuration::from_secs(LONG_LIFE)).unwrap_or(Timestamp::MAX);
    let long = state.issue(Holder::User, Some(expires));
    Ok(json!({ "access_token": long, "token_type": "bearer", "expires_in": LONG_LIFE }))
}

/// A short-lived token for the code of a login; the code is good once.
fn token_of_code(state: &mut State, code: &str) -> Result<Value, GraphError> {
    if !state.codes.remove(code) {
        return Err(GraphError::new(100, Some(36_009)).say("This authorization code has been used."));
    }
    let expires = state.now().saturating_add(SignedDuration::from_secs(SHORT_LIFE)).unwrap_or(Timestamp::MAX);
    let token = state.issue(Holder::User, Some(expires));
    Ok(json!({ "access_token": token, "token_type": "bearer", "expires_in": SHORT_LIFE }))
}

/// Where the login dialog leads a person who lets the app in.
pub(super) fn dialog(state: &mut State, call: &Call) -> Result<String, GraphError> {
    if call.required("client_id")? != state.app.id {
        return Err(GraphError::new(101, None).say("Invalid App ID"));
    }
    let code = format!("AQD{}", state.next_number());
    state.codes.insert(code.clone());
    let query = [("code", code.as_str()), ("state", call.required("state")?)];
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    Ok(format!("{}?{query}", call.required("redirect_uri")?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::super::testing::{APP_ID, Caller, SECRET, code, lead};
    use super::super::{DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN};
    use super::*;

    fn with_lead() -> (Caller, String) {
        let caller = Caller::demo();
        let path = format!("/v26.0/{}", caller.meta.add_lead(DEMO_FORM, lead()));
        (caller, path)
    }

    #[rstest]
    #[case(None, (190, 0))]
    #[case(Some(460), (190, 460))]
    #[case(Some(463), (190, 463))]
    #[tokio::test]
    async fn a_revoked_token_is_replaced(#[case] subcode: Option<u32>, #[case] error: (u64, u64)) {
        let (caller, path) = with_lead();
        caller.meta.revoke_token(DEMO_PAGE, subcode);
        assert_eq!(caller.error(&path).await, error);
        let fresh = caller.meta.new_token(DEMO_PAGE);
        assert_eq!(caller.send("GET", &path, &fresh, &[]).await.0, 200);
    }

    #[tokio::test]
    async fn a_token_must_be_there_known_and_alive() {
        let (caller, path) = with_lead();
        let nobody = axum::extract::Request::get(&path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(caller.raw(nobody).await.status(), 400);
        let (status, refused) = caller.send("GET", &path, "stranger", &[]).await;
        assert_eq!((status, code(&refused)), (401, (190, 0)));
        caller.meta.expire_token(DEMO_PAGE_TOKEN, caller.now() + Duration::from_secs(1));
        assert_eq!(caller.error(&path).await, (0, 0));
        caller.pass(Duration::from_secs(1));
        assert_eq!(caller.error(&path).await, (190, 463));
    }

    #[tokio::test]
    async fn a_page_does_not_see_anothers_leads() {
        let (caller, path) = with_lead();
        let other = caller.meta.add_page("110000000000002", "Сусід");
        for path in [path, format!("/v26.0/{DEMO_FORM}"), format!("/v26.0/{DEMO_FORM}/leads")] {
            assert_eq!(code(&caller.send("GET", &path, &other, &[]).await.1), (100, 33), "{path}");
        }
    }

    #[tokio::test]
    async fn permissions_are_asked_for() {
        let (caller, path) = with_lead();
        caller.meta.remove_permission(DEMO_PAGE, "leads_retrieval");
        assert_eq!(caller.error(&path).await, (200, 0));
        caller.meta.restore_permission(DEMO_PAGE, "leads_retrieval");
        assert_eq!(caller.error(&path).await, (0, 0));
    }

    #[tokio::test]
    async fn the_proof_is_checked_when_present_or_required() {
        let (caller, path) = with_lead();
        let proof = hmac_sha256(SECRET, DEMO_PAGE_TOKEN.as_bytes());
        assert_eq!(caller.error(&format!("{path}?appsecret_proof=00")).await, (100, 0));
        caller.meta.update_settings(|settings| settings.require_proof = true);
        assert_eq!(caller.error(&path).await, (100, 0));
        assert_eq!(caller.error(&format!("{path}?appsecret_proof={proof}")).await, (0, 0));
    }

    #[tokio::test]
    async fn a_person_gets_tokens_of_the_pages() {
        let (caller, path) = with_lead();
        let short = caller.meta.new_user_token();
        let exchange = format!(
            "/v26.0/oauth/access_token?grant_type=fb_exchange_token&client_id={APP_ID}&client_secret={SECRET}&fb_exchange_token={short}"
        );
        let (_, long) = caller.get(&exchange).await;
        assert_eq!(long["expires_in"], LONG_LIFE);
        let page_token = async |user: &str| {
            let (_, pages) = caller.send("GET", "/v26.0/me/accounts?fields=id,access_token,tasks", user, &[]).await;
            assert_eq!(
                (&pages["data"][0]["id"], &pages["data"][0]["tasks"][1]),
                (&json!(DEMO_PAGE), &json!("ADVERTISE"))
            );
            pages["data"][0]["access_token"].as_str().unwrap().to_owned()
        };
        let (of_short, of_long) = (page_token(&short).await, page_token(long["access_token"].as_str().unwrap()).await);
        assert_eq!(caller.send("GET", &path, &of_short, &[]).await.0, 200);
        caller.pass(Duration::from_secs(2 * 3600));
        assert_eq!(code(&caller.send("GET", &path, &of_short, &[]).await.1), (190, 463));
        assert_eq!(caller.send("GET", &path, &of_long, &[]).await.0, 200);
        assert_eq!(code(&caller.get(&exchange).await.1), (190, 463), "an expired token cannot be exchanged");
    }

    #[tokio::test]
    async fn the_app_looks_into_tokens() {
        let (caller, _) = with_lead();
        let path = format!("/v26.0/debug_token?input_token={DEMO_PAGE_TOKEN}");
        let (_, alive) = caller.send("GET", &path, &caller.meta.app_token(), &[]).await;
        assert_eq!((&alive["data"]["type"], &alive["data"]["profile_id"]), (&json!("PAGE"), &json!(DEMO_PAGE)));
        assert_eq!((&alive["data"]["is_valid"], &alive["data"]["expires_at"]), (&json!(true), &json!(0)));
        caller.meta.revoke_token(DEMO_PAGE, 460);
        let (status, dead) = caller.send("GET", &path, &caller.meta.app_token(), &[]).await;
        assert_eq!(
            (status, &dead["data"]["is_valid"], &dead["data"]["error"]["subcode"]),
            (200, &json!(false), &json!(460))
        );
    }

    #[tokio::test]
    async fn me_is_whose_token_it_is() {
        let (caller, _) = with_lead();
        assert_eq!(caller.get("/v26.0/me?fields=name").await.1["name"], "Ремонт Плюс");
        let system = caller.meta.new_system_user_token();
        assert_eq!(caller.send("GET", "/v26.0/me", &system, &[]).await.1["id"], super::super::seed::USER_ID);
        let (_, page) = caller.send("GET", &format!("/v26.0/{DEMO_PAGE}?fields=access_token"), &system, &[]).await;
        let token = page["access_token"].as_str().unwrap();
        assert_eq!(caller.send("GET", "/v26.0/me", token, &[]).await.1["id"], DEMO_PAGE);
    }
}
