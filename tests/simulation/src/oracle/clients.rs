//! Clients by the signatures of those who made them.

use std::collections::BTreeMap;

use domain::{ClientMode, ClientOutcome, Match, MatchKey, State, Transaction, same_phone};
use serde_json::Value;

use super::shown;
use crate::{rules::signature, wire::Company, world::World};

/// A card as it was when it was made.
struct Card {
    id: i64,
    signature: String,
    phone: Option<String>,
    email: Option<String>,
    /// The address it has now.
    email_now: String,
}

/// Each transaction has made at most one client, the one it names, and none where its bundle's rules know the person.
pub(super) fn breaches(world: &World, company: &Company, transactions: &[Transaction]) -> Vec<String> {
    let cards = cards(company);
    let mut by_signature: BTreeMap<&str, Vec<&Card>> = BTreeMap::new();
    for card in cards.iter().filter(|card| !card.signature.is_empty()) {
        by_signature.entry(&card.signature).or_default().push(card);
    }
    let here = transactions.iter().filter(|transaction| transaction.account_id.as_str() == company.name);
    let mut breaches = Vec::new();
    for transaction in here {
        let signature = signature(transaction.id.leadgen_id.as_str(), transaction.id.bundle_id.as_str());
        let made = by_signature.remove(signature.as_str()).unwrap_or_default();
        if let Some(problem) = wrong_clients(transaction, &made) {
            breaches.push(format!("{problem}: {} clients of {}", made.len(), shown(transaction)));
        }
        for card in made {
            let older = cards.iter().take_while(|older| older.id < card.id);
            let known = older.filter(|older| is_known(world, transaction, card, older));
            breaches.extend(known.map(|older| format!("client {} doubles {}: {}", card.id, older.id, shown(transaction))));
        }
    }
    breaches.extend(by_signature.keys().map(|signature| format!("a client of nobody at {}: {signature}", company.name)));
    breaches
}

fn wrong_clients(transaction: &Transaction, made: &[&Card]) -> Option<&'static str> {
    let created = transaction.client_outcome == Some(ClientOutcome::Created);
    match made {
        [] if created => Some("not made by it"),
        [] if transaction.state == State::Done && transaction.client_id.is_none() => Some("done without a client"),
        [] => None,
        [card] if created && transaction.client_id == Some(card.id) => None,
        [_] if created => Some("names another one"),
        // It is not known to have been made, which is what the transaction says.
        [_] if transaction.client_id.is_none() && transaction.state != State::Done => None,
        [_] => Some("made and not used"),
        _ => Some("doubled"),
    }
}

/// Whether the rules of the transaction's bundle take the owner of an older card for the same person.
fn is_known(world: &World, transaction: &Transaction, card: &Card, older: &Card) -> bool {
    let Some(bundle) = world.bundles.iter().find(|bundle| bundle.id == transaction.id.bundle_id) else { return false };
    let rules = &bundle.document.client.duplicates;
    if rules.mode == ClientMode::CreateAlways {
        return false;
    }
    let keys = rules.match_on.iter().filter(|key| card.has(**key)).collect::<Vec<_>>();
    match rules.match_keys {
        Match::Any => keys.iter().any(|key| card.shares(**key, older)),
        Match::All => !keys.is_empty() && keys.iter().all(|key| card.shares(**key, older) && older.kept(**key)),
    }
}

impl Card {
    fn has(&self, key: MatchKey) -> bool {
        match key {
            MatchKey::Phone => self.phone.is_some(),
            MatchKey::Email => self.email.is_some(),
        }
    }

    /// Whether both had the same when they were made. An address that the company itself wrote and that is not there any
    /// more may have been overwritten before.
    fn shares(&self, key: MatchKey, older: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>, are_same: fn(&str, &str) -> bool| {
            one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| are_same(one, other))
        };
        match key {
            MatchKey::Phone => same(&self.phone, &older.phone, same_phone),
            MatchKey::Email => {
                same(&self.email, &older.email, same_address) && (!older.signature.is_empty() || older.kept(key))
            }
        }
    }

    /// Whether the card still has what it was made with; numbers are never taken from a card.
    fn kept(&self, key: MatchKey) -> bool {
        match key {
            MatchKey::Phone => true,
            MatchKey::Email => self.email.as_ref().is_none_or(|email| same_address(email, &self.email_now)),
        }
    }
}

fn same_address(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Every card, oldest first: those made by us as they were sent, those of the company as they are.
fn cards(company: &Company) -> Vec<Card> {
    let requests = company.remonline.requests();
    let sent = requests.iter().filter(|request| request.method == "POST" && request.path.ends_with("/people"));
    let sent = sent.filter_map(|request| serde_json::from_str::<Value>(&request.body).ok());
    let sent: BTreeMap<String, Value> =
        sent.map(|body| (body["notes"].as_str().unwrap_or_default().to_owned(), body)).collect();
    let people = company.remonline.people();
    let card = |person: &Value| {
        let signature = person["notes"].as_str().unwrap_or_default().to_owned();
        let made = sent.get(&signature).unwrap_or(person);
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Card {
            id: person["id"].as_i64().unwrap_or_default(),
            phone: text(&made["phones"][0]["phone"]),
            email: text(&made["email"]),
            email_now: person["email"].as_str().unwrap_or_default().to_owned(),
            signature,
        }
    };
    people.iter().map(card).collect()
}
