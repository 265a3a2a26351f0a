//! Finding a client's orders, in an API that ignores a filter it does not know.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::answer::Page;
use crate::orders::Order;
use crate::{Client, Details, Error};

/// So many pages of 50 are read at most.
const MOST_PAGES: u32 = 10;

impl Client {
    /// The orders of a client, a person or an organization, newest first, 500 at most; with `since`, those made since
    /// then. Every row is verified.
    ///
    /// `clients_ids` is tried first, then its bracketed form; where both leave orders of other clients, the person's
    /// phone number, and all orders are read through. One exchange in the usual case and one for each further page.
    ///
    /// # Errors
    /// [`Error::Unavailable`] also where RemOnline does not filter and the newest 500 orders do not reach back to
    /// `since`: nobody can tell then that the client has no order.
    pub async fn orders_of_client(&self, client_id: i64, since: Option<Timestamp>) -> Result<Vec<Order>, Error> {
        let id = client_id.to_string();
        for name in ["clients_ids", "clients_ids[]"] {
            if let Some(orders) = self.orders_left_by((name, &id), client_id, since).await? {
                return Ok(newest_first(orders));
            }
        }
        let phone = self.person(client_id).await?.and_then(|person| Some(person.phones.first()?.number().to_owned()));
        let filter = phone.as_deref().map(|phone| ("client_phones", phone));
        self.orders_among(filter.as_slice(), client_id, since).await.map(newest_first)
    }

    /// The orders that a filter for this client leaves; `None` where it leaves one of somebody else, and so was
    /// ignored.
    async fn orders_left_by(
        &self,
        filter: (&str, &str),
        client_id: i64,
        since: Option<Timestamp>,
    ) -> Result<Option<Vec<Order>>, Error> {
        let mut orders = Vec::new();
        let mut next = Some(1);
        while let Some(number) = next.filter(|number| *number <= MOST_PAGES) {
            let page = self.orders_page(&[filter], number).await?;
            if page.rows.iter().any(|order| order.client_id != Some(client_id)) {
                return Ok(None);
            }
            let page = made_since(page, since);
            orders.extend(page.rows);
            next = page.next;
        }
        Ok(Some(orders))
    }

    /// This client's orders among all that `filter` leaves, which has to be read to its end.
    async fn orders_among(
        &self,
        filter: &[(&str, &str)],
        client_id: i64,
        since: Option<Timestamp>,
    ) -> Result<Vec<Order>, Error> {
        let mut orders = Vec::new();
        let mut next = Some(1);
        while let Some(number) = next {
            if number > MOST_PAGES {
                let message = "RemOnline does not search orders by client and has too many to read through".to_owned();
                return Err(Error::Unavailable(Details { message, ..Details::default() }));
            }
            let page = made_since(self.orders_page(filter, number).await?, since);
            orders.extend(page.rows.into_iter().filter(|order| order.client_id == Some(client_id)));
            next = page.next;
        }
        Ok(orders)
    }
}

fn made_since(page: Page<Order>, since: Option<Timestamp>) -> Page<Order> {
    match since {
        Some(since) => page.since(since, |order| order.created_at),
        None => page,
    }
}

/// Newest first. A page may repeat an order of the one before it when a new one was made in between.
fn newest_first(mut orders: Vec<Order>) -> Vec<Order> {
    orders.sort_by_key(|order| Reverse((order.created_at, order.id)));
    orders.dedup_by_key(|order| order.id);
    orders
}
