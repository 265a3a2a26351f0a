use std::collections::BTreeMap;

use domain::{LeadgenEvent, MetaId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    database::{Condition, Query, Table, Write},
    keys,
    row::{self, EXPIRES_AT},
    transactions::not_erased,
};

const TABLE: Table = Table::Transactions;

/// As long as Meta shows a lead.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// An announced lead that no bundle takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unrouted {
    /// What Meta announced.
    #[serde(flatten)]
    pub event: LeadgenEvent,
    /// When it was first announced.
    pub received_at: Timestamp,
}

/// A form that sent leads no bundle takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnroutedForm {
    /// The page.
    pub page_id: MetaId,
    /// The form.
    pub form_id: MetaId,
    /// How many leads.
    pub count: u64,
    /// When the first of them was announced.
    pub first_at: Timestamp,
    /// When the last of them was announced.
    pub last_at: Timestamp,
}

impl Store {
    /// Keeps an event that no bundle takes for 90 days. The first announcement of a lead counts; that of an erased one
    /// does not.
    pub async fn keep_unrouted(&self, event: &LeadgenEvent, now: Timestamp) -> Result<(), StoreError> {
        let unrouted = Unrouted { event: event.clone(), received_at: now };
        let mut item = row::row(&keys::unrouted(event), &unrouted)?;
        item.insert(EXPIRES_AT.to_owned(), (now + KEPT).as_second().into());
        let put = Write::Put { table: TABLE, item, condition: Condition::absent() };
        self.write_all_anyway(&[not_erased(&event.leadgen_id), put]).await
    }

    /// The forms that sent leads no bundle takes, by page and form.
    pub async fn unrouted_forms(&self) -> Result<Vec<UnroutedForm>, StoreError> {
        let mut forms = BTreeMap::new();
        for Unrouted { event, received_at: at } in self.list(&Query::partition(TABLE, keys::UNROUTED)).await? {
            let LeadgenEvent { page_id, form_id, .. } = event;
            let form = forms.entry((page_id.clone(), form_id.clone())).or_insert_with(|| {
                let (count, first_at, last_at) = (0, at, at);
                UnroutedForm { page_id, form_id, count, first_at, last_at }
            });
            form.count += 1;
            form.first_at = form.first_at.min(at);
            form.last_at = form.last_at.max(at);
        }
        Ok(forms.into_values().collect())
    }

    /// The leads of a form that no bundle takes, by lead.
    pub async fn unrouted_events(&self, page_id: &MetaId, form_id: &MetaId) -> Result<Vec<Unrouted>, StoreError> {
        self.unrouted_from(keys::unrouted_form(page_id, form_id)).await
    }

    /// The leads of a page that no bundle takes, by form and lead.
    pub async fn unrouted_of_page(&self, page_id: &MetaId) -> Result<Vec<Unrouted>, StoreError> {
        self.unrouted_from(keys::unrouted_page(page_id)).await
    }

    async fn unrouted_from(&self, prefix: String) -> Result<Vec<Unrouted>, StoreError> {
        let (from, to) = (Some(prefix.clone()), Some(keys::after_prefix(&prefix)));
        self.list(&Query { from, to, ..Query::partition(TABLE, keys::UNROUTED) }).await
    }

    /// Forgets a lead that no bundle takes, whatever its form.
    pub(crate) async fn forget_unrouted_lead(&self, lead: &MetaId) -> Result<(), StoreError> {
        let unrouted: Vec<Unrouted> = self.list(&Query::partition(TABLE, keys::UNROUTED)).await?;
        for Unrouted { event, .. } in unrouted.iter().filter(|unrouted| unrouted.event.leadgen_id == *lead) {
            self.forget_unrouted(event).await?;
        }
        Ok(())
    }

    /// Forgets an event that a bundle takes now.
    pub async fn forget_unrouted(&self, event: &LeadgenEvent) -> Result<(), StoreError> {
        self.write_anyway(Write::delete(TABLE, keys::unrouted(event))).await
    }
}
