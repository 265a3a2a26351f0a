//! The OpenAPI document, made from the handlers: a route that is served is a route that is described.

use std::sync::Arc;

use axum::Json;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema,
    openapi::{Info, OpenApiBuilder},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    backfill, bundles, check, choices, connections, erase, health, preview,
    problem::{PROBLEM_JSON, Problem, ProblemDetails},
    resolve, retry, stats, transactions, unrouted,
};

/// Closed lists of words that belong to the domain, which does not know OpenAPI: schema, property, words.
const WORDS: [(&str, &str, &[&str]); 10] = [
    ("Connection", "kind", &["remonline", "facebook"]),
    ("Connection", "state", &["active", "key_rejected", "forbidden", "paused"]),
    ("Bundle", "state", &["stopped", "active"]),
    ("Transaction", "state", &["received", "running", "waiting", "parked", "review", "skipped", "done", "erased"]),
    ("Transaction", "reason", &REASONS),
    ("Transaction", "source", &["webhook", "reconcile", "backfill"]),
    ("Transaction", "client_outcome", &["created", "updated", "unchanged", "found"]),
    ("Transaction", "order_outcome", &["created", "found", "commented", "none"]),
    (
        "Step",
        "step",
        &[
            "fetch_lead",
            "plan",
            "find_client",
            "create_client",
            "update_client",
            "find_order",
            "create_order",
            "set_status",
            "comment",
        ],
    ),
    ("NewConnection", "kind", &["remonline", "facebook"]),
];

/// Every reason that a transaction may have.
pub(crate) const REASONS: [&str; 21] = [
    "throttled",
    "remonline_unavailable",
    "graph_unavailable",
    "lead_not_ready",
    "outcome_unknown",
    "bundle_stopped",
    "mapping",
    "rejected",
    "key_rejected",
    "forbidden",
    "graph_token",
    "lead_unreadable",
    "expired",
    "panicked",
    "paused",
    "suspected_double",
    "filtered",
    "test_lead",
    "no_client",
    "stale",
    "dismissed",
];

/// The schemas that are a bundle document with some properties more.
const DOCUMENTS: [&str; 3] = ["Bundle", "NewBundle", "BundleVersion"];

/// Every call behind the sign-in.
pub(crate) fn guarded() -> OpenApiRouter<Arc<App>> {
    described()
        .routes(routes!(connections::list, connections::create))
        .routes(routes!(connections::get, connections::change, connections::delete))
        .routes(routes!(connections::pause))
        .routes(routes!(connections::resume))
        .routes(routes!(check::check))
        .routes(routes!(choices::list))
        .routes(routes!(bundles::list, bundles::create))
        .routes(routes!(bundles::get, bundles::replace, bundles::delete))
        .routes(routes!(bundles::versions))
        .routes(routes!(bundles::start))
        .routes(routes!(bundles::stop))
        .routes(routes!(backfill::backfill))
        .routes(routes!(preview::preview))
        .routes(routes!(transactions::list))
        .routes(routes!(retry::many))
        .routes(routes!(transactions::get))
        .routes(routes!(retry::one))
        .routes(routes!(resolve::resolve))
        .routes(routes!(unrouted::list))
        .routes(routes!(stats::get))
        .routes(routes!(erase::erase))
        .routes(routes!(openapi))
        .routes(routes!(bundle_schema))
}

/// Every call that anybody may make.
pub(crate) fn open() -> OpenApiRouter<Arc<App>> {
    described().routes(routes!(health::health))
}

fn described() -> OpenApiRouter<Arc<App>> {
    let mut info = Info::new("RemOnline Leads", env!("CARGO_PKG_VERSION"));
    info.description = Some("Facebook leads become clients and orders in RemOnline, once.".to_owned());
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build())
}

/// Shows this document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "console", responses((status = OK, body = Object)))]
pub(crate) async fn openapi() -> Result<Json<Value>, Problem> {
    document().map(Json).map_err(|error| Problem::internal(&error))
}

/// Shows the JSON Schema of a bundle document.
#[utoipa::path(get, path = "/api/bundle.schema.json", tag = "bundles", responses((status = OK, body = Object)))]
pub(crate) async fn bundle_schema() -> Json<Value> {
    Json(domain::bundle_schema())
}

