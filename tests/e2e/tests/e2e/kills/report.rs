//! What was killed and what became of the leads.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use sandbox::Moment;

/// What a kill at a random moment is listed as.
const AT_RANDOM: &str = "at a random moment";

/// The sum over any number of shops.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    /// By function and operation: how often before and after it.
    kills: BTreeMap<(String, String), [usize; 2]>,
    /// Leads whose webhook was answered 200.
    pub(super) leads: usize,
    /// Webhooks posted, repetitions included.
    pub(super) posts: usize,
    /// What should be there and is not.
    lost: Vec<String>,
    /// What is there more often than it should be.
    doubled: Vec<String>,
    /// Leads that are not done, or not as the shop has them, and messages nobody could handle.
    pub(super) elsewhere: Vec<String>,
}

impl Report {
    pub(super) fn killed(&mut self, function: &str, operation: &str, moment: Moment) {
        let kills = self.kills.entry((function.to_owned(), operation.to_owned())).or_default();
        kills[usize::from(moment == Moment::After)] += 1;
    }

    pub(super) fn killed_at_random(&mut self, function: &str) {
        self.killed(function, AT_RANDOM, Moment::Before);
    }

    pub(super) fn struck(&self, function: &str, operation: &str, moment: Moment) -> bool {
        let kills = self.kills.get(&(function.to_owned(), operation.to_owned()));
        kills.is_some_and(|kills| kills[usize::from(moment == Moment::After)] > 0)
    }

    pub(super) fn kills(&self) -> usize {
        self.kills.values().flatten().sum()
    }

    pub(super) fn kills_of(&self, function: &str) -> usize {
        let of_function = self.kills.iter().filter(|((killed, _), _)| killed == function);
        of_function.flat_map(|(_, kills)| kills).sum()
    }

    /// Notes `what` when there are more or fewer of it than there should be.
    pub(super) fn compare(&mut self, what: &str, is: usize, should_be: usize) {
        let line = || format!("{what}: {is}, not {should_be}");
        match is.cmp(&should_be) {
            Ordering::Less => self.lost.push(line()),
            Ordering::Greater => self.doubled.push(line()),
            Ordering::Equal => {}
        }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.elsewhere.is_empty()
    }

    pub(super) fn add(&mut self, other: Self) {
        for (place, [before, after]) in other.kills {
            let kills = self.kills.entry(place).or_default();
            *kills = [kills[0] + before, kills[1] + after];
        }
        self.leads += other.leads;
        self.posts += other.posts;
        self.lost.extend(other.lost);
        self.doubled.extend(other.doubled);
        self.elsewhere.extend(other.elsewhere);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((function, operation), [before, after]) in &self.kills {
            let (before, after) = if operation == AT_RANDOM {
                (before.to_string(), String::new())
            } else {
                (format!("{before} before"), format!("{after} after"))
            };
            writeln!(formatter, "{function:<10} {operation:<45} {before:>10} {after:>10}")?;
        }
        let (kills, Self { leads, posts, lost, doubled, elsewhere, .. }) = (self.kills(), self);
        for line in [lost, doubled, elsewhere].into_iter().flatten() {
            writeln!(formatter, "{line}")?;
        }
        let [lost, doubled, elsewhere] = [lost, doubled, elsewhere].map(Vec::len);
        write!(formatter, "{kills} kills, {leads} leads, {posts} posts; ")?;
        write!(formatter, "lost {lost}, doubled {doubled}, elsewhere {elsewhere}")
    }
}
