//! Whether what a bundle names is there: its form at Meta, its ids in RemOnline.

use std::collections::BTreeMap;

use domain::{BundleDocument, Connection, ConnectionState, Slug, Value};
use facebook::graph::GraphError;
use remonline::{Choice, ChoiceId};

use crate::{
    app::App,
    choices::{self, List},
    explain::Language,
    failure::{explain_graph, explain_remonline, graph_problem, sentence},
    problem::{FieldError, Problem},
};

/// Something in a document that has to be in a list of RemOnline.
#[derive(Debug, PartialEq)]
struct Named {
    list: List,
    pointer: String,
    id: ChoiceId,
}

/// Looks for everything that a document names.
///
/// # Errors
/// 422 with a pointer for each thing that is not there, 502 or 503 when a system does not answer.
pub(crate) async fn check(app: &App, document: &BundleDocument, language: Language) -> Result<(), Problem> {
    let mut errors = Vec::new();
    let source = usable(app, &document.source.connection, "/source/connection", &mut errors).await?;
    let client = usable(app, &document.client.connection, "/client/connection", &mut errors).await?;
    if let Some(source) = source {
        errors.extend(missing_form(app, &source, &document.source.form_id, language).await?);
    }
    if let Some(client) = client {
        errors.extend(missing_ids(app, &client, named(document), language).await?);
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// The connection, if it can be used now.
async fn usable(
    app: &App,
    id: &Slug,
    pointer: &str,
    errors: &mut Vec<FieldError>,
) -> Result<Option<Connection>, Problem> {
    let connection = app.store.connection(id).await?;
    let fault = match connection.as_ref().map(|connection| connection.state) {
        None => "is not there; make it first",
        Some(ConnectionState::Active) => return Ok(connection),
        Some(ConnectionState::Paused) => "is paused; resume it first",
        Some(ConnectionState::KeyRejected) => "has a key that was refused; enter a new one",
        Some(ConnectionState::Forbidden) => "lacks a right; grant it and resume the connection",
    };
    errors.push(FieldError::new(pointer, format!("connection {id} {fault}")));
    Ok(None)
}

async fn missing_form(
    app: &App,
    connection: &Connection,
    form_id: &str,
    language: Language,
) -> Result<Option<FieldError>, Problem> {
    let Some(page_id) = connection.page_id() else {
        return Ok(Some(FieldError::new("/source/connection", "is not a connection of kind facebook")));
    };
    match app.systems.graph.forms(&app.secret(connection).await?, page_id).await {
        Ok(forms) => {
            let found = form_id == "*" || forms.iter().any(|form| form.id.as_str() == form_id);
            let missing = || FieldError::new("/source/form_id", format!("the page has no form {form_id}"));
            Ok((!found).then(missing))
        }
        Err(error @ (GraphError::TokenRejected(_) | GraphError::Forbidden { .. })) => {
            Ok(Some(FieldError::new("/source/connection", sentence(&explain_graph(&error, language)))))
        }
        Err(error) => Err(graph_problem(&error, language)),
    }
}

async fn missing_ids(
    app: &App,
    connection: &Connection,
    named: Vec<Named>,
    language: Language,
) -> Result<Vec<FieldError>, Problem> {
    let Some(account) = connection.account() else {
        return Ok(vec![FieldError::new("/client/connection", "is not a connection of kind remonline")]);
    };
    let client = app.remonline(connection).await?;
    let mut errors = Vec::new();
    for (list, named) in by_list(named) {
        match choices::read(&client, list).await {
            Ok(choices) => errors.extend(named.iter().filter_map(|named| named.missing_in(&choices))),
            // Campaigns are not part of v2 and may disappear: then nobody can tell.
            Err(remonline::Error::NotFound(_)) if list == List::Campaigns => {}
            Err(error @ (remonline::Error::KeyRejected(_) | remonline::Error::Forbidden(_))) => {
                errors.push(FieldError::new("/client/connection", sentence(&explain_remonline(&error, language))));
                return Ok(errors);
            }
            Err(error) => return Err(app.remonline_failed(&account.id, &error, language).await),
        }
    }
    Ok(errors)
}

fn by_list(named: Vec<Named>) -> BTreeMap<List, Vec<Named>> {
    named.into_iter().fold(BTreeMap::new(), |mut lists, named| {
        lists.entry(named.list).or_insert_with(Vec::new).push(named);
        lists
    })
}

impl Named {
    fn missing_in(&self, choices: &[Choice]) -> Option<FieldError> {
        if choices.iter().any(|choice| choice.id == self.id) {
            return None;
        }
        let id = match &self.id {
            ChoiceId::Number(number) => number.to_string(),
            ChoiceId::Field(key) => key.clone(),
        };
        Some(FieldError::new(&self.pointer, format!("RemOnline has no {id} here; choose one that exists")))
    }
}

/// Everything in a document that can be looked for before there is a lead.
fn named(document: &BundleDocument) -> Vec<Named> {
    let client = &document.client.fields;
    let mut found = ids(
        "/client/fields",
        &[
            ("manager_id", List::Employees, client.manager_id.as_ref()),
            ("ad_campaign_id", List::Campaigns, client.ad_campaign_id.as_ref()),
        ],
    );
    found.extend(custom("/client/fields", List::ClientFields, &client.custom_fields));
    if let Some(order) = document.order.as_ref().map(|order| &order.fields) {
        found.extend(ids(
            "/order/fields",
            &[
                ("branch_id", List::Branches, Some(&order.branch_id)),
                ("order_type_id", List::OrderTypes, Some(&order.order_type_id)),
                ("status_id", List::Statuses, order.status_id.as_ref()),
                ("manager_id", List::Employees, order.manager_id.as_ref()),
                ("assignee_id", List::Employees, order.assignee_id.as_ref()),
                ("ad_campaign_id", List::Campaigns, order.ad_campaign_id.as_ref()),
            ],
        ));
        found.extend(custom("/order/fields", List::OrderFields, &order.custom_fields));
    }
    found
}

fn ids(place: &str, fields: &[(&str, List, Option<&Value>)]) -> Vec<Named> {
    let literal = |value: &Value| match value {
        Value::Integer(number) => Some(*number),
        Value::Template(text) => text.trim().parse().ok(),
        Value::Bool(_) => None,
    };
    let named = fields.iter().filter_map(|(name, list, value)| {
        let id = ChoiceId::Number(value.and_then(literal)?);
        Some(Named { list: *list, pointer: format!("{place}/{name}"), id })
    });
    named.collect()
}

fn custom(place: &str, list: List, fields: &BTreeMap<String, Value>) -> Vec<Named> {
    let pointer = |key: &String| format!("{place}/custom_fields/{key}");
    fields.keys().map(|key| Named { list, pointer: pointer(key), id: ChoiceId::Field(key.clone()) }).collect()
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn literals_are_looked_for_and_templates_are_not() {
        let document: BundleDocument = serde_json::from_value(json!({
            "title": "Screens", "source": {"connection": "page", "form_id": "*"},
            "client": {"connection": "shop", "fields": {
                "first_name": "x", "manager_id": "9001", "ad_campaign_id": "{{ answers.campaign }}",
                "custom_fields": {"f5001": "x"},
            }},
            "order": {"fields": {"branch_id": 15001, "order_type_id": 21001}},
        }))
        .unwrap();
        let pointers: Vec<_> = named(&document).into_iter().map(|named| (named.pointer, named.list)).collect();
        let expected = [
            ("/client/fields/manager_id", List::Employees),
            ("/client/fields/custom_fields/f5001", List::ClientFields),
            ("/order/fields/branch_id", List::Branches),
            ("/order/fields/order_type_id", List::OrderTypes),
        ];
        assert_eq!(pointers, expected.map(|(pointer, list)| (pointer.to_owned(), list)));
    }
}
