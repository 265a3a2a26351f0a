//! One writer for each account: the walk over its due leads under its lease.

use std::{collections::HashMap, sync::Arc};

use domain::{AccountId, Breaker, Bundle, Connection, ConnectionState, Reason, Slug, Transaction};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use store::{ChangeError, Lease, SealedConnection, Standing, StoreError};

use crate::{Invocation, Processor, Tally, failure::Failure};

/// Leads looked at in one go: what one Graph batch can fetch.
const PAGE: usize = 50;

/// How the work on one account ended.
#[derive(Debug, Default)]
pub(crate) struct Worked {
    pub tally: Tally,
    /// When somebody should look at the account again.
    pub look_again_at: Option<Timestamp>,
    /// Something was due.
    found_work: bool,
}

/// The work on one account while its lease is held.
pub(crate) struct Shift<'p> {
    pub processor: &'p Processor,
    pub lease: Lease,
    pub tally: Tally,
    /// How RemOnline took the account's calls so far, these included.
    pub standing: Standing,
    /// The breaker as it is stored.
    pub kept_breaker: Breaker,
    /// The latest call was not refused with 429.
    pub calm: bool,
    deadline: Timestamp,
    connections: HashMap<Slug, SealedConnection>,
    bundles: HashMap<Slug, Bundle>,
    pub clients: HashMap<Slug, Arc<remonline::Client>>,
    /// The account's order statuses, once they were needed.
    pub statuses: Vec<remonline::Choice>,
    /// Something was due.
    found_work: bool,
    /// Nothing more can be done in this invocation: the lease is lost, or there is no time to send in.
    pub stop: bool,
}

impl Processor {
    /// Works on an account until nothing is due, the time is up or somebody else holds its lease. A holder that
    /// releases looks at the list again, so a lead that came meanwhile is not left to the next wake-up.
    pub(crate) async fn work(&self, account: &AccountId, invocation: &Invocation) -> Worked {
        let mut worked = Worked::default();
        loop {
            match self.one_shift(account, invocation, &mut worked).await {
                Ok(true) => {}
                Ok(false) => return worked,
                Err(error) => {
                    tracing::error!(account_id = %account, %error, "the account's work stopped");
                    return worked;
                }
            }
        }
    }

    /// True when another shift may find something to do.
    async fn one_shift(
        &self,
        account: &AccountId,
        invocation: &Invocation,
        worked: &mut Worked,
    ) -> Result<bool, StoreError> {
        let until = invocation.deadline + self.timing.lease_margin();
        let owner = &invocation.request_id;
        let Some(lease) = self.store.acquire(account, owner, self.clock.now(), until).await? else {
            return Ok(false);
        };
        let mut shift = Shift::new(self, lease, invocation.deadline);
        let walked = shift.walk().await;
        self.store.release(&shift.lease).await?;
        let over = shift.stop || shift.out_of_time();
        worked.tally.add(shift.tally);
        worked.found_work |= shift.found_work;
        walked?;
        let next_due = self.store.next_due(account).await?;
        let more = next_due.is_some_and(|at| at <= self.clock.now());
        worked.look_again_at = if more && over {
            Some(self.first_call(account).await?)
        } else {
            // Who found nothing to do was not needed, and needs no successor.
            next_due.filter(|_| worked.found_work)
        };
        Ok(more && !over)
    }

    /// When the account may be called again: now, or when the pause that RemOnline asked for is over and the send times
    /// that others have are past.
    async fn first_call(&self, account: &AccountId) -> Result<Timestamp, StoreError> {
        let pace = self.store.pace(account).await?;
        Ok(pace.not_before.into_iter().chain(pace.next_slot).fold(self.clock.now(), Timestamp::max))
    }
}

