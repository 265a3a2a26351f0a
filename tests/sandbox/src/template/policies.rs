//! What each function may do on AWS.

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{References, Template};

/// One action that a function may do with one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Permission {
    /// Name of the function.
    pub(crate) function: String,
    /// As `sqs:SendMessage`.
    pub(crate) action: String,
    /// ARN of the resource.
    pub(crate) resource: String,
    /// Whether a condition narrows it.
    pub(crate) conditional: bool,
}

impl Template {
    /// What is allowed, statement by statement. Every statement is in a policy of the function's own: a managed policy or
    /// a policy template says less plainly what it allows, and a role of one's own would hide it.
    ///
    /// # Errors
    /// When something is allowed in another way.
    pub(crate) fn permissions(&self, references: &References) -> anyhow::Result<Vec<Permission>> {
        let functions = self.functions(references)?;
        let mut permissions = Vec::new();
        for (id, properties) in self.properties_of("AWS::Serverless::Function", references)? {
            let name = functions.iter().find(|function| function.id == id).map(|function| function.name.clone());
            let function = name.with_context(|| format!("{id} is no function"))?;
            ensure!(properties["Role"].is_null(), "{id} has a role of its own");
            let policies = properties["Policies"].as_array().with_context(|| format!("{id} has no policies"))?;
            let statements = policies.iter().map(|policy| policy["Statement"].as_array());
            let statements = statements.collect::<Option<Vec<_>>>().context("a policy is not spelled out")?;
            for statement in statements.into_iter().flatten() {
                ensure!(statement["Effect"] == "Allow", "{id} has a statement that does not allow");
                let conditional = !statement["Condition"].is_null();
                for action in texts(&statement["Action"])? {
                    for resource in texts(&statement["Resource"])? {
                        let (function, action) = (function.clone(), action.clone());
                        permissions.push(Permission { function, action, resource, conditional });
                    }
                }
            }
        }
        Ok(permissions)
    }
}

/// One text, or several.
fn texts(value: &Value) -> anyhow::Result<Vec<String>> {
    let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    values.iter().map(|value| value.as_str().map(str::to_owned).context("a policy names something else")).collect()
}
