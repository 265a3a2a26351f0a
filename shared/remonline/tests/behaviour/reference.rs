use futures::future::BoxFuture;
use pretty_assertions::assert_eq;
use remonline::{Choice, Client, Error};
use rstest::rstest;
use serde_json::{Value, json};

use crate::server::{RemOnline, answer, time};

type Call = for<'a> fn(&'a Client) -> BoxFuture<'a, Result<Vec<Choice>, Error>>;

#[rstest]
#[case((|c| Box::pin(c.branches())) as Call, "/v2/company/locations", json!(1))]
#[case((|c| Box::pin(c.order_types())) as Call, "/v2/orders/types", json!(1))]
#[case((|c| Box::pin(c.statuses())) as Call, "/v2/orders/statuses", json!(1))]
#[case((|c| Box::pin(c.employees())) as Call, "/v2/company/employees", json!(1))]
#[case((|c| Box::pin(c.campaigns())) as Call, "/marketing/campaigns/", json!(1))]
#[case((|c| Box::pin(c.client_fields())) as Call, "/v2/contacts/people/custom-fields", json!("f1"))]
#[case((|c| Box::pin(c.order_fields())) as Call, "/v2/orders/custom-fields", json!("f1"))]
#[tokio::test]
async fn every_list_comes_in_both_shapes(#[case] call: Call, #[case] path: &str, #[case] id: Value) {
    let rows = json!([{ "id": 1, "title": "One" }]);
    for body in [rows.clone(), json!({ "data": rows, "count": 1, "success": true })] {
        let remonline = RemOnline::saying(200, body).await;
        let choices = call(&remonline.client).await.unwrap();
        let shown = serde_json::to_value(&choices).unwrap();
        assert_eq!((&shown[0]["id"], &shown[0]["title"], choices.len()), (&id, &json!("One"), 1));
        assert_eq!(remonline.lines(), [format!("GET {path}")]);
    }
}

#[tokio::test]
async fn lists_are_read_to_their_end() {
    let rows = (1..=120).map(|id| json!({ "id": id, "first_name": "Ivan" })).collect::<Vec<_>>();
    let remonline = RemOnline::answering(move |asked| asked.page_of(&rows)).await;
    assert_eq!(remonline.client.employees().await.unwrap().len(), 120);
    assert_eq!(remonline.asked().len(), 3);
}

#[tokio::test]
async fn a_page_that_comes_again_ends_the_list() {
    let rows = (1..=50).map(|id| json!({ "id": id, "name": "Ivan" })).collect::<Vec<_>>();
    let remonline = RemOnline::answering(move |_| answer(&json!({ "data": rows, "count": 120 }))).await;
    assert_eq!(remonline.client.employees().await.unwrap().len(), 50);
    assert_eq!(remonline.asked().len(), 2);
}

#[tokio::test]
async fn campaigns_may_have_gone() {
    let remonline = RemOnline::saying(404, "").await;
    assert!(matches!(remonline.client.campaigns().await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn what_cannot_be_chosen_is_left_out() {
    let remonline = RemOnline::saying(200, json!([{ "title": "No id" }, { "id": 2, "title": "Two" }])).await;
    let choices = remonline.client.order_types().await.unwrap();
    assert_eq!(choices.iter().map(|choice| choice.title.as_str()).collect::<Vec<_>>(), ["Two"]);
}

#[tokio::test]
async fn the_company_is_read() {
    let company = json!({
        "name": "Shop", "email": "shop@example.com", "country": "UA", "currency": "UAH", "timezone": "Europe/Kyiv",
        "logo": null, "created_at": "2020-01-01T00:00:00Z",
    });
    for body in [company.clone(), json!({ "data": company })] {
        let remonline = RemOnline::saying(200, body).await;
        let company = remonline.client.company().await.unwrap();
        assert_eq!((company.name.as_str(), company.timezone.as_str()), ("Shop", "Europe/Kyiv"));
        assert_eq!((company.currency.as_str(), company.created_at), ("UAH", Some(time("2020-01-01T00:00:00Z"))));
    }
}
