use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Phone;
use pretty_assertions::assert_eq;
use remonline::{EmailSearch, Error, Person, PhoneSearch};
use rstest::rstest;
use serde_json::{Value, json};

use crate::server::{Asked, RemOnline, answer, time};

const E164: &str = "+380501112233";

/// How a RemOnline searches by phone.
#[derive(Debug, Clone, Copy)]
enum Filter {
    /// `phones=a&phones=b`, the exact text.
    Plain,
    /// `phones[]=a`, the exact text.
    Bracketed,
    /// `phones=a&phones=b`, of which the last one counts.
    LastOnly,
    /// `phones=a`, digits anywhere in the number.
    Substring,
    /// Not at all.
    Ignored,
}

impl Filter {
    fn leaves(self, asked: &Asked, person: &Value) -> bool {
        let stored = person["phones"][0]["phone"].as_str().unwrap_or_default();
        let plain = asked.values("phones");
        match self {
            Self::Plain => plain.is_empty() || plain.contains(&stored),
            Self::Bracketed => asked.values("phones[]").is_empty() || asked.values("phones[]").contains(&stored),
            Self::LastOnly => plain.last().is_none_or(|last| *last == stored),
            Self::Substring => plain.is_empty() || plain.iter().any(|wanted| digits(stored).contains(&digits(wanted))),
            Self::Ignored => true,
        }
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn person(id: i64, phone: &str) -> Value {
    json!({ "id": id, "first_name": "Olena", "phones": [{ "title": "", "phone": phone }] })
}

/// `count` people with ids from 1, none of whom has the number that is looked for.
fn others(count: usize) -> Vec<Value> {
    (1..).map(|id| person(id, &format!("+3806711{id:05}"))).take(count).collect()
}

async fn remonline(filter: Filter, people: Vec<Value>) -> RemOnline {
    RemOnline::answering(move |asked: &Asked| -> Response {
        let left = people.iter().filter(|person| filter.leaves(asked, person)).cloned().collect::<Vec<_>>();
        asked.page_of(&left)
    })
    .await
}

fn wanted() -> Phone {
    Phone::parse(E164, "UA").unwrap()
}

fn ids(people: &[Person]) -> Vec<i64> {
    people.iter().map(|person| person.id).collect()
}

async fn find(remonline: &RemOnline, search: PhoneSearch) -> Vec<i64> {
    ids(&remonline.client.find_by_phone(&wanted(), search).await.unwrap())
}

#[rstest]
#[case(E164, 1)]
#[case("380501112233", 2)]
#[case("0501112233", 3)]
#[tokio::test]
async fn asks_spelling_by_spelling_until_one_is_found(#[case] stored: &str, #[case] requests: usize) {
    let people = [others(60), vec![person(900, stored)]].concat();
    let remonline = remonline(Filter::Plain, people).await;
    assert_eq!(find(&remonline, PhoneSearch::OneByOne).await, [900]);
    let all = [
        "GET /v2/contacts/people?phones=+380501112233",
        "GET /v2/contacts/people?phones=380501112233",
        "GET /v2/contacts/people?phones=0501112233",
    ];
    assert_eq!(remonline.lines(), all[..requests]);
}

#[tokio::test]
async fn asks_for_all_spellings_at_once() {
    let people = [others(60), vec![person(901, "0501112233"), person(900, "380501112233")]].concat();
    let remonline = remonline(Filter::Plain, people).await;
    assert_eq!(find(&remonline, PhoneSearch::Together).await, [900, 901]);
    let line = "GET /v2/contacts/people?phones=+380501112233&phones=380501112233&phones=0501112233";
    assert_eq!(remonline.lines(), [line]);
}

#[tokio::test]
async fn a_row_without_the_number_is_not_a_hit() {
    let remonline =
        remonline(Filter::Substring, vec![person(1, "+1380501112233"), person(2, "050 111 22 33 44")]).await;
    assert_eq!(find(&remonline, PhoneSearch::OneByOne).await, [0_i64; 0]);
}

#[tokio::test]
async fn the_lowest_id_comes_first_and_once() {
    let rows = vec![person(9, E164), person(3, "(050) 111-22-33"), person(9, E164)];
    let remonline = remonline(Filter::Ignored, rows).await;
    assert_eq!(find(&remonline, PhoneSearch::OneByOne).await, [3, 9]);
}

#[rstest]
#[case(PhoneSearch::OneByOne)]
#[case(PhoneSearch::Together)]
#[tokio::test]
async fn an_ignored_filter_is_spelled_with_brackets(#[case] search: PhoneSearch) {
    let people = [others(60), vec![person(900, E164)]].concat();
    let remonline = remonline(Filter::Bracketed, people).await;
    assert_eq!(find(&remonline, search).await, [900]);
    assert_eq!(remonline.asked().len(), 2);
    assert!(remonline.lines()[1].contains("?phones[]=+380501112233"), "{:?}", remonline.lines());
}

#[tokio::test]
async fn brackets_are_kept_for_the_other_spellings() {
    let people = [others(60), vec![person(900, "0501112233")]].concat();
    let remonline = remonline(Filter::Bracketed, people).await;
    assert_eq!(find(&remonline, PhoneSearch::OneByOne).await, [900]);
    assert_eq!(remonline.asked().len(), 4);
}

#[rstest]
#[case::first_page(40, 1)]
#[case::third_page(120, 4)]
#[tokio::test]
async fn where_nothing_filters_everybody_is_read(#[case] before: usize, #[case] requests: usize) {
    let people = [others(before), vec![person(900, E164)]].concat();
    let remonline = remonline(Filter::Ignored, people).await;
    assert_eq!(find(&remonline, PhoneSearch::OneByOne).await, [900]);
    assert_eq!(remonline.asked().len(), requests);
}

#[tokio::test]
async fn where_nothing_filters_a_new_number_is_new_only_after_the_last_page() {
    let few = remonline(Filter::Ignored, others(120)).await;
    assert_eq!(find(&few, PhoneSearch::Together).await, [0_i64; 0]);
    assert_eq!(few.asked().last().unwrap().page(), 3);
    let many = remonline(Filter::Ignored, others(1_001)).await;
    let error = many.client.find_by_phone(&wanted(), PhoneSearch::Together).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn people_come_in_both_list_shapes() {
    let bare = RemOnline::answering(|_| answer(&json!([person(7, E164)]))).await;
    assert_eq!(find(&bare, PhoneSearch::OneByOne).await, [7]);
    let enveloped = RemOnline::answering(|_| answer(&json!({ "data": [person(7, E164)], "success": true }))).await;
    assert_eq!(find(&enveloped, PhoneSearch::OneByOne).await, [7]);
}

#[tokio::test]
async fn an_address_is_found_in_any_case_and_only_itself() {
    let card = |id: i64, email: &str| json!({ "id": id, "email": email });
    let rows =
        vec![card(1, "other@example.com"), card(9, "Olena@Example.com"), card(4, "olena@example.com"), card(5, "")];
    let remonline = remonline(Filter::Ignored, rows).await;
    let client = &remonline.client;
    assert_eq!(ids(&client.find_by_email(" olena@EXAMPLE.com ", EmailSearch::Asked).await.unwrap()), [4, 9]);
    assert_eq!(ids(&client.find_by_email("nobody@example.com", EmailSearch::Asked).await.unwrap()), [0_i64; 0]);
    assert_eq!(ids(&client.find_by_email("", EmailSearch::Asked).await.unwrap()), [0_i64; 0]);
    assert_eq!(ids(&client.find_by_email("olena@example.com", EmailSearch::Ignored).await.unwrap()), [0_i64; 0]);
    assert_eq!(remonline.asked().len(), 2, "neither an empty address is asked for nor where that shows nothing");
}

#[rstest]
#[case::works(Filter::Plain, 3, PhoneSearch::Together)]
#[case::by_substring(Filter::Substring, 3, PhoneSearch::Together)]
#[case::last_value_counts(Filter::LastOnly, 3, PhoneSearch::OneByOne)]
#[case::ignored(Filter::Ignored, 3, PhoneSearch::OneByOne)]
#[case::brackets_only(Filter::Bracketed, 3, PhoneSearch::OneByOne)]
#[case::nobody_to_tell(Filter::Ignored, 2, PhoneSearch::OneByOne)]
#[case::nobody_to_compare(Filter::Plain, 1, PhoneSearch::OneByOne)]
#[case::nobody(Filter::Plain, 0, PhoneSearch::OneByOne)]
#[tokio::test]
async fn tries_how_to_search(#[case] filter: Filter, #[case] people: usize, #[case] expected: PhoneSearch) {
    let remonline = remonline(filter, others(people)).await;
    let (by_phone, _) = remonline.client.probe_search().await.unwrap();
    assert_eq!(by_phone, expected);
}

#[rstest]
#[case::ignored(|_: &Asked, _: &Value| true, 60, EmailSearch::Ignored, 2)]
#[case::ignored_and_all_on_one_page(|_: &Asked, _: &Value| true, 50, EmailSearch::Asked, 2)]
#[case::works(|asked: &Asked, card: &Value| asked.values("emails").contains(&card["email"].as_str().unwrap_or("")),
    3, EmailSearch::Asked, 3)]
#[case::nobody_to_tell(|_: &Asked, _: &Value| true, 0, EmailSearch::Asked, 2)]
#[tokio::test]
async fn tries_whether_addresses_are_searched(
    #[case] leaves: fn(&Asked, &Value) -> bool,
    #[case] people: usize,
    #[case] expected: EmailSearch,
    #[case] requests: usize,
) {
    let people = others(people);
    let remonline = RemOnline::answering(move |asked: &Asked| {
        let is_asked = !asked.values("emails").is_empty();
        let left = people.iter().filter(|card| !is_asked || leaves(asked, card)).cloned().collect::<Vec<_>>();
        asked.page_of(&left)
    })
    .await;
    assert_eq!(remonline.client.probe_search().await.unwrap().1, expected);
    assert_eq!(remonline.asked().len(), requests);
}

#[tokio::test]
async fn an_address_that_is_refused_says_nothing_of_the_filter() {
    let remonline = RemOnline::answering(|asked: &Asked| match asked.values("emails").is_empty() {
        true => asked.page_of(&[]),
        false => (StatusCode::BAD_REQUEST, "{}").into_response(),
    })
    .await;
    assert_eq!(remonline.client.probe_search().await.unwrap(), (PhoneSearch::OneByOne, EmailSearch::Asked));
}

#[tokio::test]
async fn does_not_compare_two_cards_of_one_number() {
    let same = vec![person(1, E164), person(2, "0501112233"), person(3, E164)];
    let remonline = remonline(Filter::Plain, same).await;
    assert_eq!(remonline.client.probe_search().await.unwrap().0, PhoneSearch::OneByOne);
    assert_eq!(remonline.asked().len(), 1);
}

#[tokio::test]
async fn lists_people_page_by_page_and_by_age() {
    let card = |id: i64| json!({ "id": id, "created_at": format!("2026-11-{id:02}T09:00:00Z") });
    let rows = (1..=30).rev().map(card).collect::<Vec<_>>();
    let remonline = remonline(Filter::Ignored, rows).await;
    let page = remonline.client.list_people(1).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (30, None));
    let young = remonline.client.people_created_since(time("2026-11-28T09:00:00.5Z"), 1).await.unwrap();
    assert_eq!(ids(&young.rows), [30, 29]);
    assert_eq!(remonline.asked()[1].values("created_at"), ["2026-11-28T09:00:00Z"]);
}