impl<'p> Shift<'p> {
    fn new(processor: &'p Processor, lease: Lease, deadline: Timestamp) -> Self {
        Self {
            processor,
            lease,
            tally: Tally::default(),
            standing: Standing::default(),
            kept_breaker: Breaker::default(),
            calm: false,
            deadline,
            connections: HashMap::new(),
            bundles: HashMap::new(),
            clients: HashMap::new(),
            statuses: Vec::new(),
            found_work: false,
            stop: false,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.processor.clock.now()
    }

    /// Whether too little time is left to send a create and hear of it.
    pub(crate) fn out_of_time(&self) -> bool {
        self.deadline.duration_since(self.now()) < self.processor.timing.send_margin()
    }

    async fn walk(&mut self) -> Result<(), StoreError> {
        self.read_standing().await?;
        self.park_the_killer().await?;
        while !self.out_of_time() && !self.stop {
            let page = if self.is_careful() { 1 } else { PAGE };
            let now = self.now();
            let due = self.processor.store.due(&self.lease.account, now, page).await?;
            self.found_work |= !due.is_empty();
            let is_last = due.len() < page;
            let mut transactions = self.processor.store.transactions(&due).await?;
            // One may be settled meanwhile: by a person, or by the next holder where this one slept through its lease.
            transactions.retain(|transaction| transaction.due_at.is_some_and(|at| at <= now));
            self.take_in_hand(&transactions).await?;
            if self.stop {
                return Ok(());
            }
            for story in self.fetch(transactions).await? {
                if self.out_of_time() || self.stop {
                    return Ok(());
                }
                self.tell(story).await?;
                self.keep_standing().await?;
            }
            if is_last {
                // What came meanwhile is seen when the lease is given back.
                return Ok(());
            }
        }
        Ok(())
    }

    /// A connection that may be used. One that was closed is read again, since it may be open by now; of one that was open the
    /// other side tells.
    pub(crate) async fn open_connection(&mut self, id: &Slug) -> Result<SealedConnection, Failure> {
        if self.connections.get(id).is_none_or(|known| known.connection.state != ConnectionState::Active) {
            let found = self.processor.store.sealed_connection(id).await?;
            let missing = Failure::Inconsistent("the bundle names a connection that is not there");
            self.connections.insert(id.clone(), found.ok_or(missing)?);
        }
        let sealed = &self.connections[id];
        match sealed.connection.state {
            ConnectionState::Active => Ok(sealed.clone()),
            closed => Err(Failure::ConnectionClosed(id.clone(), closed)),
        }
    }

    /// Notes that a connection cannot be used until a person mends it, so that no further lead tries it.
    pub(crate) async fn close_connection(&mut self, id: &Slug, state: ConnectionState) -> Result<(), StoreError> {
        let Some(mut sealed) = self.processor.store.sealed_connection(id).await? else { return Ok(()) };
        let connection = &sealed.connection;
        if connection.state == ConnectionState::Active {
            tracing::error!(connection_id = %id, ?state, "the connection is closed until a person mends it");
            let closed = Connection { state, checked_at: self.now(), ..connection.clone() };
            match self.processor.store.save_connection(connection, &closed).await {
                Ok(()) => sealed.connection = closed,
                // A person changed it this moment: the next lead tries it as it is now.
                Err(ChangeError::Stale) => {}
                Err(ChangeError::Store(error)) => return Err(error),
            }
        }
        self.connections.insert(id.clone(), sealed);
        Ok(())
    }

    /// The bundle as it is now.
    pub(crate) async fn bundle(&mut self, id: &Slug) -> Result<Bundle, Failure> {
        if !self.bundles.contains_key(id) {
            let found = self.processor.store.bundle(id).await?;
            // Whoever deletes a bundle wants nothing done by it any more.
            self.bundles.insert(id.clone(), found.ok_or(Failure::LeftOut(Reason::Dismissed))?);
        }
        Ok(self.bundles[id].clone())
    }

    /// The key or token of a connection.
    pub(crate) async fn secret(&self, sealed: &SealedConnection) -> Result<SecretString, Failure> {
        let SealedConnection { connection, secret } = sealed;
        Ok(self.processor.sealer.open(&connection.id, connection.secret_purpose(), secret, self.now()).await?)
    }

    /// The client for RemOnline with the key of `connection`, paced by the account's row, if RemOnline may be called.
    pub(crate) async fn remonline(&mut self, sealed: &SealedConnection) -> Result<Arc<remonline::Client>, Failure> {
        self.may_call()?;
        let id = &sealed.connection.id;
        if let Some(client) = self.clients.get(id) {
            return Ok(Arc::clone(client));
        }
        let processor = self.processor;
        let key = self.secret(sealed).await?;
        let (store, account) = (processor.store.clone(), self.lease.account.clone());
        let (clock, interval) = (processor.clock.clone(), processor.min_interval);
        let pacer = remonline::Pacer::new(processor.clock.clone(), move |slots| {
            let (store, account, now) = (store.clone(), account.clone(), clock.now());
            Box::pin(async move {
                let slots = usize::try_from(slots).unwrap_or(usize::MAX);
                store.reserve_slots(&account, slots, interval, now).await.map_err(remonline::ReserveError::new)
            })
        });
        // A call that could not be heard of in time is not begun.
        pacer.not_after(self.deadline - processor.timing.send_margin());
        let client =
            remonline::Client::new(Arc::clone(&processor.transport), processor.remonline_url.clone(), key, pacer);
        let client = Arc::new(client);
        self.clients.insert(id.clone(), Arc::clone(&client));
        Ok(client)
    }
}

/// How long from `earlier` to `later`, in milliseconds.
pub(crate) fn millis(earlier: Timestamp, later: Timestamp) -> i64 {
    i64::try_from(later.duration_since(earlier).max(SignedDuration::ZERO).as_millis()).unwrap_or(i64::MAX)
}

/// The ids that a line about `transaction` carries.
pub(crate) fn span(transaction: &Transaction) -> tracing::Span {
    tracing::error_span!(
        "lead",
        leadgen_id = %transaction.id.leadgen_id,
        bundle_id = %transaction.id.bundle_id,
        account_id = %transaction.account_id,
    )
}
