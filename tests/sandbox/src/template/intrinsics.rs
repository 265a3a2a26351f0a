//! The few intrinsic functions of CloudFormation that the template uses.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;
use serde_norway::value::TaggedValue;

use crate::aws::{ACCOUNT, REGION, STACK};

/// What `!Ref` and `!GetAtt` answer in the sandbox.
#[derive(Debug, Clone)]
pub(crate) struct References(BTreeMap<String, String>);

impl Default for References {
    fn default() -> Self {
        let pseudo_parameters = [
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::Region", REGION),
            ("AWS::StackName", STACK),
            ("AWS::URLSuffix", "amazonaws.com"),
        ];
        Self(pseudo_parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

impl References {
    /// Sets what `!Ref name` answers.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Names a resource after its logical id, in the way of its service.
    pub(super) fn set_resource(&mut self, id: &str, r#type: &str) {
        let reference = match r#type {
            "AWS::SQS::Queue" => format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{id}"),
            _ => id.to_owned(),
        };
        let (service, kind) = match r#type {
            "AWS::SQS::Queue" => ("sqs", ""),
            "AWS::DynamoDB::Table" => ("dynamodb", "table/"),
            "AWS::Serverless::Function" => ("lambda", "function:"),
            "AWS::KMS::Key" => ("kms", "key/"),
            _ => ("cloudformation", "resource/"),
        };
        self.set(id, reference);
        self.set(&format!("{id}.Arn"), format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}{id}"));
    }

    /// What `!Ref name` answers.
    pub(crate) fn get(&self, name: &str) -> anyhow::Result<&str> {
        self.0.get(name).map(String::as_str).with_context(|| format!("nothing is called {name}"))
    }

    /// What `!GetAtt id.Arn` answers; empty when there is no such resource.
    pub(crate) fn arn(&self, id: &str) -> &str {
        self.0.get(&format!("{id}.Arn")).map_or("", String::as_str)
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
    match value {
        serde_norway::Value::Tagged(tagged) => Ok(Value::String(call(tagged, references)?)),
        serde_norway::Value::Sequence(items) => items.iter().map(|item| evaluate(item, references)).collect(),
        serde_norway::Value::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| {
                let key = scalar(key).context("a key is not text")?;
                Ok((key, evaluate(value, references)?))
            })
            .collect(),
        scalar => Ok(serde_json::to_value(scalar)?),
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

/// A number, boolean or text as text.
pub(super) fn scalar(value: &serde_norway::Value) -> Option<String> {
    match value {
        serde_norway::Value::String(text) => Some(text.clone()),
        serde_norway::Value::Number(number) => Some(number.to_string()),
        serde_norway::Value::Bool(bool) => Some(bool.to_string()),
        _ => None,
    }
}
