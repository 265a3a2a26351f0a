//! Finding people, in an API whose search is not documented.

use domain::{EmailSearch, Phone, PhoneSearch, same_phone};

use crate::answer::Page;
use crate::people::{Person, PersonPhone};
use crate::{Client, Details, Error};

/// How an array is put into a query: the documents say brackets, what works is mostly the plain name.
const PLAIN: &str = "phones";
const BRACKETED: &str = "phones[]";

/// The filter that v1 had.
const EMAILS: &str = "emails";

/// An address that no client has: `invalid` is no domain (RFC 2606).
const NOBODY: &str = "nobody@nowhere.invalid";

/// A search by a whole number finds no more people than this that do not have it; the unfiltered list does.
const PLAUSIBLE: usize = 5;

/// Where RemOnline does not filter, so many pages are read through.
const MOST_PAGES: u32 = 20;

impl Client {
    /// The people with this number, lowest id first. Organizations are not searched.
    ///
    /// RemOnline may know a number only in the spelling it was typed in, so each spelling is asked for, one by one
    /// until one is found ([`PhoneSearch::OneByOne`]) or all in one request. Every row is verified. Where the filter
    /// evidently does nothing it is spelled the other way, and at last all people are read through. One exchange in
    /// the best case, one for each spelling when nobody is found.
    ///
    /// # Errors
    /// [`Error::Unavailable`] also where RemOnline does not filter and has more people than can be read through:
    /// nobody can tell then that the number is new.
    pub async fn find_by_phone(&self, phone: &Phone, search: PhoneSearch) -> Result<Vec<Person>, Error> {
        let spellings = phone.spellings();
        let at_once = match search {
            PhoneSearch::OneByOne => 1,
            PhoneSearch::Together => spellings.len(),
        };
        let mut name = PLAIN;
        for together in spellings.chunks(at_once) {
            let mut found = self.people_with(name, together).await?;
            if is_unfiltered(&found, phone) && name == PLAIN {
                name = BRACKETED;
                found = self.people_with(name, together).await?;
            }
            if is_unfiltered(&found, phone) {
                return self.read_through(found, phone).await;
            }
            let verified = verified(found, phone);
            if !verified.is_empty() {
                return Ok(verified);
            }
        }
        Ok(Vec::new())
    }

    /// The people with this address in any case, lowest id first. Best effort: v2 documents no such filter and
    /// ignores those it does not know, so only a row with this very address counts. One exchange; none where the filter
    /// was seen to be ignored ([`EmailSearch::Ignored`]).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn find_by_email(&self, email: &str, search: EmailSearch) -> Result<Vec<Person>, Error> {
        let email = email.trim();
        if email.is_empty() || search == EmailSearch::Ignored {
            return Ok(Vec::new());
        }
        let mut people = self.people_page(&[(EMAILS, email)], 1).await?.rows;
        people.retain(|person| has_email(person, email));
        Ok(lowest_first(people))
    }

    /// Tries how people can be found: asks for an address that nobody has, which shows everybody where the filter is
    /// ignored, and then for the numbers of two of them. Two or three exchanges.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn probe_search(&self) -> Result<(PhoneSearch, EmailSearch), Error> {
        let answer = match self.people_page(&[(EMAILS, NOBODY)], 1).await {
            // It knows the filter and wants another address.
            Err(Error::Rejected(_)) => Page { rows: Vec::new(), next: None },
            answered => answered?,
        };
        let unfiltered = answer.rows.iter().any(|person| !has_email(person, NOBODY));
        // Where everybody is on the first page, asking finds whoever has the address, filtered or not.
        let ignored = unfiltered && answer.next.is_some();
        let people = if unfiltered { answer.rows } else { self.list_people(1).await?.rows };
        let email_search = if ignored { EmailSearch::Ignored } else { EmailSearch::Asked };
        Ok((self.probe_phone_search(&people).await?, email_search))
    }

    /// Tries whether several numbers in one request find the people of all of them. It takes two people with
    /// different numbers, and a third without either, to tell that from a filter that is ignored: without them,
    /// [`PhoneSearch::OneByOne`], which is right everywhere. One exchange at most.
    async fn probe_phone_search(&self, people: &[Person]) -> Result<PhoneSearch, Error> {
        let Some([one, other]) = telling_pair(people) else { return Ok(PhoneSearch::OneByOne) };
        let answer = self.people_with(PLAIN, &[one.1.to_owned(), other.1.to_owned()]).await?.rows;
        let came_back = |id| answer.iter().any(|person| person.id == id);
        let nobody_else = answer.iter().all(|person| has_number(person, one.1) || has_number(person, other.1));
        let works = came_back(one.0) && came_back(other.0) && nobody_else;
        Ok(if works { PhoneSearch::Together } else { PhoneSearch::OneByOne })
    }

    async fn people_with(&self, name: &str, spellings: &[String]) -> Result<Page<Person>, Error> {
        let filter = spellings.iter().map(|spelling| (name, spelling.as_str())).collect::<Vec<_>>();
        self.people_page(&filter, 1).await
    }

    /// Searches all people, of whom `page` is the first page, until somebody is found.
    async fn read_through(&self, page: Page<Person>, phone: &Phone) -> Result<Vec<Person>, Error> {
        let mut next = page.next;
        while let Some(number) = next {
            if number > MOST_PAGES {
                let message = "RemOnline does not search by phone and has too many clients to read through".to_owned();
                return Err(Error::Unavailable(Details { message, ..Details::default() }));
            }
            let page = self.list_people(number).await?;
            next = page.next;
            let verified = verified(page, phone);
            if !verified.is_empty() {
                return Ok(verified);
            }
        }
        Ok(Vec::new())
    }
}

/// Whether these are people in general rather than people found: many, none of them right, and not all there are.
fn is_unfiltered(found: &Page<Person>, phone: &Phone) -> bool {
    found.next.is_some() && found.rows.len() > PLAUSIBLE && !found.rows.iter().any(|person| person.has_phone(phone))
}

fn verified(found: Page<Person>, phone: &Phone) -> Vec<Person> {
    lowest_first(found.rows.into_iter().filter(|person| person.has_phone(phone)).collect())
}

fn has_email(person: &Person, email: &str) -> bool {
    person.email.trim().to_lowercase() == email.to_lowercase()
}

fn lowest_first(mut people: Vec<Person>) -> Vec<Person> {
    people.sort_by_key(|person| person.id);
    people.dedup_by_key(|person| person.id);
    people
}

/// Two people, each with a number the other does not have, where somebody else has neither.
fn telling_pair(people: &[Person]) -> Option<[(i64, &str); 2]> {
    let mut candidates = people.iter().filter_map(|person| Some((person, verifiable_number(person)?)));
    let (one, first) = candidates.next()?;
    let (other, second) = candidates.find(|(other, second)| !has_number(other, first) && !has_number(one, second))?;
    let bystander = people.iter().any(|person| !has_number(person, first) && !has_number(person, second));
    bystander.then_some([(one.id, first), (other.id, second)])
}

/// A number as stored that is long enough to be told from others, and one number only.
fn verifiable_number(person: &Person) -> Option<&str> {
    let is_one = |number: &&str| {
        (9..=15).contains(&number.chars().filter(char::is_ascii_digit).count()) && !number.contains([',', ';'])
    };
    person.phones.iter().map(PersonPhone::number).find(is_one)
}

fn has_number(person: &Person, number: &str) -> bool {
    person.phones.iter().any(|stored| same_phone(stored.number(), number))
}
