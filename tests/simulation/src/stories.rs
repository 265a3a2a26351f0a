//! The canonical stories, each of which is told again with a crash at every point.

use std::time::Duration;

use scheduler::Job;
use serde_json::{Value, json};

use crate::{
    effects::Fate,
    plan::Plan,
    queue::Unreliable,
    rules::document,
    script::{Event, Known, Script},
    world::{COMPANIES, FORMS, Refused, Setting},
};

/// Something that happens to leads.
#[derive(Debug, Clone)]
pub struct Story {
    /// What it is about.
    pub name: &'static str,
    /// What happens outside.
    pub script: Script,
    /// What belongs to the story itself: the first effect of this name meets this fate.
    pub trouble: Option<(&'static str, Fate)>,
}

const CREATE_CLIENT: &str = "shop-a POST /v2/contacts/people";
const CREATE_ORDER: &str = "shop-a POST /v2/orders";

impl Story {
    /// All of them.
    pub fn all() -> Vec<Self> {
        let shared = || known(json!({ "first_name": "Давній", "phones": [{ "phone": "050 111 99 01" }] }));
        let by_email = json!({ "first_name": "Давній", "email": "Kenar@example.com" });
        let twice = || vec![lead(0), lead(0)];
        let with_order = || Known { order: Some(json!({ "branch_id": 15001, "order_type_id": 21001 })), ..shared() };
        let comment = json!({ "mode": "create_if_missing", "when_found": "comment" });
        let skip = json!({ "mode": "create_if_missing", "when_found": "skip" });
        vec![
            Self::of("new person", vec![lead(0)], |_| {}),
            Self { script: knowing(shared(), Self::of("", vec![lead(0)], use_as_it_is)), ..named("known by phone") },
            Self {
                script: knowing(known(by_email), Self::of("", vec![lead(0)], use_as_it_is)),
                ..named("known by e-mail")
            },
            Self::of("two leads of one person", twice(), |_| {}),
            two_bundles(),
            Self {
                script: knowing(shared(), Self::of("", vec![lead(0)], |_| {})),
                ..named("update of a known client")
            },
            Self {
                script: knowing(with_order(), Self::of("", vec![lead(0)], duplicates(skip))),
                ..named("order found")
            },
            Self {
                script: knowing(with_order(), Self::of("", vec![lead(0)], duplicates(comment))),
                ..named("order commented")
            },
            Self::of("status to be set", vec![lead(0)], |bundle| bundle["order"]["fields"]["status_id"] = json!(12)),
            Self {
                trouble: Some((CREATE_ORDER, Fate::Throttled(None))),
                ..Self::of("throttled", vec![lead(0)], |_| {})
            },
            Self {
                trouble: Some((CREATE_CLIENT, Fate::Status(500))),
                ..Self::of("create failed", vec![lead(0)], |_| {})
            },
            key_revoked(),
            never_told(),
        ]
    }

    /// One lead or more at once, and one bundle.
    fn of(name: &'static str, events: Vec<(Duration, Event)>, change: impl FnOnce(&mut Value)) -> Self {
        let mut document = document(COMPANIES[0], FORMS[0], "repair");
        change(&mut document);
        let script = Script {
            setting: Setting::of_a_seed(),
            events,
            calm_at: Duration::from_secs(600),
            bundles: vec![("repair".to_owned(), document)],
            known: Vec::new(),
            unreliable: Unreliable::default(),
            stale_ms: 0,
            jobs: Vec::new(),
        };
        Self { name, script, trouble: None }
    }

    /// What befalls its effects, with these fates more.
    pub fn plan(&self, fates: impl IntoIterator<Item = (usize, Fate)>) -> Plan {
        Plan::of(fates).with_first(self.trouble)
    }
}

fn named(name: &'static str) -> Story {
    Story::of(name, Vec::new(), |_| {})
}

fn knowing(known: Known, story: Story) -> Script {
    Script { known: vec![known], ..story.script }
}

fn known(card: Value) -> Known {
    Known { company: 0, card, order: None }
}

fn use_as_it_is(bundle: &mut Value) {
    bundle["client"]["duplicates"]["mode"] = json!("create_if_missing");
}

fn duplicates(rules: Value) -> impl FnOnce(&mut Value) {
    move |bundle| bundle["order"]["duplicates"] = rules
}

fn lead(second: u64) -> (Duration, Event) {
    lead_told(second, vec![Duration::ZERO])
}

fn lead_told(second: u64, told_after: Vec<Duration>) -> (Duration, Event) {
    let answers = [
        ("full_name", "Олена Кенаренко"),
        ("phone_number", "+380501119901"),
        ("email", "kenar@example.com"),
        ("what_is_broken?", "kenar screen"),
    ];
    let answers = answers.map(|(key, answer)| (key.to_owned(), vec![answer.to_owned()])).to_vec();
    (Duration::from_secs(second), Event::Lead { form: FORMS[0].to_owned(), answers, told_after })
}

fn two_bundles() -> Story {
    let mut story = Story::of("two bundles on one form", vec![lead(0)], |_| {});
    story.script.bundles.push(("second".to_owned(), document(COMPANIES[0], FORMS[0], "second")));
    story
}

fn key_revoked() -> Story {
    let mut events = vec![(Duration::ZERO, Event::Refused(Refused::Key(0))), lead(1)];
    events.push((Duration::from_secs(300), Event::Mended(Refused::Key(0), false)));
    Story::of("key revoked and resumed", events, |_| {})
}

fn never_told() -> Story {
    let mut story = Story::of("webhook never came", vec![lead_told(0, Vec::new())], |_| {});
    story.script.jobs.push(Job::Reconcile);
    // Two rounds may die; the third brings the lead.
    story.script.calm_at = Duration::from_secs(35 * 60);
    story
}
