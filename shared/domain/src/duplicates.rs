use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{ClientDuplicates, ClientMode, Email, Match, MatchKey, NewClient, OrderDuplicates, OrderMode, Phone};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Whether one of the phones is this number, in any spelling.
    pub fn has_phone(&self, phone: &Phone) -> bool {
        self.phones.iter().any(|stored| phone.is(stored))
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

    /// Counts a client found by one key for the other key too where its card has it: a search may lag behind, and the card
    /// does not.
    pub fn complete(&mut self, new: &NewClient) {
        let found = self.by_phone.iter().chain(&self.by_email).cloned().collect::<Vec<_>>();
        let Self { by_phone, by_email } = Self::among(&found, new);
        unite(&mut self.by_phone, by_phone);
        unite(&mut self.by_email, by_email);
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

/// Adds the clients that are not among them.
fn unite(clients: &mut Vec<ExistingClient>, more: Vec<ExistingClient>) {
    for client in more {
        if !clients.iter().any(|known| known.id == client.id) {
            clients.push(client);
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

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn existing(id: i64) -> ExistingClient {
        ExistingClient { id, ..ExistingClient::default() }
    }

    fn clients(ids: &[i64]) -> Vec<ExistingClient> {
        ids.iter().copied().map(existing).collect()
    }

    fn new_client(phone: bool, email: bool) -> NewClient {
        NewClient {
            phone: Phone::parse("0501112233", "UA").filter(|_| phone),
            email: Email::parse("olena@example.com").filter(|_| email),
            ..NewClient::default()
        }
    }

    /// What was decided, in a word and the id.
    fn decided(decision: &ClientDecision) -> (&'static str, i64) {
        match decision {
            ClientDecision::Create => ("create", 0),
            ClientDecision::Update { client, .. } => ("update", client.id),
            ClientDecision::Use { client, .. } => ("use", client.id),
            ClientDecision::NoClient => ("none", 0),
        }
    }

    #[rstest]
    #[case(ClientMode::CreateAlways, &[5], ("create", 0))]
    #[case(ClientMode::CreateIfMissing, &[5], ("use", 5))]
    #[case(ClientMode::CreateIfMissing, &[], ("create", 0))]
    #[case(ClientMode::UpdateOrCreate, &[5], ("update", 5))]
    #[case(ClientMode::UpdateOrCreate, &[], ("create", 0))]
    #[case(ClientMode::UpdateOnly, &[5], ("update", 5))]
    #[case(ClientMode::UpdateOnly, &[], ("none", 0))]
    fn modes(#[case] mode: ClientMode, #[case] found: &[i64], #[case] expected: (&str, i64)) {
        let rules = ClientDuplicates { mode, ..ClientDuplicates::default() };
        let matches = Matches { by_phone: clients(found), by_email: Vec::new() };
        assert_eq!(decided(&decide_client(&rules, &new_client(true, true), &matches)), expected);
    }

    #[rstest]
    #[case::phone(Match::Any, (true, true), &[5], &[], ("update", 5))]
    #[case::email(Match::Any, (true, true), &[], &[6], ("update", 6))]
    #[case::phone_wins(Match::Any, (true, true), &[5], &[3], ("update", 5))]
    #[case::lowest_id(Match::Any, (true, true), &[9, 5, 7], &[], ("update", 5))]
    #[case::no_key(Match::Any, (false, false), &[5], &[6], ("create", 0))]
    #[case::only_email_known(Match::Any, (false, true), &[5], &[6], ("update", 6))]
    #[case::both_agree(Match::All, (true, true), &[5, 6], &[6, 7], ("update", 6))]
    #[case::both_disagree(Match::All, (true, true), &[5], &[6], ("create", 0))]
    #[case::one_is_missing(Match::All, (true, true), &[5], &[], ("create", 0))]
    #[case::one_key_lacks(Match::All, (true, false), &[5], &[], ("update", 5))]
    #[case::all_keys_lack(Match::All, (false, false), &[5], &[5], ("create", 0))]
    fn keys(
        #[case] match_keys: Match,
        #[case] (phone, email): (bool, bool),
        #[case] by_phone: &[i64],
        #[case] by_email: &[i64],
        #[case] expected: (&str, i64),
    ) {
        let rules = ClientDuplicates { match_keys, ..ClientDuplicates::default() };
        let matches = Matches { by_phone: clients(by_phone), by_email: clients(by_email) };
        assert_eq!(decided(&decide_client(&rules, &new_client(phone, email), &matches)), expected);
    }

    #[test]
    fn the_first_key_of_the_rules_wins() {
        let match_on = vec![MatchKey::Email, MatchKey::Phone];
        let rules = ClientDuplicates { match_on, ..ClientDuplicates::default() };
        let matches = Matches { by_phone: clients(&[5]), by_email: clients(&[6]) };
        assert_eq!(decided(&decide_client(&rules, &new_client(true, true), &matches)), ("update", 6));
        let rules = ClientDuplicates { match_on: vec![MatchKey::Email], ..ClientDuplicates::default() };
        let matches = Matches { by_phone: clients(&[5]), by_email: Vec::new() };
        assert_eq!(decided(&decide_client(&rules, &new_client(true, true), &matches)), ("create", 0));
    }

    fn several(ids: &[i64]) -> MatchDoubt {
        MatchDoubt::Several { ids: ids.to_vec() }
    }

    fn elsewhere(chosen: i64, other: i64) -> MatchDoubt {
        MatchDoubt::Disagreement { chosen, key: MatchKey::Email, ids: vec![other] }
    }

    #[rstest]
    #[case(&[5], &[5], &[])]
    #[case(&[5], &[], &[])]
    #[case(&[7, 5, 7], &[], &[several(&[5, 7])])]
    #[case(&[5], &[6], &[elsewhere(5, 6)])]
    #[case(&[5, 6], &[6], &[several(&[5, 6]), elsewhere(5, 6)])]
    fn doubts_are_told(#[case] by_phone: &[i64], #[case] by_email: &[i64], #[case] expected: &[MatchDoubt]) {
        let matches = Matches { by_phone: clients(by_phone), by_email: clients(by_email) };
        let decision = decide_client(&ClientDuplicates::default(), &new_client(true, true), &matches);
        let ClientDecision::Update { client, doubts } = decision else { panic!("{decision:?}") };
        assert_eq!(client.id, 5);
        assert_eq!(doubts, expected);
    }

    #[test]
    fn only_what_really_matches_counts() {
        let with_phone = |id, phone: &str| ExistingClient { phones: vec![phone.to_owned()], ..existing(id) };
        let with_email = |id, email: &str| ExistingClient {
            card: json!({ "email": email }).as_object().unwrap().clone(),
            ..existing(id)
        };
        let found = [
            with_phone(1, "050 111 22 33"),
            with_phone(2, "+380501112244"),
            with_phone(3, "0671112233; 0501112233"),
            with_email(4, "Olena@Example.com"),
            with_email(5, "other@example.com"),
        ];
        let matches = Matches::among(&found, &new_client(true, true));
        assert_eq!(ids(&matches.by_phone), [1, 3]);
        assert_eq!(ids(&matches.by_email), [4]);
        assert_eq!(Matches::among(&found, &new_client(false, false)), Matches::default());
    }

    #[test]
    fn a_card_found_by_one_key_counts_for_the_other_that_it_has() {
        let card = json!({ "email": "olena@example.com" }).as_object().unwrap().clone();
        let both = ExistingClient { id: 7, phones: vec!["0501112233".to_owned()], card };
        let other = ExistingClient { phones: vec!["0501112233".to_owned()], ..existing(5) };
        let mut matches = Matches { by_phone: vec![other], by_email: vec![both] };
        matches.complete(&new_client(true, true));
        assert_eq!((ids(&matches.by_phone), ids(&matches.by_email)), (vec![5, 7], vec![7]));
    }

    fn order(id: i64, days_old: i64, closed: bool) -> ExistingOrder {
        ExistingOrder { id, created_at: now() - SignedDuration::from_hours(24 * days_old), closed }
    }

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    #[rstest]
    #[case::none(None, false, vec![], OrderDecision::Create)]
    #[case::newest(None, false, vec![order(1, 9, false), order(2, 3, true), order(3, 6, false)], OrderDecision::Found { id: 2 })]
    #[case::open(None, true, vec![order(1, 9, false), order(2, 3, true), order(3, 6, false)], OrderDecision::Found { id: 3 })]
    #[case::closed(None, true, vec![order(2, 3, true)], OrderDecision::Create)]
    #[case::young(Some(30), false, vec![order(1, 30, false), order(2, 31, false)], OrderDecision::Found { id: 1 })]
    #[case::old(Some(30), false, vec![order(2, 31, false)], OrderDecision::Create)]
    #[case::same_time(None, false, vec![order(8, 1, false), order(9, 1, false)], OrderDecision::Found { id: 9 })]
    fn decides_by_the_orders_there_are(
        #[case] within_days: Option<u16>,
        #[case] only_open: bool,
        #[case] orders: Vec<ExistingOrder>,
        #[case] expected: OrderDecision,
    ) {
        let mode = OrderMode::CreateIfMissing;
        let rules = OrderDuplicates { mode, within_days, only_open, ..OrderDuplicates::default() };
        assert_eq!(decide_order(&rules, &orders, now()), expected);
        let always = OrderDuplicates { mode: OrderMode::CreateAlways, ..rules };
        assert_eq!(decide_order(&always, &orders, now()), OrderDecision::Create);
    }
}
