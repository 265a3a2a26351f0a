use dynoxide::Database;
use serde_json::{Value, json};

use super::services::Services;
use super::{ACCOUNT, REGION, dynamodb};
use crate::scaled_seconds;
use crate::template::{Key, Queue, References, Template};

/// What the flags of the sandbox decide about the resources.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// One or two app secrets, separated by a comma.
    pub(crate) app_secrets: String,
    /// Meta's verify token.
    pub(crate) verify_token: String,
    /// Divides the queues' visibility time-outs.
    pub(crate) time_scale: f64,
}

/// Makes what is missing of the template and brings the rest up to date; returns what everything is called.
pub(super) async fn create(
    template: &Template,
    parameters: &Parameters,
    services: &Services,
    database: &Database,
) -> anyhow::Result<References> {
    let mut references = template.references();
    for table in template.tables(&references)? {
        dynamodb::create_table(database, &table)?;
    }
    for queue in template.queues(&references)? {
        put_queue(services, &queue, parameters.time_scale).await?;
    }
    for key in template.keys(&references)? {
        let key_id = find_or_create_key(services, &key).await?;
        references.set(&format!("{}.Arn", key.id), format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}"));
        references.set(&key.id, key_id);
    }
    let secrets = [
        ("FacebookAppSecretsParameter", &parameters.app_secrets),
        ("FacebookVerifyTokenParameter", &parameters.verify_token),
    ];
    for (parameter, value) in secrets {
        let name = references.get(parameter)?;
        let input = json!({"Name": name, "Value": value, "Type": "SecureString", "Overwrite": true});
        services.call("AmazonSSM.PutParameter", &input).await?;
    }
    Ok(references)
}

async fn put_queue(services: &Services, queue: &Queue, time_scale: f64) -> anyhow::Result<()> {
    let existing = services.call("AmazonSQS.ListQueues", &json!({"QueueNamePrefix": queue.id})).await?;
    let url = |url: &Value| url.as_str().filter(|url| url.ends_with(&format!("/{}", queue.id))).map(str::to_owned);
    let existing = existing["QueueUrls"].as_array().into_iter().flatten().find_map(url);
    let attributes = attributes(queue, time_scale);
    match existing {
        Some(url) => {
            let input = json!({"QueueUrl": url, "Attributes": attributes});
            services.call("AmazonSQS.SetQueueAttributes", &input).await?
        }
        None => {
            let input = json!({"QueueName": queue.id, "Attributes": attributes});
            services.call("AmazonSQS.CreateQueue", &input).await?
        }
    };
    Ok(())
}

/// The attributes of the SQS call, which are text. Whole seconds are the least SQS knows.
fn attributes(queue: &Queue, time_scale: f64) -> Value {
    let visibility = scaled_seconds(queue.properties.visibility_timeout, time_scale).as_secs_f64().ceil();
    let mut attributes = json!({"VisibilityTimeout": visibility.to_string()});
    if let Some(period) = queue.properties.message_retention_period {
        attributes["MessageRetentionPeriod"] = period.to_string().into();
    }
    if let Some(policy) = &queue.properties.redrive_policy {
        attributes["RedrivePolicy"] = policy.to_string().into();
    }
    attributes
}

async fn find_or_create_key(services: &Services, key: &Key) -> anyhow::Result<String> {
    let aliases = services.call("TrentService.ListAliases", &json!({})).await?;
    let target = |alias: &Value| {
        (alias["AliasName"] == key.alias.as_str()).then(|| alias["TargetKeyId"].as_str().map(str::to_owned)).flatten()
    };
    if let Some(key_id) = aliases["Aliases"].as_array().into_iter().flatten().find_map(target) {
        return Ok(key_id);
    }
    let created = services.call("TrentService.CreateKey", &json!({})).await?;
    let key_id = created["KeyMetadata"]["KeyId"].as_str().unwrap_or_default().to_owned();
    let alias = json!({"AliasName": key.alias, "TargetKeyId": key_id});
    services.call("TrentService.CreateAlias", &alias).await?;
    Ok(key_id)
}
