use domain::Stage;
use pretty_assertions::assert_eq;

use super::*;

#[tokio::test]
async fn an_empty_installation_has_thirty_quiet_days() {
    let stats = World::new().await.get("/api/stats").await.expect(200);
    let days = stats["days"].as_array().unwrap();
    assert_eq!((days.len(), &days[0]["date"], &days[29]["date"]), (30, &json!("2026-10-25"), &json!("2026-11-23")));
    assert!(days.iter().all(|day| day["received"] == 0));
    assert_eq!(stats["now"], json!({"waiting": 0, "parked": 0, "review": 0, "unrouted": 0, "quarantined": 0}));
    assert_eq!(stats["lead_to_order_ms"], json!({"p50": null, "p95": null, "p99": null}));
    assert_eq!(stats["remonline"], json!({"calls": 0, "throttled": 0}));
}

#[tokio::test]
async fn what_happens_is_counted() {
    let world = World::started().await;
    let at = now();
    for (lead, seconds) in [("1", 2), ("2", 4)] {
        world
            .lead(lead, 0, |lead| {
                lead.created_at = Some(at);
                lead.run(Stage::OrderSet, at).unwrap();
                lead.finish(at + SignedDuration::from_secs(seconds)).unwrap();
            })
            .await;
    }
    world.lead("3", 0, |lead| lead.park(Reason::Mapping, None, at).unwrap()).await;
    world.lead("4", 0, |lead| lead.review(Reason::OutcomeUnknown, at).unwrap()).await;
    world.lead("5", -24 * 60, |lead| lead.wait(Reason::Throttled, Some(at), at).unwrap()).await;
    let unknown = LeadgenEvent { leadgen_id: meta_id("6"), page_id: meta_id(DEMO_PAGE), form_id: meta_id("7") };
    world.store.keep_unrouted(&unknown, at).await.unwrap();
    let unreadable = world.queue.send_message().queue_url(&world.quarantine_url).message_body("?");
    unreadable.send().await.unwrap();

    let stats = world.get("/api/stats").await.expect(200);
    let today = json!({"date": "2026-11-23", "received": 4, "done": 2, "parked": 1, "review": 1, "skipped": 0});
    assert_eq!(stats["days"][29], today);
    assert_eq!(stats["days"][28]["received"], 1);
    assert_eq!(stats["now"], json!({"waiting": 1, "parked": 1, "review": 1, "unrouted": 1, "quarantined": 1}));
    assert_eq!(stats["lead_to_order_ms"], json!({"p50": 2000, "p95": 4000, "p99": 4000}));
    // To start the bundle everything it names was looked up.
    assert!(stats["remonline"]["calls"].as_u64().unwrap() >= 4, "{}", stats["remonline"]);
}
