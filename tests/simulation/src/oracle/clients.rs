//! Clients by the signatures of those who made them.

use std::collections::BTreeMap;

use domain::{ClientMode, ClientOutcome, Match, MatchKey, State, Transaction, same_phone};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::shown;
use crate::{
    rules::signature,
    weather::STALEST_SEARCH,
    wire::Company,
    world::{World, hasher},
};

/// Keyed hashes of phone and address, as transactions have them.
type Look = (Option<String>, Option<String>);

/// A card as it was when it was made.
struct Card {
    id: i64,
    signature: String,
    phone: Option<String>,
    email: Option<String>,
    /// The addresses it was given later, and the one it has now.
    later_emails: Vec<String>,
    made_at: Option<Timestamp>,
}

/// Cards made by us and transactions that say they made one belong together one to one, and nobody made one whom the
/// bundle's rules know.
///
/// Where every lead makes a client, by the rules or for want of anything to know the person by, those of one person are alike: a lead in doubt may have taken another's for its own. Of
/// them there must be no more than leads.
pub(super) fn breaches(world: &World, company: &Company, transactions: &[Transaction]) -> Vec<String> {
    let cards = cards(company);
    let here: Vec<&Transaction> =
        transactions.iter().filter(|transaction| transaction.account_id.as_str() == company.name).collect();
    let made: Vec<&Card> = cards.iter().filter(|card| !card.signature.is_empty()).collect();
    let mut breaches = Vec::new();
    for card in &made {
        let Some(maker) = here.iter().find(|transaction| signature_of(transaction) == card.signature) else {
            breaches.push(format!("client {} of nobody at {}: {}", card.id, company.name, card.signature));
            continue;
        };
        let alike = |other: &&&Card| other.look() == card.look() && always_new(world, &other.signature, &other.look());
        if always_new(world, &card.signature, &card.look()) {
            let makers = here.iter().filter(|other| is_maker(world, other, card)).count();
            if made.iter().filter(alike).count() > makers {
                breaches.push(format!(
                    "more clients like {} than the {makers} leads that make one: {}",
                    card.id,
                    shown(maker)
                ));
            }
        } else if !owns(maker, card) && !is_undecided(maker) {
            breaches.push(format!("client {} is not used: {}", card.id, shown(maker)));
        }
        let older = cards.iter().take_while(|older| older.id < card.id);
        let known = older.filter(|older| is_known(world, maker, card, older));
        breaches.extend(known.map(|older| format!("client {} doubles {}: {}", card.id, older.id, shown(maker))));
    }
    for transaction in here {
        let own = made.iter().filter(|card| card.signature == signature_of(transaction)).count();
        let owned = made.iter().any(|card| owns(transaction, card));
        let created = transaction.client_outcome == Some(ClientOutcome::Created);
        let always_new = always_new(world, &signature_of(transaction), &look_of(transaction));
        let without = transaction.state == State::Done && transaction.client_id.is_none();
        if without || (created && !owned) || (own > 1 && !always_new) {
            breaches.push(format!("{own} clients of {}", shown(transaction)));
        }
    }
    breaches
}

fn owns(transaction: &Transaction, card: &Card) -> bool {
    transaction.client_outcome == Some(ClientOutcome::Created) && transaction.client_id == Some(card.id)
}

/// Whether its client may have been made without its knowing, which is what it says.
fn is_undecided(transaction: &Transaction) -> bool {
    transaction.client_id.is_none() && transaction.state != State::Done
}

/// Whether this is one of the leads that may each have made a client like this one.
fn is_maker(world: &World, transaction: &Transaction, card: &Card) -> bool {
    let created = transaction.client_outcome == Some(ClientOutcome::Created) || is_undecided(transaction);
    let look = look_of(transaction);
    created && always_new(world, &signature_of(transaction), &look) && look == card.look()
}

/// Whether the bundle of a signature makes a client for every lead that looks so.
fn always_new(world: &World, signature: &str, (phone, email): &Look) -> bool {
    let bundle = signature.rsplit('/').next().unwrap_or_default();
    let bundle = world.bundles.iter().find(|known| known.id.as_str() == bundle);
    bundle.is_some_and(|bundle| {
        let rules = &bundle.document.client.duplicates;
        let is_key = |key: &MatchKey| match key {
            MatchKey::Phone => phone.is_some(),
            MatchKey::Email => email.is_some(),
        };
        rules.mode == ClientMode::CreateAlways || !rules.match_on.iter().any(is_key)
    })
}

