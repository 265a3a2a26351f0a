//! Values that are recognised wherever they turn up, and where they must never turn up.

use sandbox::{Queue, Sandbox};
use serde_json::{Value, json};

use crate::door::Door;

/// Stands in every name and every e-mail address of the invented people, and in no mask of one.
pub(crate) const CANARY: &str = "canary";

/// How the phones of the invented people begin, within the country; four digits follow.
const PHONE: &str = "050111";

/// Digits of a phone of theirs.
const PHONE_DIGITS: usize = 10;

/// Keys and tokens of the simulators and the sandbox, how Meta's begin, and the queries that carry them.
const SECRETS: [&str; 11] = [
    "demo-api-key",
    "eaagdemo",
    "eaagpage",
    "eaaguser",
    "eaagsystem",
    "eaagapp",
    "sandbox-app-secret",
    "sandbox-verify-token",
    "access_token=",
    "appsecret_proof=",
    "verify_token=",
];

/// The tables, by the variable that names each.
const TABLES: [&str; 4] = ["CONNECTIONS_TABLE", "BUNDLES_TABLE", "DEDUP_TABLE", "TRANSACTIONS_TABLE"];

/// What the sort keys of the only rows begin with that may hold personal data.
const ANSWERS: &str = "ANSWERS#";

/// Where canaries are, one line each: the log lines of every function, everything that was ever sent to a queue, and
/// every row but the answers.
pub(crate) async fn leaks(sandbox: &Sandbox) -> Vec<String> {
    let mut seen: Vec<_> = sandbox.log_lines().into_iter().map(|line| ("log", line)).collect();
    for (place, queue) in [("lead queue", Queue::Lead), ("quarantine", Queue::Quarantine)] {
        seen.extend(sandbox.sent(queue).into_iter().map(|body| (place, body)));
    }
    for table in TABLES {
        seen.extend(rows(sandbox, table).await.into_iter().map(|row| (table, row)));
    }
    let found = |(place, text): (&str, String)| canary_in(&text).map(|canary| format!("{place}: {canary} in {text}"));
    seen.into_iter().filter_map(found).collect()
}

/// All rows of a table but the answers.
async fn rows(sandbox: &Sandbox, table: &str) -> Vec<String> {
    let environment = sandbox.environment("console").unwrap();
    let database = Door::new(&environment["AWS_ENDPOINT_URL_DYNAMODB"]);
    let mut scan = json!({ "TableName": environment[table], "ConsistentRead": true, "Limit": 200 });
    let mut rows = Vec::new();
    loop {
        let page = database.aws("DynamoDB_20120810.Scan", &scan).await;
        let items = page["Items"].as_array().unwrap().iter();
        let is_open = |row: &&Value| !row["sk"]["S"].as_str().unwrap().starts_with(ANSWERS);
        rows.extend(items.filter(is_open).map(Value::to_string));
        if page["LastEvaluatedKey"].is_null() {
            return rows;
        }
        scan["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
    }
}

/// The first canary of a text.
fn canary_in(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let known = std::iter::once(CANARY).chain(SECRETS).find(|known| lower.contains(known));
    known.map(str::to_owned).or_else(|| phone_in(&lower.replace("%2b", "+")))
}

/// The first phone of a text.
fn phone_in(text: &str) -> Option<String> {
    // In every usual spelling these stay together; most texts do not have them and need not be read slowly.
    let may_hold = text.contains("50") && text.contains("11");
    if may_hold { digit_runs(text).into_iter().find(|digits| is_phone(digits)) } else { None }
}

/// Whether digits hold a phone of invented people, with or without the code of the country.
fn is_phone(digits: &str) -> bool {
    digits.match_indices(PHONE).any(|(at, _)| digits.len() - at >= PHONE_DIGITS)
}

/// The numbers of a text as a person reads them: digits with spaces, brackets and dashes between them. What touches a
/// letter is none: an id or a hash may hold any digits.
fn digit_runs(text: &str) -> Vec<String> {
    let runs = text.split(|it: char| !it.is_alphanumeric() && !" ()-".contains(it));
    let numbers = runs.flat_map(|run| {
        let words = run.split(|it: char| !it.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>();
        let numbers = words.split(|word| word.contains(|it: char| !it.is_ascii_digit()));
        numbers.map(<[&str]>::concat).collect::<Vec<_>>()
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::person::Person;
    use crate::world::World;

    #[rstest]
    #[case("+380501113001")]
    #[case("a query phone=%2B380501113001 was asked")]
    #[case("called 380501113001.")]
    #[case(r#"{"phone":{"S":"0501113001"}}"#)]
    #[case("8 (050) 111-30-01, please")]
    #[case("Olenacanary Kovalcanary3001")]
    #[case("OLENA.CANARY3001@EXAMPLE.COM")]
    #[case("Bearer demo-api-key")]
    #[case("/me?access_token=EAAGdemo110000000000001")]
    fn a_canary_is_seen_in_every_spelling(#[case] text: &str) {
        assert!(canary_in(text).is_some());
    }

    #[rstest]
    #[case("O. K., +380*******01, o***@example.com")]
    #[case("2026-11-25T22:18:13.501113001Z")]
    #[case("fa0501113001bc 0501113001a a0501113001 7f0501113001")]
    #[case("900000000000001 110000000000001 050111 300")]
    fn a_mask_a_time_and_an_id_are_no_canaries(#[case] text: &str) {
        assert_eq!(canary_in(text), None);
    }

    /// The check on the check: a canary in each of the places where none may be.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_canary_in_any_place_is_reported_when_the_world_ends() {
        let world = World::with_bundle().await;
        let environment = world.sandbox.environment("console").unwrap().clone();
        let person = Person::invent();
        // The runtime says what an event could not be read for.
        world.sandbox.invoke("scheduler", &json!({ "job": person.first_name })).await.unwrap_err();
        let aws = Door::new(&environment["AWS_ENDPOINT_URL"]);
        for (queue, body) in [("LEAD_QUEUE_URL", &person.email), ("QUARANTINE_QUEUE_URL", &person.phone)] {
            let message = json!({ "QueueUrl": environment[queue], "MessageBody": body });
            aws.aws("AmazonSQS.SendMessage", &message).await;
        }
        let database = Door::new(&environment["AWS_ENDPOINT_URL_DYNAMODB"]);
        for (table, planted) in TABLES.iter().zip([&person.last_name, &person.email, &person.phone, &person.email]) {
            for (sort, text) in [("ROW", planted), (ANSWERS, &person.phone)] {
                let item = json!({ "pk": { "S": "PLANTED" }, "sk": { "S": sort }, "text": { "S": text } });
                database
                    .aws("DynamoDB_20120810.PutItem", &json!({ "TableName": environment[*table], "Item": item }))
                    .await;
            }
        }
        let places = ["log", "lead queue", "quarantine"].into_iter().chain(TABLES);
        let ended = tokio::spawn(async move { drop(world) }).await.unwrap_err().into_panic();
        let told = ended.downcast_ref::<String>().unwrap();
        for place in places {
            assert!(told.contains(&format!("\n{place}: ")), "nothing of {place}:\n{told}");
        }
        assert!(!told.contains(ANSWERS), "the answers may hold it:\n{told}");
    }
}
