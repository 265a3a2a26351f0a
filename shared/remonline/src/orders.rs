use domain::ExistingOrder;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::answer::Page;
use crate::row::{Row, integer, spelled};
use crate::{Choice, ChoiceId, Client, Error};

/// An order. What RemOnline left out is empty.
/// Source: RO App API v2, `/orders`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Order {
    /// RemOnline's id.
    pub id: i64,
    /// The label people see, such as `A0102`.
    pub number: String,
    /// Where it stands.
    pub status: Option<OrderStatus>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    pub modified_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The person or organization it is for.
    pub client_id: Option<i64>,
    /// Whether the client is an organization.
    pub client_is_organization: bool,
    /// The order type.
    pub order_type_id: Option<i64>,
    /// The location.
    pub branch_id: Option<i64>,
    /// The employee responsible.
    pub manager_id: Option<i64>,
    /// The technician.
    pub assignee_id: Option<i64>,
    /// The advertising campaign.
    pub ad_campaign_id: Option<i64>,
    /// What is broken.
    pub malfunction: String,
    /// Internal note; holds the marker of the orders we make.
    pub manager_notes: String,
    /// The account's own fields by id (`f6001`).
    pub custom_fields: Map<String, Value>,
}

/// The status of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderStatus {
    /// One of the account's statuses.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its group, where the answer says so: 1 new, 2 in progress, 3 deferred, 4 done, 5 delivery, 6 closed
    /// successfully, 7 closed unsuccessfully.
    pub group: Option<i64>,
}

impl OrderStatus {
    pub(crate) fn read(row: &Row) -> Option<Self> {
        Some(Self { id: row.id()?, name: row.text("name"), group: group_type(row) })
    }
}

/// The group a status belongs to: an object in v2, a number in v1.
pub(crate) fn group_type(status: &Row) -> Option<i64> {
    let group = status.0.get("group")?;
    integer(group).or_else(|| integer(group.get("type")?))
}

/// Whether a group of statuses is that of closed orders.
fn is_closing(group: i64) -> bool {
    matches!(group, 6 | 7)
}

fn closes(status: &Choice) -> bool {
    status.extra.get("group").and_then(Value::as_i64).is_some_and(is_closing)
}

impl Order {
    /// Whether the order is closed, as far as it says itself: by date or by its status' group.
    pub fn is_closed(&self) -> bool {
        let group = self.status.as_ref().and_then(|status| status.group);
        self.closed_at.is_some() || group.is_some_and(is_closing)
    }

    /// The order as the domain judges it. An order's own answer names its status without the group, so the list of
    /// `statuses` tells whether that one closes it. An order that does not say when it was made counts as made `now`:
    /// one order too few is better than one too many.
    pub fn existing(&self, statuses: &[Choice], now: Timestamp) -> ExistingOrder {
        let closes = |status: &Choice| Some(&status.id) == self.status_choice().as_ref() && closes(status);
        let closed = self.is_closed() || statuses.iter().any(closes);
        ExistingOrder { id: self.id, created_at: self.created_at.unwrap_or(now), closed }
    }

    fn status_choice(&self) -> Option<ChoiceId> {
        self.status.as_ref().map(|status| ChoiceId::Number(status.id))
    }

    pub(crate) fn read(row: &Row) -> Option<Self> {
        let client = row.object("client");
        Some(Self {
            id: row.id()?,
            number: row.text("number"),
            status: row.object("status").and_then(|status| OrderStatus::read(&status)),
            created_at: row.time("created_at"),
            modified_at: row.time("modified_at"),
            closed_at: row.time("closed_at"),
            client_id: row.id_of("client"),
            client_is_organization: client.is_some_and(|client| client.flag("is_organization")),
            order_type_id: row.id_of("order_type"),
            branch_id: row.id_of("branch"),
            manager_id: row.id_of("manager"),
            assignee_id: row.id_of("assignee"),
            ad_campaign_id: row.id_of("ad_campaign"),
            malfunction: row.text("malfunction"),
            manager_notes: row.text("manager_notes"),
            custom_fields: row.object("custom_fields").map(|fields| fields.0).unwrap_or_default(),
        })
    }
}

