//! Who a lead's person is in RemOnline, by the dedup index and by search.

use domain::{ClientMode, ExistingClient, Match, MatchKey, Matches, NewClient, StepKind};
use remonline::Person;
use store::{PersonEntry, PersonWrite};

use crate::{
    account::Shift,
    failure::Failure,
    story::{Story, Telling},
};

/// How a step says that a recorded client is in RemOnline no more.
pub(crate) const GONE: &str = "gone";

const BOTH: [MatchKey; 2] = [MatchKey::Phone, MatchKey::Email];

/// What the dedup index knows of the person in one place.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// The phone number or the e-mail address; or both together, where only a client with both counts.
    pub keys: Vec<MatchKey>,
    pub hash: String,
    pub entry: Option<PersonEntry>,
    /// The client in RemOnline that the key turned out to lead to, where another one was taken.
    pub elsewhere: Option<i64>,
}

impl Known {
    pub(crate) fn client_id(&self) -> Option<i64> {
        self.entry.as_ref()?.client_id
    }
}

impl Shift<'_> {
    /// What the dedup index knows of the person.
    pub(crate) async fn known(&self, telling: &Telling) -> Result<Vec<Known>, Failure> {
        let client = &telling.plan.client;
        let hasher = &self.processor.hasher;
        let phone = client.phone.as_ref().map(domain::Phone::e164);
        let email = client.email.as_ref().map(domain::Email::as_str);
        let both = phone.zip(email).filter(|_| telling.rules.client.duplicates.wants_both());
        let places = [
            phone.map(|phone| (vec![MatchKey::Phone], hasher.phone(phone))),
            email.map(|email| (vec![MatchKey::Email], hasher.email(email))),
            both.map(|(phone, email)| (BOTH.to_vec(), hasher.both(phone, email))),
        ];
        let (keys, hashes): (Vec<_>, Vec<_>) = places.into_iter().flatten().unzip();
        let entries = self.processor.store.persons(&self.lease.account, &hashes).await?;
        let known = keys.into_iter().zip(hashes).zip(entries);
        Ok(known.map(|((keys, hash), entry)| Known { keys, hash, entry, elsewhere: None }).collect())
    }

    /// The clients that may be this person. Where one matching key is enough, the keys after it only show whether they
    /// lead elsewhere, which costs a search where neither the dedup index nor the client's card knows.
    pub(crate) async fn find_client(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        known: &mut [Known],
    ) -> Result<Matches, Failure> {
        let rules = &telling.rules.client.duplicates;
        let mut matches = Matches::default();
        if rules.mode == ClientMode::CreateAlways {
            return Ok(matches);
        }
        if let Some(client) = self.find_in_index(story, telling, known, &BOTH).await? {
            return Ok(Matches { by_phone: vec![client.clone()], by_email: vec![client] });
        }
        let mut taken: Option<ExistingClient> = None;
        for key in &rules.match_on {
            let found = match &taken {
                Some(taken) => self.find_elsewhere(story, telling, known, *key, taken).await?,
                None => self.find_by_key(story, telling, known, *key).await?,
            };
            if rules.match_keys == Match::Any && taken.is_none() {
                taken = found.iter().min_by_key(|client| client.id).cloned();
            }
            match key {
                MatchKey::Phone => matches.by_phone = found,
                MatchKey::Email => matches.by_email = found,
            }
        }
        if rules.match_keys == Match::All {
            matches.complete(&telling.plan.client);
        }
        Ok(matches)
    }

    /// The clients that a key leads to, when another key has led to `taken`.
    async fn find_elsewhere(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        known: &mut [Known],
        key: MatchKey,
        taken: &ExistingClient,
    ) -> Result<Vec<ExistingClient>, Failure> {
        let Some(place) = known.iter().position(|known| known.keys == [key]) else { return Ok(Vec::new()) };
        if known[place].client_id() == Some(taken.id) {
            return Ok(Vec::new());
        }
        if let Some(other) = self.find_in_index(story, telling, known, &[key]).await? {
            return Ok(vec![other]);
        }
        if has_key(taken, key, &telling.plan.client) {
            return Ok(Vec::new());
        }
        let found = self.search(story, telling, key).await?;
        known[place].elsewhere = found.iter().map(|person| person.id).min();
        Ok(found.iter().map(ExistingClient::from).collect())
    }

    /// The clients that one key leads to. The one in the dedup index is enough, unless the other keys must lead to the
    /// same client: then whoever else has the key counts too.
    async fn find_by_key(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        known: &mut [Known],
        key: MatchKey,
    ) -> Result<Vec<ExistingClient>, Failure> {
        let indexed = self.find_in_index(story, telling, known, &[key]).await?;
        if indexed.is_some() && telling.rules.client.duplicates.match_keys == Match::Any {
            return Ok(Vec::from_iter(indexed));
        }
        let found = self.search(story, telling, key).await?;
        let others = found.iter().filter(|person| indexed.as_ref().is_none_or(|indexed| indexed.id != person.id));
        Ok(indexed.iter().cloned().chain(others.map(ExistingClient::from)).collect())
    }

    /// The client that the dedup index has for a key, or for several together, as RemOnline has it now.
    async fn find_in_index(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        known: &mut [Known],
        keys: &[MatchKey],
    ) -> Result<Option<ExistingClient>, Failure> {
        let indexed = known.iter().find(|known| known.keys == keys).and_then(Known::client_id);
        let Some(id) = indexed else { return Ok(None) };
        let found = telling.remonline.person(id).await;
        story.note(self, telling, StepKind::FindClient, found_word(matches!(found, Ok(Some(_)))), &found);
        let found = found?;
        if found.is_none() {
            self.forget_client(story, known, id).await?;
        }
        Ok(found.as_ref().map(ExistingClient::from))
    }

    /// A client was deleted or merged: no key of the person leads to it any more, and it is searched for like any other.
    /// This is written at once, since nobody may claim a key that leads somewhere.
    async fn forget_client(&mut self, story: &mut Story, known: &mut [Known], id: i64) -> Result<(), Failure> {
        let gone = known.iter_mut().filter(|known| known.client_id() == Some(id));
        let forgotten = gone.map(|known| {
            known.entry = None;
            PersonWrite::Lose { hash: known.hash.clone(), client_id: id }
        });
        story.persons = forgotten.collect();
        self.save(story).await
    }

    /// An order was refused. Its client may have been deleted or merged since it was recorded: then it is forgotten, and
    /// the lead begins again with looking for one. A client that was found in this very telling is there.
    pub(crate) async fn check_client(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        refusal: &remonline::Error,
    ) -> Result<(), Failure> {
        use remonline::Error as E;
        let doubtful = story.client_from_before && matches!(refusal, E::Rejected(_) | E::NotFound(_));
        let Some(id) = story.transaction.client_id.filter(|_| doubtful) else { return Ok(()) };
        let found = telling.remonline.person(id).await;
        let word = if matches!(found, Ok(None)) { GONE } else { "found" };
        story.note(self, telling, StepKind::FindClient, word, &found);
        if found?.is_some() {
            return Ok(());
        }
        let mut known = self.known(telling).await?;
        story.transaction.lose_client(self.now())?;
        self.forget_client(story, &mut known, id).await?;
        Err(Failure::ClientGone)
    }

    pub(crate) async fn search(
        &mut self,
        story: &mut Story,
        telling: &Telling,
        key: MatchKey,
    ) -> Result<Vec<Person>, Failure> {
        let client = &telling.plan.client;
        let found = match (key, &client.phone, &client.email) {
            (MatchKey::Phone, Some(phone), _) => {
                telling.remonline.find_by_phone(phone, telling.account.phone_search).await
            }
            (MatchKey::Email, _, Some(email)) => {
                telling.remonline.find_by_email(email.as_str(), telling.account.email_search).await
            }
            _ => return Ok(Vec::new()),
        };
        let word = found_word(found.as_ref().is_ok_and(|people| !people.is_empty()));
        story.note(self, telling, StepKind::FindClient, word, &found);
        Ok(found?)
    }
}

/// Whether a card has the phone number or the e-mail address of the new client.
fn has_key(card: &ExistingClient, key: MatchKey, new: &NewClient) -> bool {
    match key {
        MatchKey::Phone => new.phone.as_ref().is_some_and(|phone| card.has_phone(phone)),
        MatchKey::Email => new.email.as_ref().is_some_and(|email| card.has_email(email)),
    }
}

pub(crate) fn found_word(found: bool) -> &'static str {
    if found { "found" } else { "not_found" }
}
