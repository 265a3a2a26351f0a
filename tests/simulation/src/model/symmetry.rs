//! States that differ only in which lead or which invocation is which are one state.
//!
//! All leads are alike, and so are all invocations: no step asks for their numbers. Whatever is true of a state is true
//! of the one in which they have changed places, so it is enough to look at one of each kind.

use std::cmp::Ordering;

use super::{
    remonline::Request,
    state::{Holder, Person, State, Telling, WORKERS, Worker},
};

impl<const LEADS: usize> State<LEADS> {
    /// The same of all that differ only in that.
    pub(super) fn representative(self) -> Self {
        let swapped = self.with_workers_swapped().with_leads_in_order();
        self.with_leads_in_order().min(swapped)
    }

    fn with_workers_swapped(&self) -> Self {
        let mut swapped = self.clone();
        swapped.workers.reverse();
        if let Holder::Worker(worker) = &mut swapped.lease.holder {
            *worker = WORKERS - 1 - *worker;
        }
        for sender in swapped.remonline.requests.iter_mut().filter_map(|request| request.sender.as_mut()) {
            *sender = WORKERS - 1 - *sender;
        }
        swapped.remonline.requests.sort_unstable();
        swapped
    }

    fn with_leads_in_order(self) -> Self {
        let mut order: [usize; LEADS] = std::array::from_fn(|lead| lead);
        order.sort_by(|one, other| self.compare_leads(*one, *other));
        if order.is_sorted() { self } else { self.with_leads(order) }
    }

    /// Puts the lead `order[n]` in the place `n`.
    fn with_leads(mut self, order: [usize; LEADS]) -> Self {
        let place = |lead: usize| order.iter().position(|other| *other == lead).unwrap_or(lead);
        self.rows = order.map(|lead| self.rows[lead]);
        self.remonline.orders = order.map(|lead| std::mem::take(&mut self.remonline.orders[lead]));
        if let Person::Claimed(lead) = &mut self.person {
            *lead = place(*lead);
        }
        for slot in &mut self.workers {
            if let Worker::OnShift(shift) = slot
                && let Some(telling) = &mut shift.telling
            {
                telling.lead = place(telling.lead);
            }
        }
        for request in &mut self.remonline.requests {
            request.lead = place(request.lead);
        }
        self.remonline.requests.sort_unstable();
        self
    }

    /// Compares all that is about either lead. Two that are equal may change places without a trace.
    fn compare_leads(&self, one: usize, other: usize) -> Ordering {
        let row = self.rows[one].cmp(&self.rows[other]);
        row.then_with(|| self.remonline.orders[one].cmp(&self.remonline.orders[other]))
            .then_with(|| (self.person == Person::Claimed(one)).cmp(&(self.person == Person::Claimed(other))))
            .then_with(|| self.told(one).cmp(&self.told(other)))
            .then_with(|| self.requests_of(one).cmp(self.requests_of(other)))
    }

    /// What each invocation does about a lead.
    fn told(&self, lead: usize) -> [Option<Telling>; WORKERS] {
        let told = |worker| self.telling(worker).filter(|telling| telling.lead == lead);
        std::array::from_fn(|worker| told(worker).map(|telling| Telling { lead: 0, ..*telling }))
    }

    fn requests_of(&self, lead: usize) -> impl Iterator<Item = Request> + '_ {
        let requests = self.remonline.requests.iter().filter(move |request| request.lead == lead);
        requests.map(|request| Request { lead: 0, ..*request })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use pretty_assertions::assert_eq;

    use super::*;
    use crate::model::{Protocol, Reachable};

    /// Looking at one state of each kind misses none that looking at all of them finds, and adds none.
    #[test]
    fn one_of_each_kind_is_all_kinds() {
        let by_kind = Protocol::<2> { lease: 1, max_attempts: 1, ..Protocol::whole() };
        let all = Reachable::of(&Protocol { by_kind: false, ..by_kind.clone() }).states;
        let kinds: HashSet<_> = all.into_iter().map(State::representative).collect();
        let looked_at: HashSet<_> = Reachable::of(&by_kind).states.into_iter().collect();
        assert_eq!(kinds.len(), looked_at.len());
        assert_eq!(kinds, looked_at);
    }
}
