use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use jiff::Timestamp;
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use transport::{Https, Transport};

use super::leads::Webhook;
use super::state::State;
use super::{Meta, Notice, Shape, changed_fields_payload, payload, sign};

/// One attempt to tell of leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// When it ended, by the server's clock.
    pub at: Timestamp,
    /// Where it went; empty when it was withheld.
    pub url: String,
    /// The leads it told of; none for a body from outside.
    pub leads: Vec<String>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With this HTTP status; only 200 counts as delivered.
    Answered(u16),
    /// Without a usable answer in time.
    Unanswered(String),
    /// Meta did not send it.
    Withheld(Withheld),
}

impl Outcome {
    /// Whether Meta is content.
    pub fn is_delivered(&self) -> bool {
        *self == Self::Answered(200)
    }
}

/// Why Meta does not tell of a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The app has no subscription to the field.
    NotSubscribed,
    /// The app is not installed on the page with the field.
    NotInstalled,
    /// Leads Access Manager shuts the app out (code 103 in Meta's testing tool).
    NoLeadAccess,
    /// The app is in development mode and the person has no role in it.
    DevelopmentMode,
}

/// How a body is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Signature {
    /// As Meta does.
    #[default]
    Right,
    /// With another secret.
    Wrong,
    /// Not at all.
    Absent,
    /// Only the legacy header, whose digits are no true SHA-1.
    OnlyLegacy,
}

impl Signature {
    fn header(self, secret: &str, body: &[u8]) -> Option<(&'static str, String)> {
        const NAME: &str = "x-hub-signature-256";
        match self {
            Self::Right => Some((NAME, sign(secret, body))),
            Self::Wrong => Some((NAME, sign("another-secret", body))),
            Self::Absent => None,
            Self::OnlyLegacy => Some(("x-hub-signature", "sha1=65085fd584e240fd3c6c678bd629e07e2cc6be3c".to_owned())),
        }
    }
}

/// Ready to be sent.
struct Parcel {
    url: String,
    body: Vec<u8>,
    leads: Vec<String>,
}

impl Meta {
    /// Sends what Meta itself sends over `transport`; without it, over the network.
    pub fn send_over(&self, transport: Arc<dyn Transport>) {
        self.state().transport = Some(transport);
    }

    /// Posts a body, signed and with Meta's headers, once.
    pub async fn deliver(&self, url: &str, body: Vec<u8>) -> Outcome {
        self.deliver_signed(url, body, Signature::Right).await
    }

    /// Posts a body with the signature of one's choice, once.
    pub async fn deliver_signed(&self, url: &str, body: Vec<u8>, signature: Signature) -> Outcome {
        self.post(Parcel { url: url.to_owned(), body, leads: Vec::new() }, signature).await
    }