impl Client {
    /// One order; `None` when there is none. One exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn order(&self, id: i64) -> Result<Option<Order>, Error> {
        let answer = match self.get(self.v2(&format!("/orders/{id}")), &[]).await {
            Err(Error::NotFound(_)) => return Ok(None),
            answer => answer?,
        };
        let order = answer.object().and_then(|row| Order::read(&row)).filter(|order| order.id == id);
        order.map(Some).ok_or_else(|| answer.unreadable("order"))
    }

    /// Creates an order. `fields` have RemOnline's names; `branch_id`, `order_type_id` and `client_id` are required,
    /// the status is the account's first. What RemOnline's answer leaves out is empty in the result. One exchange.
    ///
    /// # Errors
    /// [`Error::OutcomeUnknown`] also when the answer names no id.
    pub async fn create_order(&self, fields: &Map<String, Value>) -> Result<Order, Error> {
        let answer = self.post(self.v2("/orders"), Value::Object(fields.clone())).await?;
        answer.object().and_then(|row| Order::read(&row)).ok_or_else(|| answer.unreadable("id of the new order"))
    }

    /// Moves an order to a status, which may be repeated. One exchange.
    /// Source: RO App API v2, `POST /orders/{id}/status`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn set_status(&self, id: i64, status_id: i64, comment: Option<&str>) -> Result<(), Error> {
        let mut body = json!({ "status_id": status_id });
        if let Some(comment) = comment {
            body["comment"] = comment.into();
        }
        self.post(self.v2(&format!("/orders/{id}/status")), body).await.map(drop)
    }

    /// Leaves a comment on an order; a private one is not shown to the client. One exchange.
    /// Source: RO App API v2, `POST /orders/{id}/comments`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn comment(&self, id: i64, text: &str, private: bool) -> Result<(), Error> {
        let body = json!({ "comment": text, "is_private": private });
        self.post(self.v2(&format!("/orders/{id}/comments")), body).await.map(drop)
    }

    /// One page, counted from 1, of the orders made since `since`, newest first. One exchange.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn orders_created_since(&self, since: Timestamp, page: u32) -> Result<Page<Order>, Error> {
        let since_text = spelled(since);
        let page = self.orders_page(&[("created_at", &since_text)], page).await?;
        Ok(page.since(since, |order| order.created_at))
    }

    /// One page of the orders that `filter` leaves, newest first.
    pub(crate) async fn orders_page(&self, filter: &[(&str, &str)], page: u32) -> Result<Page<Order>, Error> {
        let filter = [filter, &[("sort", "-created_at")]].concat();
        self.page_of("/orders", &filter, page, Order::read).await
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::row::arbitrary_json;

    fn read(value: Value) -> Option<Order> {
        serde_json::from_value(value).ok().and_then(|fields| Order::read(&Row(fields)))
    }

    #[test]
    fn reads_a_full_order() {
        let order = read(json!({
            "id": 41000001, "number": "A0102", "status": { "id": 12, "name": "New", "color": "#2196f3" },
            "created_at": "2026-03-01T09:31:00Z", "modified_at": "2026-03-01T09:31:00Z", "closed_at": null,
            "branch_id": 15001, "order_type": { "id": 21001, "name": "Repair" }, "manager_id": 9001,
            "assignee_id": null, "asset": null,
            "client": { "id": 31000001, "is_organization": true, "name": "Olena Koval", "phone": ["+380501112233"] },
            "malfunction": "Screen does not light", "manager_notes": "[fb:1234567890:screen-repair]",
            "estimated_price": "0.00", "custom_fields": { "f6001": "1234567890" }, "ad_campaign_id": 777,
        }))
        .unwrap();
        assert_eq!((order.id, order.number.as_str(), order.is_closed()), (41_000_001, "A0102", false));
        assert_eq!(order.status, Some(OrderStatus { id: 12, name: "New".to_owned(), group: None }));
        assert_eq!(order.created_at, Some("2026-03-01T09:31:00Z".parse().unwrap()));
        assert_eq!((order.client_id, order.client_is_organization), (Some(31_000_001), true));
        assert_eq!((order.branch_id, order.order_type_id), (Some(15_001), Some(21_001)));
        assert_eq!((order.manager_id, order.assignee_id, order.ad_campaign_id), (Some(9001), None, Some(777)));
        assert_eq!(order.manager_notes, "[fb:1234567890:screen-repair]");
        assert_eq!(order.custom_fields["f6001"], "1234567890");
    }

    #[test]
    fn only_the_id_is_needed() {
        assert_eq!(read(json!({ "id": 7 })), Some(Order { id: 7, ..Order::default() }));
        assert_eq!(read(json!({ "number": "A0102" })), None);
    }

    #[rstest]
    #[case(json!({ "id": 7, "closed_at": "2026-03-01T09:31:00Z" }), true)]
    #[case(json!({ "id": 7, "status": { "id": 1, "group": { "type": 6 } } }), true)]
    #[case(json!({ "id": 7, "status": { "id": 1, "group": 7 } }), true)]
    #[case(json!({ "id": 7, "status": { "id": 1, "group": { "type": 4 } } }), false)]
    #[case(json!({ "id": 7, "closed_at": "" }), false)]
    fn knows_closed_orders(#[case] order: Value, #[case] closed: bool) {
        assert_eq!(read(order).unwrap().is_closed(), closed);
    }

    proptest! {
        #[test]
        fn reads_any_json(order in arbitrary_json(), part in arbitrary_json()) {
            let _ = read(order);
            let _ = read(json!({ "id": 7, "status": part.clone(), "client": part.clone(), "closed_at": part }));
        }
    }
}
