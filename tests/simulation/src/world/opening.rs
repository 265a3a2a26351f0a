//! What a world has before the first lead: connections, bundles, and whom the companies know.

use domain::{
    Account, AccountId, Bundle, BundleDocument, BundleState, Connection, ConnectionKind, ConnectionState, EmailSearch,
    PhoneSearch,
};
use serde_json::Value;

use super::{World, slug};
use crate::{bench::Bench, script::Known, wire::api_key};

/// When the companies' own cards and orders were made: before every run, and not so long before that an order is too old
/// to be found.
const LONG_AGO: &str = "2026-11-20T08:00:00Z";

impl World {
    pub(super) async fn connect(&self, bench: &Bench, tokens: &[String]) {
        for company in &self.outside.companies {
            let account = Account {
                id: AccountId::new(company.name.as_str()),
                name: company.name.clone(),
                phone_search: PhoneSearch::Together,
                email_search: EmailSearch::Asked,
            };
            let kind = ConnectionKind::Remonline { account };
            self.add_connection(bench, &company.name, kind, &api_key(&company.name, 0)).await;
        }
        for (page, token) in self.pages.iter().zip(tokens) {
            let page_id = page.id.parse().expect("an id");
            let kind = ConnectionKind::Facebook { page_id, page_name: "Ремонт Плюс".to_owned() };
            self.add_connection(bench, &page.connection, kind, token).await;
        }
    }

    async fn add_connection(&self, bench: &Bench, id: &str, kind: ConnectionKind, secret: &str) {
        let (id, now, state) = (slug(id), self.ours.now(), ConnectionState::Active);
        let connection = Connection { title: id.to_string(), id, kind, state, created_at: now, checked_at: now };
        let sealed = bench.seal(&connection.id, connection.secret_purpose(), secret).await;
        self.store.create_connection(&connection, &sealed).await.expect("the tables are new");
    }

    pub(super) async fn add_bundle(&mut self, id: &str, document: Value) {
        let now = self.ours.now();
        let document: BundleDocument = serde_json::from_value(document).expect("the document of a bundle");
        let connection = document.source.connection.as_str();
        let page = self.pages.iter().find(|page| page.connection == connection).expect("a page of this connection");
        let bundle = Bundle {
            id: slug(id),
            version: 1,
            state: BundleState::Active,
            page_id: page.id.parse().expect("an id"),
            first_started_at: Some(now),
            created_at: now,
            document,
        };
        self.store.create_bundle(&bundle).await.expect("the tables are new");
        self.bundles.push(bundle);
    }

    /// A company has had a client, and maybe an order, for some time.
    pub(crate) fn knows(&self, Known { company, mut card, order }: Known) {
        let remonline = &self.outside.companies[company].remonline;
        card["created_at"] = LONG_AGO.into();
        let client_id = remonline.insert_person(card);
        if let Some(mut order) = order {
            order["client_id"] = client_id.into();
            order["created_at"] = LONG_AGO.into();
            remonline.insert_order(order);
        }
    }
}
