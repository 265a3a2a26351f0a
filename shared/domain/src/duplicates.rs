use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use crate::{
    ClientDuplicates, ClientMode, Email, Match, MatchKey, NewClient, OrderDuplicates, OrderMode, Phone, same_phone,
};

/// A client that RemOnline has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExistingClient {
    /// RemOnline's id.
    pub id: i64,
    /// The phone numbers in whatever spelling RemOnline has them.
    pub phones: Vec<String>,
    /// The card as RemOnline answered it, `phones` and `custom_fields` included.
    pub card: Map<String, Json>,
}

/// The clients that were found for a new one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matches {
    /// Those with the same phone number.
    pub by_phone: Vec<ExistingClient>,
    /// Those with the same e-mail address.
    pub by_email: Vec<ExistingClient>,
}

/// What to do about the client.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientDecision {
    /// Make a new one.
    Create,
    /// Change this one where [`client_change`](crate::client_change) says so.
    Update {
        /// The client.
        client: ExistingClient,
        /// Why another one might have been meant.
        doubts: Vec<MatchDoubt>,
    },
    /// Use this one as it is.
    Use {
        /// The client.
        client: ExistingClient,
        /// Why another one might have been meant.
        doubts: Vec<MatchDoubt>,
    },
    /// The bundle only updates, and there is nobody to update: the lead is skipped.
    NoClient,
}

/// Why a match is not beyond doubt. It is told to the user, and nothing is merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchDoubt {
    /// Several clients match by one key; the lowest id was taken.
    Several {
        /// All that match, the chosen one first.
        ids: Vec<i64>,
    },
    /// Another key leads to another client.
    Disagreement {
        /// The client that was taken.
        chosen: i64,
        /// The key that leads elsewhere.
        key: MatchKey,
        /// Where it leads.
        ids: Vec<i64>,
    },
}

/// An order that RemOnline has for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingOrder {
    /// RemOnline's id.
    pub id: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether its status closes it.
    pub closed: bool,
}

/// What to do about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderDecision {
    /// Make a new one.
    Create,
    /// This one counts as the lead's order.
    Found {
        /// RemOnline's id.
        id: i64,
    },
}

impl ExistingClient {
    /// Whether one of the phones is this number, in any spelling. A field may hold several numbers.
    pub fn has_phone(&self, phone: &Phone) -> bool {
        let national = phone.national_digits();
        let is_national = |stored: &str| stored.chars().filter(char::is_ascii_digit).eq(national.chars());
        let numbers = self.phones.iter().flat_map(|stored| stored.split([',', ';']));
        numbers.into_iter().any(|stored| same_phone(stored, phone.e164()) || is_national(stored))
    }

    /// Whether this is the client's e-mail address, in any case.
    pub fn has_email(&self, email: &Email) -> bool {
        let stored = self.card.get("email").and_then(Json::as_str).unwrap_or_default();
        stored.trim().to_lowercase() == email.as_str()
    }
}

impl Matches {
    /// Sorts out what a search answered: RemOnline ignores a filter it does not know, so only what really has the
    /// phone or the e-mail address counts.
    pub fn among(found: &[ExistingClient], new: &NewClient) -> Self {
        let has_phone = |client: &&ExistingClient| new.phone.as_ref().is_some_and(|phone| client.has_phone(phone));
        let has_email = |client: &&ExistingClient| new.email.as_ref().is_some_and(|email| client.has_email(email));
        Self {
            by_phone: found.iter().filter(has_phone).cloned().collect(),
            by_email: found.iter().filter(has_email).cloned().collect(),
        }
    }

    fn of(&self, key: MatchKey) -> &[ExistingClient] {
        match key {
            MatchKey::Phone => &self.by_phone,
            MatchKey::Email => &self.by_email,
        }
    }
}