/// The whole document.
fn document() -> Result<Value, serde_json::Error> {
    let mut document = serde_json::to_value(guarded().merge(open()).into_openapi())?;
    let mut schemas = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    schemas.insert("Problem".to_owned(), serde_json::to_value(ProblemDetails::schema())?);
    add_bundle_document(&mut schemas);
    for (schema, property, words) in WORDS {
        close(&mut schemas[schema], property, words);
    }
    document["components"]["schemas"] = Value::Object(schemas);
    document["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer"}});
    document["security"] = json!([{"token": []}]);
    add_problems(&mut document["paths"]);
    Ok(document)
}

/// The document is described by its own types, so its schema is put where a bundle is described.
fn add_bundle_document(schemas: &mut Map<String, Value>) {
    let moved = domain::bundle_schema().to_string().replace("#/$defs/", "#/components/schemas/");
    let mut document: Map<String, Value> = serde_json::from_str(&moved).unwrap_or_default();
    document.remove("$schema");
    if let Some(Value::Object(parts)) = document.remove("$defs") {
        schemas.extend(parts);
    }
    for name in DOCUMENTS {
        let mut whole = document.clone();
        whole.insert("title".to_owned(), name.into());
        extend(&mut whole, &schemas[name]);
        schemas.insert(name.to_owned(), Value::Object(whole));
    }
    schemas.insert("BundleDocument".to_owned(), Value::Object(document));
}

fn extend(whole: &mut Map<String, Value>, more: &Value) {
    whole.insert("description".to_owned(), more["description"].clone());
    if let (Some(Value::Object(known)), Value::Object(more)) = (whole.get_mut("properties"), &more["properties"]) {
        known.extend(more.clone());
    }
    if let (Some(Value::Array(known)), Value::Array(more)) = (whole.get_mut("required"), &more["required"]) {
        known.extend(more.clone());
    }
}

fn close(schema: &mut Value, property: &str, words: &[&str]) {
    let nullable = schema["properties"][property]["type"].is_array();
    let words = words.iter().map(|word| json!(word)).chain(nullable.then_some(Value::Null));
    let closed = words.collect::<Value>();
    schema["properties"][property]["enum"] = closed;
}

/// Every call may be answered by a problem.
fn add_problems(paths: &mut Value) {
    let problem = json!({"description": "What went wrong.", "content": {
        PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}});
    let operations = paths.as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let operations = operations.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    for operation in operations.filter(|operation| operation.get("responses").is_some()) {
        operation["responses"]["default"] = problem.clone();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::{Reason, State};
    use pretty_assertions::assert_eq;
    use serde::Deserialize;

    use super::*;

    /// Everything that points somewhere in the document.
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_describes_every_call_of_the_interface() {
        let document = document().unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let calls = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        insta::assert_json_snapshot!(calls.collect::<BTreeSet<_>>());
    }

    #[test]
    fn every_call_but_health_takes_a_token() {
        let document = document().unwrap();
        assert!(document["components"]["securitySchemes"]["token"].is_object());
        let asks = |path: &str| document["paths"][path]["get"].get("security").unwrap_or(&document["security"]).clone();
        assert_eq!(asks("/api/connections"), json!([{"token": []}]));
        assert_eq!(asks("/api/health"), json!([{}]));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document().unwrap();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        assert!(found.contains("#/components/schemas/Problem"));
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn a_bundle_is_described_with_its_document() {
        let schemas = &document().unwrap()["components"]["schemas"];
        let properties =
            |name: &str| schemas[name]["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let document = properties("BundleDocument");
        assert!(document.contains("client") && document.contains("source"));
        let of_product = |name| properties(name).difference(&document).cloned().collect::<Vec<_>>();
        assert_eq!(of_product("Bundle"), ["id", "state", "version"]);
        assert_eq!(of_product("NewBundle"), ["id"]);
    }

    #[test]
    fn closed_lists_are_those_of_the_domain() {
        let transaction = &document().unwrap()["components"]["schemas"]["Transaction"]["properties"];
        for state in transaction["state"]["enum"].as_array().unwrap() {
            State::deserialize(state).unwrap();
        }
        let reasons = transaction["reason"]["enum"].as_array().unwrap();
        assert_eq!(reasons.len(), REASONS.len() + 1, "{reasons:?}");
        for reason in reasons.iter().filter(|reason| !reason.is_null()) {
            Reason::deserialize(reason).unwrap();
        }
    }
}