    /// Tells of leads in the background, as long as the plan of retries goes. Its result is whether they were
    /// delivered. A lead that must not be told of stays out and is not tried again.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start_delivery(&self, leads: &[&str], shape: Shape) -> JoinHandle<bool> {
        let (meta, leads) = (self.clone(), leads.iter().map(|&lead| lead.to_owned()).collect::<Vec<_>>());
        tokio::spawn(async move { meta.deliver_by_plan(&leads, &shape).await })
    }

    async fn deliver_by_plan(&self, leads: &[String], shape: &Shape) -> bool {
        let start = Instant::now();
        let (plan, patience) = {
            let state = self.state();
            (state.settings.retries_after_seconds.clone(), state.settings.uninstalls_after_seconds)
        };
        for after in std::iter::once(0).chain(plan) {
            sleep_until(start + Duration::from_secs(after)).await;
            let parcel = self.state().pack(leads, shape);
            let Some(parcel) = parcel else { return false };
            if self.post(parcel, Signature::Right).await.is_delivered() {
                return true;
            }
            if patience.is_some_and(|patience| start.elapsed() >= Duration::from_secs(patience)) {
                self.state().uninstall_pages_of(leads);
            }
        }
        false
    }

    /// Tells of a new lead as it is meant to be told of.
    pub(super) fn tell(&self, lead: &str) {
        let webhook = self.state().leads.get(lead).map_or(Webhook::Off, |lead| lead.webhook);
        let delay = match webhook {
            Webhook::Off => return,
            Webhook::Now => Duration::ZERO,
            Webhook::Late(delay) => delay,
        };
        let (meta, lead) = (self.clone(), lead.to_owned());
        tokio::spawn(async move {
            sleep(delay).await;
            meta.deliver_by_plan(&[lead], &Shape::default()).await
        });
    }

    async fn post(&self, parcel: Parcel, signature: Signature) -> Outcome {
        let (secret, seconds) = {
            let state = self.state();
            (state.app.secret.clone(), state.settings.answer_within_seconds)
        };
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "facebookexternalua".to_owned()),
            ("accept", "*/*".to_owned()),
        ];
        headers.extend(signature.header(&secret, &parcel.body));
        let time = Duration::from_secs(seconds.into());
        let outcome = match self.send(Method::POST, &parcel.url, &headers, parcel.body.into(), time).await {
            Ok(answer) => Outcome::Answered(answer.status().as_u16()),
            Err(reason) => Outcome::Unanswered(reason),
        };
        self.state().record(parcel.url, parcel.leads, outcome.clone());
        outcome
    }

    /// One exchange with a receiver.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&'static str, String)],
        body: Bytes,
        time: Duration,
    ) -> Result<Response<Bytes>, String> {
        let request = Request::builder().method(method).uri(url);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        let request = request.body(body).map_err(|error| error.to_string())?;
        let transport = self.transport()?;
        let exchange = timeout(time, transport.send(request)).await;
        exchange.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())
    }

    fn transport(&self) -> Result<Arc<dyn Transport>, String> {
        let mut state = self.state();
        if let Some(transport) = &state.transport {
            return Ok(Arc::clone(transport));
        }
        let transport: Arc<dyn Transport> = Arc::new(Https::new(1.0).map_err(|error| error.to_string())?);
        state.transport = Some(Arc::clone(&transport));
        Ok(transport)
    }
}

impl State {
    /// What a webhook says of a lead.
    pub(super) fn notice(&self, id: &str) -> Option<Notice> {
        self.leads.get(id).map(|lead| Notice {
            leadgen_id: id.to_owned(),
            page_id: lead.page.clone(),
            form_id: lead.form.clone(),
            ad_id: lead.ad.as_ref().map(|ad| ad.ad_id.clone()),
            created: lead.created,
        })
    }

    /// Puts those leads together that may be told of, and records the others; none when there is nothing to tell.
    fn pack(&mut self, leads: &[String], shape: &Shape) -> Option<Parcel> {
        let mut notices = Vec::new();
        for lead in leads {
            match self.obstacle(lead) {
                Some(reason) => self.record(String::new(), vec![lead.clone()], Outcome::Withheld(reason)),
                None => notices.extend(self.notice(lead)),
            }
        }
        let subscription = self.subscription.as_ref()?;
        let page = notices.first()?.page_id.as_str();
        let body = match subscription.with_values {
            true => payload(&notices, self.now(), shape),
            false => changed_fields_payload(page, self.now()),
        };
        let leads = notices.iter().map(|notice| notice.leadgen_id.clone()).collect();
        Some(Parcel { url: subscription.callback.clone(), body, leads })
    }

    /// Why this lead is not told of.
    fn obstacle(&self, lead: &str) -> Option<Withheld> {
        let lead = self.leads.get(lead)?;
        let page = self.pages.get(&lead.page)?;
        if !self.subscription.as_ref().is_some_and(|subscription| subscription.fields.contains("leadgen")) {
            return Some(Withheld::NotSubscribed);
        }
        if !page.installed.as_ref().is_some_and(|fields| fields.contains("leadgen")) {
            return Some(Withheld::NotInstalled);
        }
        if !page.lead_access {
            return Some(Withheld::NoLeadAccess);
        }
        (self.settings.development_mode && !lead.by_app_role).then_some(Withheld::DevelopmentMode)
    }

