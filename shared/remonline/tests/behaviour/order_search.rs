use pretty_assertions::assert_eq;
use remonline::{Error, Order};
use rstest::rstest;
use serde_json::{Value, json};

use crate::server::{Asked, RemOnline, answer, time};

const CLIENT: i64 = 7;

fn order(id: i64, client: i64) -> Value {
    let made = format!("2026-11-01T{:02}:{:02}:00Z", id / 60, id % 60);
    json!({ "id": id, "client": { "id": client, "phone": [phone(client)] }, "created_at": made })
}

fn phone(client: i64) -> String {
    format!("+3805011122{client:02}")
}

/// A RemOnline whose orders are filtered by these parameters and no others.
async fn remonline(honoured: &'static [&'static str], orders: Vec<Value>) -> RemOnline {
    RemOnline::answering(move |asked: &Asked| {
        if asked.path.starts_with("/v2/contacts/people/") {
            return answer(&json!({ "id": CLIENT, "phones": [{ "phone": phone(CLIENT) }] }));
        }
        let wanted = |order: &&Value| {
            honoured.iter().all(|name| {
                let values = asked.values(name);
                let stored =
                    if name.contains("phones") { &order["client"]["phone"][0] } else { &order["client"]["id"] };
                values.is_empty() || values.iter().any(|value| *value == stored.to_string().trim_matches('"'))
            })
        };
        let mut left = orders.iter().filter(wanted).cloned().collect::<Vec<_>>();
        left.sort_by_key(|order| -order["id"].as_i64().unwrap());
        asked.page_of(&left)
    })
    .await
}

fn ids(orders: &[Order]) -> Vec<i64> {
    orders.iter().map(|order| order.id).collect()
}

/// Orders of other clients with ids from 1.
fn others(count: i64) -> Vec<Value> {
    (1..=count).map(|id| order(id, 8)).collect()
}

#[rstest]
#[case::plain(&["clients_ids"], &["clients_ids=7"])]
#[case::brackets(&["clients_ids[]"], &["clients_ids=7", "clients_ids[]=7"])]
#[case::phones(&["client_phones"], &["clients_ids=7", "clients_ids[]=7", "client_phones=+380501112207"])]
#[case::nothing(&[], &["clients_ids=7", "clients_ids[]=7", "client_phones=+380501112207"])]
#[tokio::test]
async fn finds_the_orders_by_whatever_filters(#[case] honoured: &'static [&'static str], #[case] queries: &[&str]) {
    let orders = [vec![order(101, CLIENT)], others(30), vec![order(102, CLIENT)]].concat();
    let remonline = remonline(honoured, orders).await;
    let found = remonline.client.orders_of_client(CLIENT, None).await.unwrap();
    assert_eq!(ids(&found), [102, 101]);
    let asked = remonline.asked();
    let lists = asked.iter().filter(|asked| asked.path == "/v2/orders").collect::<Vec<_>>();
    assert!(lists.iter().all(|asked| asked.values("sort") == ["-created_at"]));
    let lines = remonline.lines().into_iter().filter_map(|line| Some(line.strip_prefix("GET /v2/orders?")?.to_owned()));
    assert_eq!(lines.collect::<Vec<_>>(), queries);
}

#[tokio::test]
async fn a_client_without_orders_has_none() {
    let remonline = remonline(&["clients_ids"], others(30)).await;
    assert_eq!(remonline.client.orders_of_client(CLIENT, None).await.unwrap(), []);
    assert_eq!(remonline.asked().len(), 1);
}

#[tokio::test]
async fn every_page_is_read() {
    let orders = (1..=120).map(|id| order(id, CLIENT)).collect();
    let remonline = remonline(&["clients_ids"], orders).await;
    let found = remonline.client.orders_of_client(CLIENT, None).await.unwrap();
    assert_eq!(ids(&found), (1..=120).rev().collect::<Vec<_>>());
    assert_eq!(remonline.asked().len(), 3);
}

#[tokio::test]
async fn older_orders_are_left_out_and_not_paged_to() {
    let orders = (1..=120).map(|id| order(id, CLIENT)).collect();
    let remonline = remonline(&["clients_ids"], orders).await;
    let found = remonline.client.orders_of_client(CLIENT, Some(time("2026-11-01T01:58:00Z"))).await.unwrap();
    assert_eq!(ids(&found), [120, 119, 118]);
    assert_eq!(remonline.asked().len(), 1);
}

#[tokio::test]
async fn where_nothing_filters_all_orders_are_read() {
    let orders = [vec![order(0, CLIENT)], others(120)].concat();
    let orders = orders.into_iter().filter(|order| order["id"] != 0).chain([order(121, CLIENT), order(5, CLIENT)]);
    let remonline = remonline(&[], orders.collect()).await;
    let found = remonline.client.orders_of_client(CLIENT, None).await.unwrap();
    assert_eq!(ids(&found), [121, 5]);
}

#[tokio::test]
async fn where_nothing_filters_and_there_is_no_end_nobody_can_tell() {
    let remonline = remonline(&[], others(501)).await;
    let error = remonline.client.orders_of_client(CLIENT, None).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    let recent = remonline.client.orders_of_client(CLIENT, Some(time("2026-11-01T08:00:00Z"))).await.unwrap();
    assert_eq!(recent, [], "the newest pages reach back far enough");
}

#[tokio::test]
async fn orders_come_in_both_list_shapes() {
    let bare = RemOnline::answering(|_| answer(&json!([order(1, CLIENT)]))).await;
    assert_eq!(ids(&bare.client.orders_of_client(CLIENT, None).await.unwrap()), [1]);
    let enveloped = RemOnline::answering(|_| answer(&json!({ "data": [order(1, CLIENT)] }))).await;
    assert_eq!(ids(&enveloped.client.orders_of_client(CLIENT, None).await.unwrap()), [1]);
}

#[tokio::test]
async fn the_audit_reads_recent_orders_page_by_page() {
    let remonline = remonline(&[], others(120)).await;
    let since = time("2026-11-01T01:05:00Z");
    let first = remonline.client.orders_created_since(since, 1).await.unwrap();
    assert_eq!((first.rows.len(), first.next), (50, Some(2)));
    let second = remonline.client.orders_created_since(since, 2).await.unwrap();
    assert_eq!((ids(&second.rows), second.next), ((65..=70).rev().collect(), None));
    let asked = &remonline.asked()[1];
    assert_eq!((asked.values("created_at"), asked.page()), (vec!["2026-11-01T01:05:00Z"], 2));
}

#[tokio::test]
async fn one_order_is_read_by_id() {
    let remonline = RemOnline::saying(200, json!({ "data": order(1, CLIENT) })).await;
    assert_eq!(remonline.client.order(1).await.unwrap().unwrap().client_id, Some(CLIENT));
    assert_eq!(remonline.lines(), ["GET /v2/orders/1"]);
}
