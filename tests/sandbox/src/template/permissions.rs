//! What each function may do on AWS, word for word: whoever widens a policy sees it here.

use std::collections::BTreeSet;

use pretty_assertions::assert_eq;

use super::*;

/// Function, action, resource as its logical id or name, and `if` where a condition narrows it.
type Allowed = (String, String, String, &'static str);

fn permissions() -> BTreeSet<Allowed> {
    let template = Template::parse(PRODUCT).unwrap();
    let permissions = template.permissions(&template.references()).unwrap().into_iter();
    let allowed = permissions.map(|it| {
        let condition = if it.conditional { "if" } else { "" };
        (it.function, it.action, name_of(&it.resource), condition)
    });
    allowed.collect()
}

/// The end of an ARN, which names the resource within its service and account.
fn name_of(arn: &str) -> String {
    arn.splitn(6, ':').last().unwrap().to_owned()
}

fn functions_that_may(action: &str, resource: &str) -> Vec<(String, &'static str)> {
    let permissions = permissions().into_iter();
    permissions.filter(|it| it.1 == action && it.2 == resource).map(|it| (it.0, it.3)).collect()
}

#[test]
fn nothing_is_allowed_by_wildcard() {
    for (function, action, resource, _) in permissions() {
        assert!(!action.contains('*'), "{function}: {action}");
        // The streams of a log group are named by Lambda.
        let resource = if action.starts_with("logs:") { resource.trim_end_matches(":*") } else { &resource };
        assert!(!resource.contains('*'), "{function}: {resource}");
    }
}

/// A sealed key is opened by those who call RemOnline or Meta with it: the processor, the jobs, and the console, which
/// tries a new key and offers the company's own lists to choose from. `ingest`, the only one that answers strangers, may
/// decrypt nothing but its two parameters.
#[test]
fn who_may_decrypt() {
    let who = |function: &str, condition| (function.to_owned(), condition);
    assert_eq!(
        functions_that_may("kms:Decrypt", "key/SecretsKey"),
        [who("console", ""), who("ingest", "if"), who("processor", ""), who("scheduler", ""),]
    );
}

#[test]
fn ingest_may_fill_two_queues_and_read_two_parameters() {
    let of_ingest: Vec<_> = permissions().into_iter().filter(|it| it.0 == "ingest").collect();
    let may = |action: &str, resource: &str, condition| {
        ("ingest".to_owned(), action.to_owned(), resource.to_owned(), condition)
    };
    assert_eq!(
        of_ingest,
        [
            may("kms:Decrypt", "key/SecretsKey", "if"),
            may("logs:CreateLogStream", "log-group:IngestLogs:*", ""),
            may("logs:PutLogEvents", "log-group:IngestLogs:*", ""),
            may("sqs:SendMessage", "LeadQueue", ""),
            may("sqs:SendMessage", "QuarantineQueue", ""),
            may("ssm:GetParameter", "parameter/remonline-leads/facebook-app-secrets", ""),
            may("ssm:GetParameter", "parameter/remonline-leads/facebook-verify-token", ""),
        ]
    );
}

/// The indexes are named one by one, so none may be forgotten: the console's history asks each of them.
#[test]
fn the_console_may_ask_every_index() {
    let template = Template::parse(PRODUCT).unwrap();
    let tables = template.tables(&template.references()).unwrap();
    let indexes = tables.iter().flat_map(|Table { id, properties }| {
        let indexes = properties["GlobalSecondaryIndexes"].as_array().cloned().unwrap_or_default();
        indexes.into_iter().map(move |index| format!("table/{id}/index/{}", index["IndexName"].as_str().unwrap()))
    });
    for index in indexes {
        let may = functions_that_may("dynamodb:Query", &index);
        assert!(may.contains(&("console".to_owned(), "")), "{index}: {may:?}");
    }
}

/// A function writes to its own log, and only the processor, for its event source, takes messages off the lead queue.
#[test]
fn logs_and_messages_are_those_of_the_function() {
    for (function, action, resource, _) in permissions() {
        match action.as_str() {
            "logs:CreateLogStream" | "logs:PutLogEvents" => {
                assert_eq!(resource.to_lowercase(), format!("log-group:{function}logs:*"));
            }
            "sqs:ReceiveMessage" | "sqs:DeleteMessage" if resource == "LeadQueue" => assert_eq!(function, "processor"),
            _ => {}
        }
    }
}

/// Nobody scans a table or changes one.
#[test]
fn every_action_that_is_allowed_at_all() {
    let actions: BTreeSet<String> = permissions().into_iter().map(|it| it.1).collect();
    assert_eq!(
        Vec::from_iter(actions),
        [
            "dynamodb:BatchGetItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "kms:Decrypt",
            "kms:Encrypt",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "sns:Publish",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ListMessageMoveTasks",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
            "sqs:StartMessageMoveTask",
            "ssm:GetParameter",
        ]
    );
}
