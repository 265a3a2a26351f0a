//! What is taken from Meta, and what is not.

use std::collections::BTreeSet;
use std::time::Duration;

use pretty_assertions::assert_eq;
use sandbox::{Queue, QueueCount};
use serde_json::{Value, json};
use simulators::meta::{
    Delivery, Outcome, Shape, changed_fields_payload, dashboard_test_payload, leadgen_update_payload, sign,
};
use tokio::time::Instant;

use crate::bundle::bundle;
use crate::person::Person;
use crate::transaction::assert_holds;
use crate::world::{FORM, PAGE, World, now};

const SIGNATURE: &str = "x-hub-signature-256";

impl World {
    /// Nothing was recorded anywhere, and neither system was asked for anything since `asked`.
    async fn assert_untouched(&self, asked: (usize, usize)) {
        assert_eq!(self.transactions("").await, Vec::<Value>::new());
        assert_eq!(self.unrouted().await, Vec::<Value>::new());
        assert_eq!(self.sandbox.count(Queue::Lead).waiting, 0);
        assert_eq!(self.asked(), asked);
    }

    /// The forms that sent leads no bundle takes.
    async fn unrouted(&self) -> Vec<Value> {
        let unrouted = self.door.get("/api/unrouted").await.expect(200);
        assert_eq!(unrouted["next_cursor"], Value::Null);
        unrouted["items"].as_array().unwrap().clone()
    }

