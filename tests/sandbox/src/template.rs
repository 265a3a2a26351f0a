//! `infra/template.yaml` as the sandbox understands it: only what it plays, and an error for what it does not know.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use self::intrinsics::References;
use self::intrinsics::evaluate;
pub(crate) use self::policies::Permission;

mod intrinsics;
#[cfg(test)]
mod permissions;
mod policies;
#[cfg(test)]
mod tests;

/// The template of the product, as it is deployed.
pub(crate) const PRODUCT: &str = include_str!("../../../infra/template.yaml");

/// A parsed template. Values that refer to resources are evaluated when they are asked for.
#[derive(Debug)]
pub(crate) struct Template(Document);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    conditions: BTreeMap<String, serde_norway::Value>,
    #[serde(default)]
    globals: Globals,
    resources: BTreeMap<String, Resource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    default: Option<serde_norway::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Globals {
    #[serde(default)]
    function: serde_norway::Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    r#type: String,
    #[serde(default)]
    properties: serde_norway::Value,
    #[serde(default)]
    metadata: serde_norway::Value,
}

/// A table: the properties are those of the `CreateTable` call.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) properties: Value,
}

/// A queue with its attributes in seconds.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: String,
    pub(crate) properties: QueueProperties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueProperties {
    #[serde(default = "QueueProperties::default_visibility")]
    pub(crate) visibility_timeout: u32,
    pub(crate) message_retention_period: Option<u32>,
    pub(crate) redrive_policy: Option<Value>,
}

impl QueueProperties {
    /// What SQS takes when nothing is said.
    fn default_visibility() -> u32 {
        30
    }
}

