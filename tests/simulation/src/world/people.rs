//! What people do: take a key or token away, mend that, resume a connection, retry a lead.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use domain::{Connection, ConnectionState, Slug, TransactionId};
use simulators::{
    Fault,
    meta::{Scope, graph_error},
};
use store::{Rules, Sealed};

use super::{World, slug};
use crate::{bench::Bench, wire::api_key};

/// Whose credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The key of this company.
    Key(usize),
    /// The token of the page.
    Token,
}

/// The keys of a company at RemOnline.
#[derive(Debug)]
pub(super) struct Keys {
    sealed: [Sealed; 2],
    current: AtomicUsize,
}

impl World {
    /// The key of a company, or Meta's token of the page, is refused from now on.
    pub fn refuse(&self, whose: Refused) {
        match whose {
            Refused::Key(company) => self.outside.companies[company].remonline.revoke_key(&self.current_key(company)),
            Refused::Token => {
                let dead = Fault::always(graph_error(190, Some(463)));
                self.outside.meta.inject_for(Scope::Page(self.pages[0].id.clone()), dead);
            }
        }
    }

    /// A person lets the same key or token in again, or makes another key, and resumes the connection.
    pub async fn mend(&self, whose: Refused, another: bool) {
        let Refused::Key(company) = whose else {
            self.outside.meta.clear_faults();
            return self.resume(&slug(&self.pages[0].connection), None).await;
        };
        let keys = &self.keys[company];
        if another {
            keys.current.store(1, Ordering::Relaxed);
        }
        self.outside.companies[company].remonline.add_key(&self.current_key(company));
        let sealed = &keys.sealed[keys.current.load(Ordering::Relaxed)];
        self.resume(&slug(&self.outside.companies[company].name), Some(sealed).filter(|_| another)).await;
    }

    fn current_key(&self, company: usize) -> String {
        api_key(&self.outside.companies[company].name, self.keys[company].current.load(Ordering::Relaxed))
    }

    /// What the console does when a person resumes a connection, with another secret or the one it has.
    pub(crate) async fn resume(&self, id: &Slug, secret: Option<&Sealed>) {
        let before = self.store.connection(id).await.expect("rows in memory").expect("a connection");
        let after = Connection { state: ConnectionState::Active, checked_at: self.ours.now(), ..before.clone() };
        let saved = match secret {
            Some(secret) => self.store.replace_secret(&before, &after, secret).await,
            None => self.store.save_connection(&before, &after).await,
        };
        saved.expect("nobody else was faster");
        for account in self.store.release_held_by_connection(id, self.ours.now()).await.expect("rows in memory") {
            self.nudge(&account, Duration::ZERO);
        }
        self.changed.notify_one();
    }

    /// What the console does when a person retries a lead.
    pub(crate) async fn retry(&self, id: &TransactionId) {
        let account =
            self.store.retry(id, Rules::Original, self.ours.now()).await.expect("what is parked can be retried");
        self.nudge(&account, Duration::ZERO);
        self.changed.notify_one();
    }
}

impl Keys {
    pub(super) async fn seal(bench: &Bench, company: &str) -> Self {
        let (id, first, second) = (slug(company), api_key(company, 0), api_key(company, 1));
        let sealed = [bench.seal(&id, "api_key", &first).await, bench.seal(&id, "api_key", &second).await];
        Self { sealed, current: AtomicUsize::new(0) }
    }
}
