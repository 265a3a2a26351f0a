//! The few intrinsic functions of CloudFormation that the template uses.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;
use serde_norway::value::TaggedValue;

use crate::aws::{ACCOUNT, REGION, STACK};

/// What `!Ref` and `!GetAtt` answer in the sandbox, and the conditions that `!If` may name.
#[derive(Debug, Clone)]
pub(crate) struct References {
    values: BTreeMap<String, String>,
    conditions: BTreeMap<String, serde_norway::Value>,
}

impl Default for References {
    fn default() -> Self {
        let pseudo_parameters = [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::StackName", STACK),
            ("AWS::URLSuffix", "amazonaws.com"),
        ];
        let values = pseudo_parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { values, conditions: BTreeMap::new() }
    }
}

impl References {
    /// Sets what `!Ref name` answers.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Sets the conditions of the template.
    pub(super) fn set_conditions(&mut self, conditions: &BTreeMap<String, serde_norway::Value>) {
        self.conditions.clone_from(conditions);
    }

    /// Names a resource after its logical id, in the way of its service.
    pub(super) fn set_resource(&mut self, id: &str, r#type: &str) {
        let reference = match r#type {
            "AWS::SQS::Queue" => format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{id}"),
            "AWS::SNS::Topic" => format!("arn:aws:sns:{REGION}:{ACCOUNT}:{id}"),
            _ => id.to_owned(),
        };
        let (service, kind) = match r#type {
            "AWS::SQS::Queue" => ("sqs", ""),
            "AWS::DynamoDB::Table" => ("dynamodb", "table/"),
            "AWS::Serverless::Function" => ("lambda", "function:"),
            "AWS::KMS::Key" => ("kms", "key/"),
            "AWS::IAM::Role" => ("iam", "role/"),
            "AWS::Logs::LogGroup" => ("logs", "log-group:"),
            _ => ("cloudformation", "resource/"),
        };
        // The ARN of a log group names its streams too.
        let end = if service == "logs" { ":*" } else { "" };
        self.set(id, reference);
        self.set(&format!("{id}.Arn"), format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}{id}{end}"));
    }

    /// What `!Ref name` answers.
    pub(crate) fn get(&self, name: &str) -> anyhow::Result<&str> {
        self.values.get(name).map(String::as_str).with_context(|| format!("nothing is called {name}"))
    }

    /// What `!GetAtt id.Arn` answers; empty when there is no such resource.
    pub(crate) fn arn(&self, id: &str) -> &str {
        self.values.get(&format!("{id}.Arn")).map_or("", String::as_str)
    }

    /// `!Sub`: replaces each `${name}`.
    fn substitute(&self, text: &str) -> anyhow::Result<String> {
        let mut parts = text.split("${");
        let mut result = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').with_context(|| format!("!Sub {text:?} lacks a brace"))?;
            result.push_str(self.get(name)?);
            result.push_str(rest);
        }
        Ok(result)
    }
}

/// A value of the template with every intrinsic function replaced by its answer.
pub(super) fn evaluate(value: &serde_norway::Value, references: &References) -> anyhow::Result<Value> {
    match chosen(value, references)? {
        serde_norway::Value::Tagged(tagged) => Ok(Value::String(call(tagged, references)?)),
        serde_norway::Value::Sequence(items) => items.iter().map(|item| evaluate(item, references)).collect(),
        serde_norway::Value::Mapping(entries) => {
            entries.iter().filter_map(|(key, value)| property(key, value, references).transpose()).collect()
        }
        scalar => Ok(serde_json::to_value(scalar)?),
    }
}

/// A property and its value, unless that is `!Ref AWS::NoValue`.
fn property(
    key: &serde_norway::Value,
    value: &serde_norway::Value,
    references: &References,
) -> anyhow::Result<Option<(String, Value)>> {
    let value = chosen(value, references)?;
    if is_no_value(value) {
        return Ok(None);
    }
    let key = scalar(key).context("a key is not text")?;
    Ok(Some((key, evaluate(value, references)?)))
}

fn is_no_value(value: &serde_norway::Value) -> bool {
    let serde_norway::Value::Tagged(tagged) = value else { return false };
    tagged.tag == "!Ref" && tagged.value.as_str() == Some("AWS::NoValue")
}

/// The value that stands there once every `!If` has come to one.
fn chosen<'a>(value: &'a serde_norway::Value, references: &References) -> anyhow::Result<&'a serde_norway::Value> {
    match value {
        serde_norway::Value::Tagged(tagged) if tagged.tag == "!If" => chosen(branch(tagged, references)?, references),
        value => Ok(value),
    }
}

fn call(tagged: &TaggedValue, references: &References) -> anyhow::Result<String> {
    let Some(argument) = tagged.value.as_str() else {
        bail!("the sandbox knows {} with text only", tagged.tag);
    };
    match tagged.tag.to_string().as_str() {
        "!Ref" | "!GetAtt" => Ok(references.get(argument)?.to_owned()),
        "!Sub" => references.substitute(argument),
        other => bail!("the sandbox does not know {other}"),
    }
}

/// What `!If` comes to. The other branch may name what is not there.
fn branch<'a>(tagged: &'a TaggedValue, references: &References) -> anyhow::Result<&'a serde_norway::Value> {
    let [name, then, otherwise] = arguments(tagged)? else { bail!("!If takes a condition and two values") };
    let name = name.as_str().context("!If takes the name of a condition")?;
    let condition = references.conditions.get(name).with_context(|| format!("no condition is called {name}"))?;
    Ok(if holds(condition, references)? { then } else { otherwise })
}

fn holds(condition: &serde_norway::Value, references: &References) -> anyhow::Result<bool> {
    let serde_norway::Value::Tagged(tagged) = condition else { bail!("a condition is a function") };
    match (tagged.tag.to_string().as_str(), arguments(tagged)?) {
        ("!And", conditions) => {
            conditions.iter().try_fold(true, |all, condition| Ok(holds(condition, references)? && all))
        }
        ("!Not", [condition]) => Ok(!holds(condition, references)?),
        ("!Equals", [one, other]) => Ok(evaluate(one, references)? == evaluate(other, references)?),
        (other, _) => bail!("the sandbox does not know {other} in a condition"),
    }
}

fn arguments(tagged: &TaggedValue) -> anyhow::Result<&[serde_norway::Value]> {
    let arguments = tagged.value.as_sequence().with_context(|| format!("{} takes a list", tagged.tag))?;
    Ok(arguments)
}

/// A number, boolean or text as text.
pub(super) fn scalar(value: &serde_norway::Value) -> Option<String> {
    match value {
        serde_norway::Value::String(text) => Some(text.clone()),
        serde_norway::Value::Number(number) => Some(number.to_string()),
        serde_norway::Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}