/// A function with what starts it.
#[derive(Debug)]
pub(crate) struct Function {
    /// Logical id.
    pub(crate) id: String,
    /// Name of its binary.
    pub(crate) name: String,
    /// Longest invocation, in seconds.
    pub(crate) timeout: u32,
    /// Memory in MB; only told to the function.
    pub(crate) memory_size: u32,
    /// Environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// The queues it is mapped to.
    pub(crate) mappings: Vec<Mapping>,
    /// The schedules that start it.
    pub(crate) schedules: Vec<Schedule>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionProperties {
    timeout: Option<u32>,
    memory_size: Option<u32>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    events: BTreeMap<String, Event>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Environment {
    #[serde(default)]
    variables: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    #[serde(rename = "SQS")]
    Sqs(Mapping),
    ScheduleV2(Schedule),
}

/// An event source mapping from a queue.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Mapping {
    /// ARN of the queue.
    pub(crate) queue: String,
    /// Most messages in one invocation.
    pub(crate) batch_size: usize,
    #[serde(default)]
    pub(crate) function_response_types: Vec<String>,
    pub(crate) scaling_config: ScalingConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ScalingConfig {
    /// Most invocations at a time.
    pub(crate) maximum_concurrency: usize,
}

/// A schedule of EventBridge.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Schedule {
    /// `rate(...)`.
    pub(crate) schedule_expression: String,
    /// The event, as JSON text.
    pub(crate) input: String,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// Method and path, as `ANY /{proxy+}`.
    pub(crate) key: String,
    /// Logical id of the function behind it.
    pub(crate) function: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RouteProperties {
    route_key: String,
    target: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IntegrationProperties {
    integration_uri: String,
}

/// A KMS key, found again by its alias.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) alias: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasProperties {
    alias_name: String,
    target_key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    build_properties: BuildProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BuildProperties {
    binary: String,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// When it is not YAML or not shaped like a template.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        Ok(Self(serde_norway::from_str(text).context("the template is malformed")?))
    }

    /// What every resource and parameter is called in the sandbox. The key's id is added once it exists.
    pub(crate) fn references(&self) -> References {
        let mut references = References::default();
        references.set_conditions(&self.0.conditions);
        for (name, parameter) in &self.0.parameters {
            if let Some(value) = parameter.default.as_ref().and_then(intrinsics::scalar) {
                references.set(name, value);
            }
        }
        for (id, resource) in &self.0.resources {
            references.set_resource(id, &resource.r#type);
        }
        references
    }

    pub(crate) fn tables(&self, references: &References) -> anyhow::Result<Vec<Table>> {
        let tables = self.properties_of("AWS::DynamoDB::Table", references)?;
        Ok(tables.into_iter().map(|(id, properties)| Table { id, properties }).collect())
    }

    pub(crate) fn queues(&self, references: &References) -> anyhow::Result<Vec<Queue>> {
        let queues = self.typed_properties_of("AWS::SQS::Queue", references)?;
        Ok(queues.into_iter().map(|(id, properties)| Queue { id, properties }).collect())
    }

    /// The keys that have an alias. To be called while a key's reference is still its logical id.
    pub(crate) fn keys(&self, references: &References) -> anyhow::Result<Vec<Key>> {
        let aliases = self.typed_properties_of::<AliasProperties>("AWS::KMS::Alias", references)?;
        Ok(aliases.into_iter().map(|(_, alias)| Key { id: alias.target_key_id, alias: alias.alias_name }).collect())
    }

    pub(crate) fn functions(&self, references: &References) -> anyhow::Result<Vec<Function>> {
        self.of_type("AWS::Serverless::Function")
            .map(|(id, resource)| self.function(id, resource, references).with_context(|| format!("resource {id}")))
            .collect()
    }

    fn function(&self, id: &str, resource: &Resource, references: &References) -> anyhow::Result<Function> {
        let globals: FunctionProperties = typed(&self.0.globals.function, references)?;
        let own: FunctionProperties = typed(&resource.properties, references)?;
        let metadata: Metadata = typed(&resource.metadata, references)?;
        let variables = globals.environment.variables.into_iter().chain(own.environment.variables);
        let mut function = Function {
            id: id.to_owned(),
            name: metadata.build_properties.binary,
            timeout: own.timeout.or(globals.timeout).unwrap_or(3),
            memory_size: own.memory_size.or(globals.memory_size).unwrap_or(128),
            environment: variables.map(|(name, value)| (name, text(value))).collect(),
            mappings: Vec::new(),
            schedules: Vec::new(),
        };
        for event in own.events.into_values() {
            match event {
                Event::Sqs(mapping) => function.mappings.push(mapping),
                Event::ScheduleV2(schedule) => function.schedules.push(schedule),
            }
        }
        Ok(function)
    }

    pub(crate) fn routes(&self, references: &References) -> anyhow::Result<Vec<Route>> {
        let routes = self.typed_properties_of::<RouteProperties>("AWS::ApiGatewayV2::Route", references)?;
        routes.into_iter().map(|(_, route)| self.route(route, references)).collect()
    }

    fn route(&self, route: RouteProperties, references: &References) -> anyhow::Result<Route> {
        let integration = route.target.trim_start_matches("integrations/");
        let Some(integration) = self.0.resources.get(integration) else {
            bail!("route {:?} names no integration: {:?}", route.route_key, route.target);
        };
        let IntegrationProperties { integration_uri } = typed(&integration.properties, references)?;
        let function = self.of_type("AWS::Serverless::Function").find(|(id, _)| references.arn(id) == integration_uri);
        let (function, _) = function.with_context(|| format!("route {:?} leads to no function", route.route_key))?;
        Ok(Route { key: route.route_key, function: function.clone() })
    }

    fn of_type<'a>(&'a self, r#type: &'a str) -> impl Iterator<Item = (&'a String, &'a Resource)> {
        self.0.resources.iter().filter(move |(_, resource)| resource.r#type == r#type)
    }

    fn properties_of(&self, r#type: &str, references: &References) -> anyhow::Result<Vec<(String, Value)>> {
        self.typed_properties_of(r#type, references)
    }

    fn typed_properties_of<T: DeserializeOwned>(
        &self,
        r#type: &str,
        references: &References,
    ) -> anyhow::Result<Vec<(String, T)>> {
        self.of_type(r#type)
            .map(|(id, resource)| {
                let properties = typed(&resource.properties, references).with_context(|| format!("resource {id}"))?;
                Ok((id.clone(), properties))
            })
            .collect()
    }
}

fn typed<T: DeserializeOwned>(value: &serde_norway::Value, references: &References) -> anyhow::Result<T> {
    let value = match evaluate(value, references)? {
        Value::Null => Value::Object(serde_json::Map::new()),
        value => value,
    };
    Ok(serde_json::from_value(value)?)
}

/// An environment variable as CloudFormation writes it: numbers and booleans become text.
fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