    fn record(&mut self, url: String, leads: Vec<String>, outcome: Outcome) {
        let at = self.now();
        self.deliveries.push(Delivery { at, url, leads, outcome });
    }

    fn uninstall_pages_of(&mut self, leads: &[String]) {
        for lead in leads.iter().filter_map(|lead| self.leads.get(lead)) {
            if let Some(page) = self.pages.get_mut(&lead.page) {
                page.installed = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::testing::{Caller, HOOK, Receiver, SECRET, VERIFY_TOKEN, lead};
    use super::super::{DEMO_FORM, DEMO_PAGE};
    use super::*;

    fn outcomes(caller: &Caller) -> Vec<Outcome> {
        caller.meta.deliveries().into_iter().map(|delivery| delivery.outcome).collect()
    }

    async fn told_of(webhook: Webhook, after: u64) -> Vec<(http::HeaderMap, Bytes)> {
        let (caller, receiver) = Caller::subscribed().await;
        caller.meta.submit_lead(DEMO_FORM, lead().webhook(webhook));
        sleep(Duration::from_secs(after)).await;
        receiver.told()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lead_is_told_of_signed_and_without_its_answers() {
        let told = told_of(Webhook::Now, 1).await;
        let (headers, body) = &told[0];
        assert_eq!((told.len(), headers["x-hub-signature-256"].to_str().unwrap()), (1, sign(SECRET, body).as_str()));
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["user-agent"], "facebookexternalua");
        let body: Value = serde_json::from_slice(body).unwrap();
        let value = json!({ "leadgen_id": "900000000000001", "page_id": DEMO_PAGE, "form_id": DEMO_FORM, "created_time": 1_795_426_200 });
        assert_eq!(body["entry"][0]["changes"], json!([{ "field": "leadgen", "value": value }]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lead_may_be_told_of_late_or_never() {
        let late = Webhook::Late(Duration::from_secs(60));
        assert_eq!(told_of(late, 59).await.len(), 0);
        assert_eq!(told_of(late, 61).await.len(), 1);
        assert_eq!(told_of(Webhook::Off, 1_000_000).await.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_retried_by_plan() {
        let (caller, receiver) = Caller::subscribed().await;
        *receiver.answers.lock().unwrap() = vec![204, 500, 503];
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        let start = Instant::now();
        assert!(caller.meta.start_delivery(&[&id], Shape::default()).await.unwrap());
        assert_eq!(start.elapsed(), Duration::from_secs(5 * 60));
        assert_eq!(outcomes(&caller), [503, 500, 204, 200].map(Outcome::Answered));
        let last = caller.meta.deliveries().pop().unwrap();
        assert_eq!((last.url.as_str(), last.leads), (HOOK, vec![id]));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_dropped_after_a_day_and_a_half() {
        let (caller, receiver) = Caller::subscribed().await;
        *receiver.answers.lock().unwrap() = vec![500; 100];
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        let start = Instant::now();
        assert!(!caller.meta.start_delivery(&[&id], Shape::default()).await.unwrap());
        assert_eq!((start.elapsed(), receiver.told().len()), (Duration::from_secs(36 * 3600), 11));
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_that_keeps_failing_is_uninstalled() {
        let (caller, receiver) = Caller::subscribed().await;
        caller.meta.update_settings(|settings| settings.uninstalls_after_seconds = Some(3600));
        *receiver.answers.lock().unwrap() = vec![500; 100];
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        caller.meta.start_delivery(&[&id], Shape::default()).await.unwrap();
        assert_eq!(outcomes(&caller).last(), Some(&Outcome::Withheld(Withheld::NotInstalled)));
        let (_, apps) = caller.get(&format!("/v26.0/{DEMO_PAGE}/subscribed_apps")).await;
        assert_eq!(apps, json!({ "data": [] }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_receiver_is_not_waited_for() {
        let slow = axum::Router::new().route("/hook", axum::routing::post(|| sleep(Duration::from_secs(6))));
        let caller = Caller::demo();
        caller.meta.send_over(Arc::new(crate::Direct::new().host("crm.example", slow)));
        let outcome = caller.meta.deliver(HOOK, b"{}".to_vec()).await;
        assert_eq!(outcome, Outcome::Unanswered("no answer in time".to_owned()));
        caller.meta.update_settings(|settings| settings.answer_within_seconds = 20);
        assert!(caller.meta.deliver(HOOK, b"{}".to_vec()).await.is_delivered());
    }

    #[tokio::test]
    async fn a_receiver_may_listen_on_a_socket() {
        let (caller, receiver) = (Caller::demo(), Receiver::default());
        let server = crate::serve(receiver.router(), ([127, 0, 0, 1], 0).into()).await.unwrap();
        let hook = format!("{}/hook", server.url());
        caller.meta.subscribe(&hook, VERIFY_TOKEN).await.unwrap();
        caller.meta.install(DEMO_PAGE);
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        assert!(caller.meta.start_delivery(&[&id], Shape::default()).await.unwrap());
        let (headers, body) = receiver.told().remove(0);
        assert_eq!(headers["x-hub-signature-256"], sign(SECRET, &body));
        assert_eq!(headers["user-agent"], "facebookexternalua");
        server.stop().await.unwrap();
        assert!(matches!(caller.meta.deliver(&hook, b"{}".to_vec()).await, Outcome::Unanswered(_)));
    }

    type Change = fn(&Meta);

    #[rstest]
    #[case(|meta: &Meta| meta.set_lead_access(DEMO_PAGE, false), Withheld::NoLeadAccess)]
    #[case(|meta: &Meta| meta.update_settings(|settings| settings.development_mode = true), Withheld::DevelopmentMode)]
    #[case(|meta: &Meta| meta.state().subscription = None, Withheld::NotSubscribed)]
    #[tokio::test(start_paused = true)]
    async fn some_leads_are_withheld(#[case] change: Change, #[case] reason: Withheld) {
        let (caller, receiver) = Caller::subscribed().await;
        change(&caller.meta);
        caller.meta.submit_lead(DEMO_FORM, lead());
        sleep(Duration::from_secs(1)).await;
        assert_eq!((outcomes(&caller), receiver.told().len()), (vec![Outcome::Withheld(reason)], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn people_of_the_app_are_told_of_in_development() {
        let (caller, receiver) = Caller::subscribed().await;
        caller.meta.update_settings(|settings| settings.development_mode = true);
        caller.meta.submit_lead(DEMO_FORM, lead().by_app_role());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(receiver.told().len(), 1);
    }

    #[rstest]
    #[case(Signature::Wrong, Some(false), false)]
    #[case(Signature::Absent, None, false)]
    #[case(Signature::OnlyLegacy, None, true)]
    #[tokio::test]
    async fn signatures_may_be_bad(#[case] signature: Signature, #[case] right: Option<bool>, #[case] legacy: bool) {
        let (caller, receiver) = (Caller::demo(), Receiver::default());
        caller.meta.send_over(Arc::new(crate::Direct::new().host("crm.example", receiver.router())));
        caller.meta.deliver_signed(HOOK, b"{}".to_vec(), signature).await;
        let (headers, body) = receiver.told().remove(0);
        assert_eq!(headers.get("x-hub-signature-256").map(|sent| *sent == sign(SECRET, &body)), right);
        assert_eq!(headers.contains_key("x-hub-signature"), legacy);
    }
}
