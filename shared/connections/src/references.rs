//! What bundles name in RemOnline, and whether it is there.

use std::collections::{BTreeMap, btree_map::Entry};

use domain::{BundleDocument, Value};
use remonline::{Choice, ChoiceId, Client, Error};

/// A list of RemOnline that a bundle may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// Locations.
    Branches,
    /// Order types.
    OrderTypes,
    /// Order statuses.
    Statuses,
    /// Employees.
    Employees,
    /// Advertising campaigns.
    Campaigns,
    /// The account's own fields of a client card.
    ClientFields,
    /// The account's own fields of an order.
    OrderFields,
}

/// Something in a document that has to be in a list of RemOnline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it has to be.
    pub list: List,
    /// The place in the document, as a JSON pointer.
    pub pointer: String,
    /// What is named.
    pub id: ChoiceId,
}

/// The lists of one account, each read once.
#[derive(Debug)]
pub struct Lists<'c> {
    client: &'c Client,
    read: BTreeMap<List, Vec<Choice>>,
}

impl List {
    /// Reads it now.
    ///
    /// # Errors
    /// Any error of RemOnline.
    pub async fn read(self, client: &Client) -> Result<Vec<Choice>, Error> {
        match self {
            Self::Branches => client.branches().await,
            Self::OrderTypes => client.order_types().await,
            Self::Statuses => client.statuses().await,
            Self::Employees => client.employees().await,
            Self::Campaigns => client.campaigns().await,
            Self::ClientFields => client.client_fields().await,
            Self::OrderFields => client.order_fields().await,
        }
    }
}

impl<'c> Lists<'c> {
    /// None read yet.
    pub fn new(client: &'c Client) -> Self {
        Self { client, read: BTreeMap::new() }
    }

    /// One of them.
    ///
    /// # Errors
    /// Any error of RemOnline.
    pub async fn get(&mut self, list: List) -> Result<&[Choice], Error> {
        Ok(match self.read.entry(list) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(unread) => unread.insert(list.read(self.client).await?),
        })
    }

    /// Those of the references that lead nowhere.
    ///
    /// # Errors
    /// Any error of RemOnline.
    pub async fn missing(&mut self, references: Vec<Reference>) -> Result<Vec<Reference>, Error> {
        let mut missing = Vec::new();
        for reference in references {
            match self.get(reference.list).await {
                Ok(choices) if choices.iter().any(|choice| choice.id == reference.id) => {}
                Ok(_) => missing.push(reference),
                // Campaigns are not part of v2 and may disappear: then nobody can tell.
                Err(Error::NotFound(_)) if reference.list == List::Campaigns => {}
                Err(error) => return Err(error),
            }
        }
        Ok(missing)
    }
}

impl Reference {
    /// What is named, as it stands in the document.
    pub fn id_text(&self) -> String {
        match &self.id {
            ChoiceId::Number(number) => number.to_string(),
            ChoiceId::Field(key) => key.clone(),
        }
    }
}

/// Everything in a document that can be looked for in RemOnline before there is a lead.
pub fn references(document: &BundleDocument) -> Vec<Reference> {
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

fn ids(place: &str, fields: &[(&str, List, Option<&Value>)]) -> Vec<Reference> {
    let literal = |value: &Value| match value {
        Value::Integer(number) => Some(*number),
        Value::Template(text) => text.trim().parse().ok(),
        Value::Bool(_) => None,
    };
    let named = fields.iter().filter_map(|(name, list, value)| {
        let id = ChoiceId::Number(value.and_then(literal)?);
        Some(Reference { list: *list, pointer: format!("{place}/{name}"), id })
    });
    named.collect()
}

fn custom(place: &str, list: List, fields: &BTreeMap<String, Value>) -> Vec<Reference> {
    let pointer = |key: &String| format!("{place}/custom_fields/{key}");
    fields.keys().map(|key| Reference { list, pointer: pointer(key), id: ChoiceId::Field(key.clone()) }).collect()
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
        let found: Vec<_> = references(&document).into_iter().map(|found| (found.pointer, found.list)).collect();
        let expected = [
            ("/client/fields/manager_id", List::Employees),
            ("/client/fields/custom_fields/f5001", List::ClientFields),
            ("/order/fields/branch_id", List::Branches),
            ("/order/fields/order_type_id", List::OrderTypes),
        ];
        assert_eq!(found, expected.map(|(pointer, list)| (pointer.to_owned(), list)));
    }
}