fn look_of(transaction: &Transaction) -> Look {
    (transaction.phone_hash.clone(), transaction.email_hash.clone())
}

fn signature_of(transaction: &Transaction) -> String {
    signature(transaction.id.leadgen_id.as_str(), transaction.id.bundle_id.as_str())
}

/// Whether the rules of the transaction's bundle take the owner of an older card for the same person.
fn is_known(world: &World, transaction: &Transaction, card: &Card, older: &Card) -> bool {
    let Some(bundle) = world.bundles.iter().find(|bundle| bundle.id == transaction.id.bundle_id) else { return false };
    let rules = &bundle.document.client.duplicates;
    if rules.mode == ClientMode::CreateAlways || is_hidden(world, card, older) {
        return false;
    }
    let keys = rules.match_on.iter().filter(|key| card.has(**key)).collect::<Vec<_>>();
    match rules.match_keys {
        Match::Any => keys.iter().any(|key| card.shares(**key, older)),
        Match::All => !keys.is_empty() && keys.iter().all(|key| card.shares(**key, older) && older.kept(**key)),
    }
}

/// Whether the older card may not have been seen yet: no key leads to a client that is made for every lead where another
/// client has the key, and a search may lag behind.
fn is_hidden(world: &World, card: &Card, older: &Card) -> bool {
    let lag = older.made_at.zip(card.made_at).map(|(older, newer)| newer.duration_since(older));
    let may_lag = lag.is_some_and(|lag| lag < SignedDuration::from_millis(STALEST_SEARCH.cast_signed()));
    may_lag && always_new(world, &older.signature, &older.look())
}

impl Card {
    fn look(&self) -> Look {
        let hasher = hasher();
        (self.phone.as_ref().map(|phone| hasher.phone(phone)), self.email.as_ref().map(|email| hasher.email(email)))
    }

    fn has(&self, key: MatchKey) -> bool {
        match key {
            MatchKey::Phone => self.phone.is_some(),
            MatchKey::Email => self.email.is_some(),
        }
    }

    /// Whether both had the same when they were made. An address that the company itself wrote and that is not there any
    /// more may have been overwritten before; one of ours leads to its client for ever.
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

    /// Whether the card has had all the time what it was made with; numbers are never taken from a card.
    fn kept(&self, key: MatchKey) -> bool {
        match key {
            MatchKey::Phone => true,
            MatchKey::Email => {
                self.email.as_ref().is_none_or(|email| self.later_emails.iter().all(|it| same_address(email, it)))
            }
        }
    }
}

fn same_address(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Every card, oldest first: those made by us as they were sent, those of the company as they were before the run.
fn cards(company: &Company) -> Vec<Card> {
    let requests = company.remonline.requests();
    let sent = requests.iter().filter(|request| request.method == "POST" && request.path.ends_with("/people"));
    let sent = sent.filter_map(|request| serde_json::from_str::<Value>(&request.body).ok());
    let sent: BTreeMap<String, Value> =
        sent.map(|body| (body["notes"].as_str().unwrap_or_default().to_owned(), body)).collect();
    let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in requests.iter().filter(|request| request.method == "PATCH") {
        let body = serde_json::from_str::<Value>(&request.body).unwrap_or_default();
        let email = body["email"].as_str().map(str::to_owned);
        given.entry(request.path.clone()).or_default().extend(email);
    }
    let (people, known) = (company.remonline.people(), company.known_cards());
    let card = |person: &Value| {
        let signature = person["notes"].as_str().unwrap_or_default().to_owned();
        let before = known.iter().find(|known| known["id"] == person["id"]);
        let made = before.or_else(|| sent.get(&signature)).unwrap_or(person);
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let id = person["id"].as_i64().unwrap_or_default();
        let changes = given.iter().filter(|(path, _)| path.ends_with(&format!("/people/{id}")));
        let later_emails = changes.flat_map(|(_, emails)| emails.clone());
        Card {
            id,
            phone: text(&made["phones"][0]["phone"]),
            email: text(&made["email"]),
            later_emails: later_emails.chain(person["email"].as_str().map(str::to_owned)).collect(),
            made_at: person["created_at"].as_str().and_then(|at| at.parse().ok()),
            signature,
        }
    };
    people.iter().map(card).collect()
}