/// Decides what happens to the client by the bundle's rules. A key that the new client lacks does not count.
pub fn decide_client(rules: &ClientDuplicates, new: &NewClient, matches: &Matches) -> ClientDecision {
    let keys = rules.match_on.iter().copied().filter(|key| new.has(*key)).collect::<Vec<_>>();
    let chosen = match rules.match_keys {
        Match::Any => keys.iter().map(|key| matches.of(*key).to_vec()).find(|clients| !clients.is_empty()),
        Match::All => agreed(&keys, matches),
    };
    let candidates = chosen.unwrap_or_default();
    let first = candidates.iter().min_by_key(|client| client.id).cloned();
    match (rules.mode, first) {
        (ClientMode::CreateAlways, _) | (ClientMode::CreateIfMissing | ClientMode::UpdateOrCreate, None) => {
            ClientDecision::Create
        }
        (ClientMode::UpdateOnly, None) => ClientDecision::NoClient,
        (ClientMode::CreateIfMissing, Some(client)) => {
            ClientDecision::Use { doubts: doubts(&client, &candidates, &keys, matches), client }
        }
        (ClientMode::UpdateOrCreate | ClientMode::UpdateOnly, Some(client)) => {
            ClientDecision::Update { doubts: doubts(&client, &candidates, &keys, matches), client }
        }
    }
}

/// Decides what happens to the order by the bundle's rules; `orders` are those of its client. The newest one that
/// counts wins.
pub fn decide_order(rules: &OrderDuplicates, orders: &[ExistingOrder], now: Timestamp) -> OrderDecision {
    if rules.mode == OrderMode::CreateAlways {
        return OrderDecision::Create;
    }
    let within = rules.within_days.map(|days| SignedDuration::from_hours(24 * i64::from(days)));
    let counts = |order: &&ExistingOrder| {
        let young = within.is_none_or(|within| now.duration_since(order.created_at) <= within);
        young && !(rules.only_open && order.closed)
    };
    let newest = orders.iter().filter(counts).max_by_key(|order| (order.created_at, order.id));
    newest.map_or(OrderDecision::Create, |order| OrderDecision::Found { id: order.id })
}

impl NewClient {
    fn has(&self, key: MatchKey) -> bool {
        match key {
            MatchKey::Phone => self.phone.is_some(),
            MatchKey::Email => self.email.is_some(),
        }
    }
}

/// The clients that every key leads to.
fn agreed(keys: &[MatchKey], matches: &Matches) -> Option<Vec<ExistingClient>> {
    let (first, others) = keys.split_first()?;
    let everywhere = |client: &&ExistingClient| others.iter().all(|key| ids(matches.of(*key)).contains(&client.id));
    Some(matches.of(*first).iter().filter(everywhere).cloned().collect())
}

fn doubts(
    chosen: &ExistingClient,
    candidates: &[ExistingClient],
    keys: &[MatchKey],
    matches: &Matches,
) -> Vec<MatchDoubt> {
    let several = ids(candidates);
    let several = (several.len() > 1).then_some(MatchDoubt::Several { ids: several });
    let elsewhere = keys.iter().filter_map(|key| {
        let ids = ids(matches.of(*key));
        let disagrees = !ids.is_empty() && !ids.contains(&chosen.id);
        disagrees.then_some(MatchDoubt::Disagreement { chosen: chosen.id, key: *key, ids })
    });
    several.into_iter().chain(elsewhere).collect()
}

/// The ids, ascending, each once.
fn ids(clients: &[ExistingClient]) -> Vec<i64> {
    let mut ids = clients.iter().map(|client| client.id).collect::<Vec<_>>();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// For the history: ids only.
impl fmt::Display for MatchDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[i64]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Several { ids } => write!(f, "clients {} match alike; the first was taken", list(ids)),
            Self::Disagreement { chosen, key, ids } => {
                let key = match key {
                    MatchKey::Phone => "phone",
                    MatchKey::Email => "e-mail",
                };
                write!(f, "client {chosen} was taken; by {key} it would be {}", list(ids))
            }
        }
    }
}
