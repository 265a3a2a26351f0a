use domain::{
    Account, AccountId, Bundle, BundleState, Connection, ConnectionKind, ConnectionState, EmailSearch, LeadSource,
    LeadgenEvent, MetaId, PhoneSearch, Slug, Stage, Transaction,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

pub(crate) fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

pub(crate) fn meta_id(number: u64) -> MetaId {
    number.to_string().parse().unwrap()
}

pub(crate) fn account() -> AccountId {
    AccountId::new("company-1")
}

/// A fixed time and so many seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    "2026-11-23T10:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn event(lead: u64) -> LeadgenEvent {
    LeadgenEvent { leadgen_id: meta_id(lead), page_id: meta_id(100), form_id: meta_id(700) }
}

pub(crate) fn bundle(id: &str) -> Bundle {
    let document = json!({
        "title": "Screen repair",
        "source": { "connection": "fb-main", "form_id": "700" },
        "client": { "connection": "shop", "fields": { "first_name": "{{ contact.first_name }}", "ad_campaign_id": 777 } },
        "order": { "fields": { "branch_id": 15001, "order_type_id": 21001, "urgent": true } },
    });
    Bundle {
        id: slug(id),
        version: 1,
        state: BundleState::Stopped,
        page_id: meta_id(100),
        first_started_at: None,
        created_at: at(0),
        document: serde_json::from_value(document).unwrap(),
    }
}

/// A lead that was announced `received` seconds after the beginning.
pub(crate) fn received(lead: u64, received: i64) -> Transaction {
    Transaction::received(&event(lead), &bundle("repair"), account(), LeadSource::Webhook, at(received))
}

/// The same transaction, finished.
pub(crate) fn done(transaction: &Transaction, now: Timestamp) -> Transaction {
    let mut done = transaction.clone();
    done.run(Stage::OrderSet, now).unwrap();
    done.finish(now).unwrap();
    done
}

pub(crate) fn remonline(id: &str, account: &str) -> Connection {
    let account = Account {
        id: AccountId::new(account),
        name: "Shop".to_owned(),
        phone_search: PhoneSearch::Together,
        email_search: EmailSearch::Asked,
    };
    connection(id, ConnectionKind::Remonline { account })
}

pub(crate) fn facebook(id: &str, page: u64) -> Connection {
    connection(id, ConnectionKind::Facebook { page_id: meta_id(page), page_name: "Repairs".to_owned() })
}

fn connection(id: &str, kind: ConnectionKind) -> Connection {
    Connection {
        id: slug(id),
        title: "A connection".to_owned(),
        kind,
        state: ConnectionState::Active,
        created_at: at(0),
        checked_at: at(0),
    }
}
