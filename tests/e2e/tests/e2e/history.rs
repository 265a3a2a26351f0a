//! Looking leads up.

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::bundle::bundle;
use crate::person::Person;
use crate::world::{FORM, World};

/// Ids of the leads of these transactions.
fn leads(transactions: &[Value]) -> Vec<&str> {
    transactions.iter().map(|transaction| transaction["leadgen_id"].as_str().unwrap()).collect()
}

/// `repair` does them, `lviv` leaves them out.
async fn with_two_bundles() -> (World, String) {
    let world = World::with_bundle().await;
    let form = world.add_form("Lviv");
    let mut lviv = bundle("lviv", &form);
    lviv["filter"] = "answers.city == 'Львів'".into();
    world.add_bundle(&lviv).await;
    (world, form)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_found_by_what_is_known_of_them() {
    let (world, form) = with_two_bundles().await;
    let (one, other) = (Person::invent(), Person::invent());
    let first = world.submit(FORM, one.lead()).await;
    let first_at = world.done("repair", &first).await["received_at"].as_str().unwrap().to_owned();
    let second = world.submit(&form, other.lead()).await;
    let second_at = world.settled("lviv", &second, "skipped", "filtered").await["received_at"].clone();
    let second_at = second_at.as_str().unwrap();
    let (of_first, of_second) = (&[first.as_str()][..], &[second.as_str()][..]);
    let digits = one.national();
    let spelled = format!("({}) {}-{}-{}", &digits[..3], &digits[3..6], &digits[6..8], &digits[8..]);
    let national = spelled.replace(' ', "%20");
    let international = one.phone.replace('+', "%2B");
    let capitals = other.email.to_uppercase();
    let searches: [(String, &[&str]); 17] = [
        ("bundle=repair".to_owned(), of_first),
        ("bundle=lviv".to_owned(), of_second),
        ("bundle=none".to_owned(), &[]),
        ("state=done".to_owned(), of_first),
        ("state=skipped&reason=filtered".to_owned(), of_second),
        ("state=done&reason=filtered".to_owned(), &[]),
        (format!("leadgen_id={second}"), of_second),
        ("connection=shop".to_owned(), &[&second, &first]),
        ("connection=page".to_owned(), &[&second, &first]),
        (format!("phone={international}"), of_first),
        (format!("phone={national}"), of_first),
        (format!("phone={digits}&bundle=lviv"), &[]),
        (format!("email={capitals}"), of_second),
        (format!("from={first_at}"), &[&second, &first]),
        (format!("from={second_at}"), of_second),
        (format!("to={second_at}"), of_first),
        (format!("to={first_at}"), &[]),
    ];
    for (query, expected) in searches {
        assert_eq!(leads(&world.transactions(&format!("&{query}")).await), expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_one_another_newest_first() {
    let world = World::with_bundle().await;
    let mut submitted = Vec::new();
    for _ in 0..5 {
        let lead = world.submit(FORM, Person::invent().lead()).await;
        world.done("repair", &lead).await;
        submitted.insert(0, lead);
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = world.door.get(&format!("/api/transactions?limit=2{cursor}")).await.expect(200);
        seen.extend(leads(page["items"].as_array().unwrap()).into_iter().map(str::to_owned));
        pages += 1;
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!((seen, pages), (submitted, 3));
    for bad in ["limit=0", "limit=201", "cursor=nonsense", "state=finished", "colour=red", "from=yesterday"] {
        let refused = world.door.get(&format!("/api/transactions?{bad}")).await;
        assert_eq!((refused.status, refused.header("content-type")), (400, "application/problem+json"), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_works_after_the_answers_are_gone() {
    let world = World::empty(|options| {
        options.function_environment.insert("LEAD_DATA_RETENTION_DAYS".to_owned(), "0".to_owned());
    })
    .await;
    world.connect().await;
    world.add_bundle(&bundle("repair", FORM)).await;
    let person = Person::invent();
    let lead = world.submit(FORM, person.lead()).await;
    world.done("repair", &lead).await;
    let revealed = world.door.get(&format!("/api/transactions/repair/{lead}?reveal=true")).await.expect(200);
    let text = revealed.to_string();
    assert!(!text.contains(&person.last_name) && !text.contains(&person.email), "{revealed:#}");
    let found = world.transactions(&format!("&email={}", person.email)).await;
    assert_eq!(leads(&found), [lead]);
    assert_eq!(
        found[0]["contact"],
        json!({
            "name": "O. K.", "phone": format!("+380*******{}", &person.phone[11..]), "email": "o***@example.com",
        })
    );
}
