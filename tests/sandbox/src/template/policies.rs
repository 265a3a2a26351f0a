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
    /// What is allowed, statement by statement. Every statement is in the function's own role, spelled out: a managed
    /// policy or a policy template says less plainly what it allows.
    ///
    /// # Errors
    /// When something is allowed in another way.
    pub(crate) fn permissions(&self, references: &References) -> anyhow::Result<Vec<Permission>> {
        let roles = self.properties_of("AWS::IAM::Role", references)?;
        let functions = self.functions(references)?;
        let mut permissions = Vec::new();
        for (id, properties) in self.properties_of("AWS::Serverless::Function", references)? {
            ensure!(properties["Policies"].is_null(), "{id} has policies outside its role");
            let role = roles.iter().find(|(role, _)| properties["Role"] == references.arn(role));
            let (_, role) = role.with_context(|| format!("{id} has no role of this template"))?;
            let function = functions.iter().find(|function| function.id == id);
            let function = function.map(|function| function.name.as_str()).unwrap_or_default();
            permissions.extend(of_role(function, role).with_context(|| id)?);
        }
        Ok(permissions)
    }
}

fn of_role(function: &str, role: &Value) -> anyhow::Result<Vec<Permission>> {
    ensure!(role["ManagedPolicyArns"].is_null(), "a managed policy");
    let policies = role["Policies"].as_array().context("no policies")?;
    let statements = policies.iter().map(|policy| policy["PolicyDocument"]["Statement"].as_array());
    let statements = statements.collect::<Option<Vec<_>>>().context("a policy without statements")?;
    let mut permissions = Vec::new();
    for statement in statements.into_iter().flatten() {
        ensure!(statement["Effect"] == "Allow", "a statement that does not allow");
        let conditional = !statement["Condition"].is_null();
        for action in texts(&statement["Action"])? {
            for resource in texts(&statement["Resource"])? {
                let (function, action) = (function.to_owned(), action.clone());
                permissions.push(Permission { function, action, resource, conditional });
            }
        }
    }
    Ok(permissions)
}

/// One text, or several.
fn texts(value: &Value) -> anyhow::Result<Vec<String>> {
    let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    values.iter().map(|value| value.as_str().map(str::to_owned).context("a policy names something else")).collect()
}
