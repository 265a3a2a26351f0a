//! Which bundle takes a lead, and which lead is left out.

use pretty_assertions::assert_eq;
use rstest::rstest;
use serde_json::{Value, json};
use simulators::meta::NewLead;

use crate::bundle::bundle;
use crate::person::Person;
use crate::transaction::{assert_holds, step};
use crate::world::{FORM, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bundles_on_one_form_make_one_client_and_two_orders() {
    let world = World::with_bundle().await;
    let mut second = bundle("diagnostics", FORM);
    second["order"]["fields"]["order_type_id"] = 21002.into();
    world.add_bundle(&second).await;
    let lead = world.submit(FORM, Person::invent().lead()).await;
    let (one, other) = (world.done("repair", &lead).await, world.done("diagnostics", &lead).await);
    assert_eq!(one["client_id"], other["client_id"]);
    assert_ne!(one["order_id"], other["order_id"]);
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (1, 2));
    for (id, order_type) in [("repair", 21001), ("diagnostics", 21002)] {
        let [order] = &world.orders_of(id, &lead)[..] else { panic!("one order of {id}") };
        assert_eq!(order["order_type"]["id"], order_type);
    }
    assert_eq!(world.transactions(&format!("&leadgen_id={lead}")).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leads_of_a_stopped_bundle_wait_for_its_start() {
    let world = World::with_bundle().await;
    world.stop_bundle("repair").await;
    let mut leads = Vec::new();
    for _ in 0..2 {
        let lead = world.submit(FORM, Person::invent().lead()).await;
        let transaction = world.settled("repair", &lead, "waiting", "bundle_stopped").await;
        assert_eq!(transaction["next_at"], Value::Null);
        leads.push(lead);
    }
    assert_eq!(world.new_clients().len(), 0);
    world.start_bundle("repair").await;
    for lead in &leads {
        assert_eq!(world.done("repair", lead).await["order_outcome"], "created");
    }
    assert_eq!((world.new_clients().len(), world.remonline.orders().len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_form_means_those_that_no_other_bundle_names() {
    let world = World::with_bundle().await;
    world.add_bundle(&bundle("the-rest", "*")).await;
    let other_form = world.add_form("Trade-in");
    let named = world.submit(FORM, Person::invent().lead()).await;
    let other = world.submit(&other_form, Person::invent().lead()).await;
    world.done("repair", &named).await;
    assert_eq!(world.done("the-rest", &other).await["form_id"], other_form);
    assert_eq!(world.transactions("").await.len(), 2);

    world.stop_bundle("repair").await;
    let lead = world.submit(FORM, Person::invent().lead()).await;
    assert_eq!(world.done("the-rest", &lead).await["order_outcome"], "created");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_leaves_leads_out() {
    let world = World::start().await;
    let cases = [
        ("passes", "answers.city == 'Київ'", true),
        ("does-not", "answers.city == 'Львів'", false),
        ("organic", "raw['what_is_broken?'] == 'screen' and not lead.is_organic", false),
    ];
    for (case, filter, passes) in cases {
        let form = world.add_form(case);
        let mut document = bundle(case, &form);
        document["filter"] = filter.into();
        world.add_bundle(&document).await;
        let (asked, clients) = (world.remonline.requests().len(), world.new_clients().len());
        let lead = world.submit(&form, Person::invent().lead()).await;
        if passes {
            world.done(case, &lead).await;
        } else {
            world.settled(case, &lead, "skipped", "filtered").await;
            assert_eq!(world.remonline.requests().len(), asked, "{case}");
        }
        assert_eq!(world.new_clients().len(), clients + usize::from(passes), "{case}");
    }
}

#[rstest]
#[case::skipped("skip")]
#[case::processed("process")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metas_dummy_leads_are_treated_as_the_bundle_says(#[case] rule: &str) {
    let world = World::start().await;
    let mut document = bundle("repair", FORM);
    document["test_leads"] = rule.into();
    world.add_bundle(&document).await;
    let asked = world.remonline.requests().len();
    let lead = world.submit(FORM, NewLead::dummy()).await;
    if rule == "process" {
        assert_holds(&world.done("repair", &lead).await, &json!({ "order_outcome": "created" }));
        assert_eq!(world.new_clients().len(), 1);
        return;
    }
    world.settled("repair", &lead, "skipped", "test_lead").await;
    assert_eq!(world.remonline.requests().len(), asked);
    let revealed = world.door.get(&format!("/api/transactions/repair/{lead}?reveal=true")).await.expect(200);
    let [client, order] = ["create_client", "create_order"].map(|kind| step(&revealed, kind));
    assert_holds(
        client,
        &json!({
            "outcome": "left_out", "status": null, "request": { "method": "POST", "path": "/v2/contacts/people" },
        }),
    );
    assert_holds(
        order,
        &json!({
            "outcome": "left_out", "status": null, "request": { "path": "/v2/orders", "body": { "branch_id": 15001 } },
        }),
    );
}