    /// How often RemOnline and Meta were asked for anything.
    fn asked(&self) -> (usize, usize) {
        (self.remonline.requests().len(), self.meta.requests().len())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_signature_is_refused_and_leaves_nothing() {
    let world = World::with_bundle().await;
    let asked = world.asked();
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    let body = world.meta.payload(&[&lead], &Shape::default());
    let right = world.meta.sign(&body);
    let another_secret = sign("another-secret", &body);
    let cut = &right[..right.len() - 1];
    let longer = format!("{right}0");
    let twice = format!("{right},{right}");
    let spaced = format!("sha256= {}", &right[7..]);
    let header = |value| vec![(SIGNATURE, value)];
    let refused = [
        ("missing", vec![]),
        ("empty", header("")),
        ("another secret", header(&another_secret)),
        ("cut", header(cut)),
        ("longer", header(&longer)),
        ("joined", header(&twice)),
        ("two headers", vec![(SIGNATURE, right.as_str()), (SIGNATURE, right.as_str())]),
        ("spaces", header(&spaced)),
        ("no digits", header("sha256=zz")),
        ("wrong name", header("sha1=65085fd584e240fd3c6c678bd629e07e2cc6be3c")),
        ("legacy only", vec![("x-hub-signature", "sha1=65085fd584e240fd3c6c678bd629e07e2cc6be3c")]),
    ];
    for (case, headers) in refused {
        let answer = world.webhook(body.clone(), &headers).await;
        assert_eq!((answer.status, answer.body.len()), (401, 0), "{case}");
    }
    let mut changed = body.clone();
    let last = changed.iter().rposition(|byte| *byte == b'1').unwrap();
    changed[last] = b'2';
    assert_eq!(world.webhook(changed, &header(&right)).await.status, 401, "one byte changed");
    let spaceless = world.meta.payload(&[&lead], &Shape { no_spaces: true, ..Shape::default() });
    assert_eq!(world.webhook(spaceless, &header(&right)).await.status, 401, "written anew");
    for garbage in ["", "not JSON", "{\"object\":", "\u{0}"] {
        assert_eq!(world.webhook(garbage, &[]).await.status, 401, "{garbage:?}");
    }
    world.assert_untouched(asked).await;
    assert_eq!(world.sandbox.count(Queue::Quarantine).waiting, 0);
    world.webhook(body, &header(&right)).await.expect(200);
    world.done("repair", &lead).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_secrets_are_good_during_a_rotation() {
    let world = World::empty(|options| options.app_secret = "new-secret,old-secret".to_owned()).await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    let body = world.meta.payload(&[&lead], &Shape::default());
    for (secret, status) in [("new-secret", 200), ("old-secret", 200), ("older-secret", 401)] {
        let answer = world.webhook(body.clone(), &[(SIGNATURE, &sign(secret, &body))]).await;
        assert_eq!(answer.status, status, "{secret}");
    }
    world.until("it is known", async |world| world.unrouted().await.len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_digest_in_capitals_is_as_good() {
    let world = World::with_bundle().await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    let body = world.meta.payload(&[&lead], &Shape { numeric_ids: true, docs_key_order: true, ..Shape::default() });
    let digest = world.meta.sign(&body)["sha256=".len()..].to_uppercase();
    world.webhook(body, &[(SIGNATURE, &format!("sha256={digest}"))]).await.expect(200);
    world.done("repair", &lead).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_is_verified_by_its_token() {
    let world = World::empty(|_| ()).await;
    let subscribe = "hub.mode=subscribe&hub.verify_token";
    let requests = [
        (format!("{subscribe}=sandbox-verify-token&hub.challenge=1158201444"), 200, "1158201444"),
        (format!("{subscribe}=guess&hub.challenge=1158201444"), 403, ""),
        (format!("{subscribe}=&hub.challenge=1158201444"), 403, ""),
        ("hub.mode=subscribe&hub.challenge=1158201444".to_owned(), 403, ""),
        ("hub.mode=unsubscribe&hub.verify_token=sandbox-verify-token&hub.challenge=1".to_owned(), 403, ""),
        (String::new(), 403, ""),
        (format!("{subscribe}=sandbox-verify-token&hub.challenge=%3Cscript%3E"), 400, ""),
    ];
    for (query, status, body) in requests {
        let answer = world.door.get(&format!("/facebook/webhook?{query}")).await;
        assert_eq!((answer.status, std::str::from_utf8(&answer.body).unwrap()), (status, body), "{query}");
        assert!(status != 200 || answer.header("content-type").starts_with("text/plain"), "{:?}", answer.headers);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn meta_itself_can_subscribe_and_deliver() {
    let world = World::with_bundle().await;
    let address = format!("{}/facebook/webhook", world.sandbox.url);
    world.meta.subscribe(&address, "sandbox-verify-token").await.unwrap();
    let person = Person::invent();
    let lead = world.meta.submit_lead(FORM, person.lead());
    assert_holds(&world.done("repair", &lead).await, &json!({ "source": "webhook", "order_outcome": "created" }));
    let [Delivery { outcome: Outcome::Answered(200), .. }] = &world.meta.deliveries()[..] else {
        panic!("one delivery: {:#?}", world.meta.deliveries())
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_announces_no_lead_is_taken_and_ignored() {
    let world = World::with_bundle().await;
    let asked = world.asked();
    let of_an_instagram = br#"{"object":"instagram","entry":[{"id":"1","changes":[{"field":"leadgen","value":{}}]}]}"#;
    let of_the_feed = br#"{"object":"page","entry":[{"id":"1","changes":[{"field":"feed","value":{"item":"post"}}]}]}"#;
    let ignored = [
        ("dashboard test", dashboard_test_payload(now())),
        ("leadgen_update", leadgen_update_payload(now())),
        ("changed_fields", changed_fields_payload(PAGE, now())),
        ("another object", of_an_instagram.to_vec()),
        ("another field", of_the_feed.to_vec()),
        ("no entry", br#"{"object":"page","entry":[]}"#.to_vec()),
        ("an array", b"[]".to_vec()),
    ];
    for (case, body) in ignored {
        let signature = world.meta.sign(&body);
        assert_eq!(world.webhook(body, &[(SIGNATURE, &signature)]).await.status, 200, "{case}");
    }
    world.assert_untouched(asked).await;
    assert_eq!(world.sandbox.count(Queue::Quarantine).waiting, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_and_unreadable_is_quarantined() {
    let world = World::empty(|_| ()).await;
    let asked = world.asked();
    let bad_id =
        r#"[{"id":"1","changes":[{"field":"leadgen","value":{"leadgen_id":"../1","form_id":"2","page_id":"3"}}]}]"#;
    let unreadable = [
        ("no JSON", b"not JSON".to_vec()),
        ("no text", b"\xff\xfe{}".to_vec()),
        ("trailing data", br#"{"object":"page","entry":[]} {}"#.to_vec()),
        ("a key twice", br#"{"object":"page","object":"page","entry":[]}"#.to_vec()),
        ("too deep", [vec![b'['; 100], vec![b']'; 100]].concat()),
        ("no id", format!(r#"{{"object":"page","entry":{bad_id}}}"#).into_bytes()),
    ];
    for (before, (case, body)) in unreadable.into_iter().enumerate() {
        let signature = world.meta.sign(&body);
        assert_eq!(world.webhook(body, &[(SIGNATURE, &signature)]).await.status, 200, "{case}");
        assert_eq!(world.sandbox.count(Queue::Quarantine).waiting, before + 1, "{case}");
    }
    world.assert_untouched(asked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_beyond_four_mebibytes_is_too_large() {
    let world = World::empty(|options| options.time_scale = 1.0).await;
    for (length, status) in [(4 * 1024 * 1024, 200), (4 * 1024 * 1024 + 1, 413)] {
        let body = vec![b' '; length];
        let signature = world.meta.sign(&body);
        assert_eq!(world.webhook(body, &[(SIGNATURE, &signature)]).await.status, status, "{length}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_unreadable_change_does_not_hold_up_the_others() {
    let world = World::with_bundle().await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    let body = String::from_utf8(world.meta.payload(&[&lead], &Shape { no_spaces: true, ..Shape::default() })).unwrap();
    let bad = r#"{"field":"leadgen","value":{"leadgen_id":-1,"form_id":"2","page_id":"3"}}"#;
    let body = body.replace(r#""changes":["#, &format!(r#""changes":[{bad},"#));
    let signature = world.meta.sign(body.as_bytes());
    world.webhook(body, &[(SIGNATURE, &signature)]).await.expect(200);
    world.done("repair", &lead).await;
    assert_eq!(world.sandbox.count(Queue::Quarantine).waiting, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_no_bundle_takes_is_shown() {
    let world = World::with_bundle().await;
    let form = world.add_form("Trade-in");
    let leads = [(); 2].map(|()| world.meta.add_lead(&form, Person::invent().lead()));
    world.announce(&[&leads[0], &leads[1]]).await;
    let counted = async |world: &World| world.unrouted().await.first().is_some_and(|form| form["count"] == 2);
    world.until("both are counted", counted).await;
    let [unrouted] = &world.unrouted().await[..] else { panic!("one form") };
    assert_holds(unrouted, &json!({ "page_id": PAGE, "form_id": form, "count": 2 }));
    assert!(unrouted["first_at"].is_string() && unrouted["last_at"].is_string(), "{unrouted:#}");
    assert_eq!(world.transactions("").await.len(), 0);
    assert_eq!(world.new_clients().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_webhook_twenty_times_is_one_lead() {
    let world = World::with_bundle().await;
    let lead = world.meta.add_lead(FORM, Person::invent().lead());
    let leads = [lead.as_str()];
    futures::future::join_all((0..10).map(|_| world.announce(&leads))).await;
    world.done("repair", &lead).await;
    let asked = world.remonline.requests().len();
    futures::future::join_all((0..9).map(|_| world.announce(&leads))).await;
    let repeated = Shape { repeated: true, ..Shape::default() };
    let body = world.meta.payload(&[&lead], &repeated);
    let signature = world.meta.sign(&body);
    world.webhook(body, &[(SIGNATURE, &signature)]).await.expect(200);
    world.until("the queue is empty", async |world| world.sandbox.count(Queue::Lead) == QueueCount::default()).await;
    assert_eq!(world.remonline.requests().len(), asked, "a repetition asks RemOnline for nothing");
    assert_eq!(world.requests("POST", "/v2/contacts/people"), 1);
    assert_eq!(world.requests("POST", "/v2/orders"), 1);
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 1));
    assert_eq!(world.transactions("").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_leads_in_one_webhook_are_all_recorded() {
    let world = World::empty(|options| options.time_scale = 2.0).await;
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    // Most wait for a bundle that is stopped: what is tried here is the way in.
    let form = world.add_form("Trade-in");
    world.door.post("/api/bundles", &bundle("trade-in", &form)).await.expect(201);
    let leads: Vec<_> = (0..1000)
        .map(|number| world.meta.add_lead(if number % 200 == 7 { FORM } else { &form }, Person::invent().lead()))
        .collect();
    let posted = Instant::now();
    world.announce(&leads.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(posted.elapsed() < Duration::from_secs(5), "{:?}: Meta waits no longer", posted.elapsed());
    world.until("the queue is empty", async |world| world.sandbox.count(Queue::Lead) == QueueCount::default()).await;
    let waiting = world.transactions("&state=waiting&reason=bundle_stopped").await;
    let ids: BTreeSet<_> = waiting.iter().map(|transaction| transaction["leadgen_id"].to_string()).collect();
    assert_eq!((waiting.len(), ids.len()), (995, 995));
    for lead in leads.iter().skip(7).step_by(200) {
        world.done("repair", lead).await;
    }
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (5, 5));
    assert_eq!(world.sandbox.count(Queue::DeadLetter).waiting, 0);
}
