use pretty_assertions::assert_eq;
use rstest::rstest;

use super::*;

fn product() -> (Template, References) {
    let template = Template::parse(PRODUCT).unwrap();
    let references = template.references();
    (template, references)
}

fn function(name: &str) -> Function {
    let (template, references) = product();
    template.functions(&references).unwrap().into_iter().find(|function| function.name == name).unwrap()
}

#[test]
fn every_function_of_the_sandbox_is_declared() {
    let (template, references) = product();
    let mut names: Vec<_> =
        template.functions(&references).unwrap().into_iter().map(|function| function.name).collect();
    names.sort();
    let mut known = crate::function::NAMES;
    known.sort_unstable();
    assert_eq!(names, known);
}

#[test]
fn a_message_comes_back_after_six_times_the_processors_timeout() {
    let (template, references) = product();
    let queues = template.queues(&references).unwrap();
    let lead_queue = queues.iter().find(|queue| queue.id == "LeadQueue").unwrap();
    let processor = function("processor");
    assert_eq!(lead_queue.properties.visibility_timeout, 6 * processor.timeout);
    assert_eq!(processor.mappings[0].queue, references.arn("LeadQueue"));
    assert_eq!(processor.mappings[0].batch_size, 10);
    let redrive = lead_queue.properties.redrive_policy.as_ref().unwrap();
    assert_eq!(redrive["deadLetterTargetArn"], references.arn("DeadLetterQueue"));
}

#[test]
fn the_environment_names_the_resources() {
    let environment = function("scheduler").environment;
    assert_eq!(environment["TRANSACTIONS_TABLE"], "TransactionsTable");
    assert_eq!(environment["LEAD_QUEUE_URL"], "https://sqs.us-east-1.amazonaws.com/123456789012/LeadQueue");
    assert_eq!(environment["REMONLINE_MIN_INTERVAL_MS"], "360");
    assert_eq!(environment["FACEBOOK_APP_ID"], "");
}

#[rstest]
#[case("", "", "", "")]
#[case("https://id.example", "", "https://id.example", "console")]
#[case("https://id.example", "shop", "https://id.example", "console")]
#[case("", "shop", "https://cognito.example/pool", "UserPoolClient")]
fn the_user_pool_signs_in_where_it_is_asked_for_and_nobody_else_does(
    #[case] issuer: &str,
    #[case] prefix: &str,
    #[case] expected_issuer: &str,
    #[case] expected_client: &str,
) {
    let (template, mut references) = product();
    references.set("OidcIssuer", issuer);
    references.set("OidcClientId", if issuer.is_empty() { "" } else { "console" });
    references.set("CognitoDomainPrefix", prefix);
    references.set("UserPool.ProviderURL", "https://cognito.example/pool");
    let functions = template.functions(&references).unwrap();
    let environment = &functions.iter().find(|function| function.name == "console").unwrap().environment;
    assert_eq!(environment["OIDC_ISSUER"], expected_issuer);
    assert_eq!(environment["OIDC_CLIENT_ID"], expected_client);
}

#[test]
fn the_scheduler_runs_its_jobs_as_often_as_the_interface_says() {
    let schedules = function("scheduler").schedules;
    let rate = |job: &str| {
        let input = format!(r#"{{"job":"{job}"}}"#);
        let schedule = schedules.iter().find(|schedule| schedule.input == input);
        schedule.map(|schedule| schedule.schedule_expression.as_str())
    };
    assert_eq!(rate("wake"), Some("rate(1 minute)"));
    assert_eq!(rate("reconcile"), Some("rate(15 minutes)"));
    assert_eq!(rate("audit"), Some("rate(60 minutes)"));
    assert_eq!(rate("redrive"), Some("rate(60 minutes)"));
}

#[test]
fn strangers_reach_the_webhook_and_the_console() {
    let (template, references) = product();
    let mut routes = template.routes(&references).unwrap();
    routes.sort_by(|a, b| a.key.cmp(&b.key));
    let routes: Vec<_> = routes.iter().map(|route| (route.key.as_str(), route.function.as_str())).collect();
    assert_eq!(
        routes,
        [
            ("ANY /", "ConsoleFunction"),
            ("ANY /{proxy+}", "ConsoleFunction"),
            ("GET /facebook/webhook", "IngestFunction"),
            ("POST /facebook/webhook", "IngestFunction"),
        ]
    );
}

#[test]
fn every_table_has_the_same_key_and_forgets_by_expires_at() {
    let (template, references) = product();
    let tables = template.tables(&references).unwrap();
    assert_eq!(tables.len(), 4);
    for Table { id, properties } in tables {
        assert_eq!(properties["KeySchema"][0]["AttributeName"], "pk", "{id}");
        assert_eq!(properties["KeySchema"][1]["AttributeName"], "sk", "{id}");
        assert_eq!(properties["TimeToLiveSpecification"]["AttributeName"], "expires_at", "{id}");
    }
}

/// Of the indexes each has its own.
#[rstest]
#[case("OnDemand", "PAY_PER_REQUEST", 0, 0)]
#[case("FreeTier", "PROVISIONED", 8, 25)]
fn a_fixed_capacity_is_the_whole_free_tier_and_no_more(
    #[case] capacity: &str,
    #[case] mode: &str,
    #[case] with_capacity: usize,
    #[case] units: u64,
) {
    let (template, mut references) = product();
    references.set("TableCapacity", capacity);
    let tables = template.tables(&references).unwrap();
    assert!(tables.iter().all(|table| table.properties["BillingMode"] == mode));
    let indexes = tables.iter().filter_map(|table| table.properties["GlobalSecondaryIndexes"].as_array()).flatten();
    let all = tables.iter().map(|table| &table.properties).chain(indexes);
    let capacities: Vec<_> = all.filter_map(|it| it.get("ProvisionedThroughput")).collect();
    assert_eq!(capacities.len(), with_capacity);
    for unit in ["ReadCapacityUnits", "WriteCapacityUnits"] {
        assert_eq!(capacities.iter().filter_map(|capacity| capacity[unit].as_u64()).sum::<u64>(), units, "{unit}");
    }
}

#[test]
fn the_key_is_found_by_its_alias() {
    let (template, references) = product();
    let key = Key { id: "SecretsKey".to_owned(), alias: "alias/remonline-leads".to_owned() };
    assert_eq!(template.keys(&references).unwrap(), [key]);
}

#[rstest]
#[case("!Ref Nobody", "nothing is called Nobody")]
#[case("[!Ref AWS::NoValue]", "nothing is called AWS::NoValue")]
#[case("!GetAtt Queue.Color", "nothing is called Queue.Color")]
#[case("!Sub ${Queue", "lacks a brace")]
#[case("!ImportValue Elsewhere", "the sandbox does not know !ImportValue")]
#[case("!If [Nobody, a, b]", "no condition is called Nobody")]
#[case("!If [Odd, a, b]", "the sandbox does not know !Or in a condition")]
#[case("!If Odd", "!If takes a list")]
fn what_the_sandbox_cannot_play_is_an_error(#[case] value: &str, #[case] reason: &str) {
    let text = format!(
        "Conditions:\n  Odd: !Or [a, b]\nResources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      RedrivePolicy: {value}\n"
    );
    let template = Template::parse(&text).unwrap();
    let error = template.queues(&template.references()).unwrap_err();
    assert!(format!("{error:#}").contains(reason), "{error:#}");
}
