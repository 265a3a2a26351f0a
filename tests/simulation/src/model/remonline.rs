//! RemOnline, as far as writing once depends on it: creates that take effect now, late or never, and a search that may
//! lag behind.

use super::state::{Effect, Id, Ticks};

/// The other side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemOnline<const LEADS: usize> {
    /// The person's clients.
    pub clients: Vec<Record>,
    /// Each lead's orders, which its marker tells from others.
    pub orders: [Vec<Record>; LEADS],
    /// Creates that were sent and have not taken effect yet, in order so that equal states are equal.
    pub requests: Vec<Request>,
}

/// A client or an order. Its id is its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Time until searches show it; 0 when they do.
    pub hidden_for: Ticks,
}

/// A create on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// For which lead.
    pub lead: usize,
    /// What it creates.
    pub effect: Effect,
    /// The invocation that can still hear the answer.
    pub sender: Option<usize>,
    /// Time in which it may still take effect.
    pub left: Ticks,
}

impl<const LEADS: usize> RemOnline<LEADS> {
    /// Nobody knows the person.
    pub fn new() -> Self {
        Self { clients: Vec::new(), orders: std::array::from_fn(|_| Vec::new()), requests: Vec::new() }
    }

    /// The clients, or the lead's orders.
    pub fn records(&self, effect: Effect, lead: usize) -> &[Record] {
        match effect {
            Effect::Client => &self.clients,
            Effect::Order => &self.orders[lead],
        }
    }

    fn records_mut(&mut self, effect: Effect, lead: usize) -> &mut Vec<Record> {
        match effect {
            Effect::Client => &mut self.clients,
            Effect::Order => &mut self.orders[lead],
        }
    }

    /// A search: the lowest id that is shown.
    pub fn find(&self, effect: Effect, lead: usize) -> Option<Id> {
        let shown = self.records(effect, lead).iter().position(|record| record.hidden_for == 0)?;
        Id::try_from(shown).ok()
    }

    /// Whether there is such a client or order, shown or not.
    pub fn has(&self, effect: Effect, lead: usize, id: Id) -> bool {
        usize::from(id) < self.records(effect, lead).len()
    }

    /// A create arrives.
    pub fn receive(&mut self, request: Request) {
        let place = self.requests.partition_point(|other| *other < request);
        self.requests.insert(place, request);
    }

    /// The invocation's create that is on its way.
    pub fn sent_by(&self, worker: usize) -> Option<&Request> {
        self.requests.iter().find(|request| request.sender == Some(worker))
    }

    /// Nobody will hear the answer to what the invocation sent.
    pub fn hang_up(&mut self, worker: usize) {
        for request in self.requests.iter_mut().filter(|request| request.sender == Some(worker)) {
            request.sender = None;
        }
        self.requests.sort_unstable();
    }

    /// The invocation's create is refused and never takes effect.
    pub fn refuse(&mut self, worker: usize) -> Option<Request> {
        let place = self.requests.iter().position(|request| request.sender == Some(worker))?;
        Some(self.requests.remove(place))
    }

    /// A create takes effect. Searches show it within the time that the request had left.
    pub fn take_effect(&mut self, place: usize) -> (Request, Id) {
        let request = self.requests.remove(place);
        let records = self.records_mut(request.effect, request.lead);
        records.push(Record { hidden_for: request.left });
        (request, Id::try_from(records.len() - 1).unwrap_or(Id::MAX))
    }

    /// What took effect and is not shown by searches yet.
    pub fn hidden(&self) -> impl Iterator<Item = (Effect, usize, Id)> + '_ {
        let clients = self.clients.iter().zip(0..).map(|(client, id)| (Effect::Client, 0, client, id));
        let orders = self.orders.iter().enumerate();
        let orders = orders
            .flat_map(|(lead, orders)| orders.iter().zip(0..).map(move |(order, id)| (Effect::Order, lead, order, id)));
        clients
            .chain(orders)
            .filter(|(.., record, _)| record.hidden_for > 0)
            .map(|(effect, lead, _, id)| (effect, lead, id))
    }

    /// Everything that was made or may be.
    pub fn creates(&self) -> usize {
        self.requests.len() + self.clients.len() + self.orders.iter().map(Vec::len).sum::<usize>()
    }

    /// Searches show a record from now on.
    pub fn show(&mut self, effect: Effect, lead: usize, id: Id) {
        self.records_mut(effect, lead)[usize::from(id)].hidden_for = 0;
    }

    /// Time passes: a create that has not taken effect by its end never does. Unless searches are stale for good, they
    /// show by then what did.
    pub fn tick(&mut self, searches_catch_up: bool) {
        for request in &mut self.requests {
            request.left -= 1;
        }
        self.requests.retain(|request| request.left > 0);
        if searches_catch_up {
            for record in self.orders.iter_mut().flatten().chain(&mut self.clients) {
                record.hidden_for = record.hidden_for.saturating_sub(1);
            }
        }
    }
}

impl<const LEADS: usize> Default for RemOnline<LEADS> {
    fn default() -> Self {
        Self::new()
    }
}
