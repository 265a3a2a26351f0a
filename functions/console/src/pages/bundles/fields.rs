//! Which fields a bundle can fill, and what a person chooses from for each.

use ::connections::List;

/// How a field is filled in on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// From an answer, or a text.
    Answer,
    /// From a list of RemOnline.
    Choice(List),
    /// Yes or no.
    Flag,
}

/// The fields of a client card, those first that most shops fill.
/// Source: RO App API v2, `POST /contacts/people`.
pub(super) const CLIENT: [(&str, Input); 12] = [
    ("first_name", Input::Answer),
    ("last_name", Input::Answer),
    ("phone", Input::Answer),
    ("email", Input::Answer),
    ("notes", Input::Answer),
    ("ad_campaign_id", Input::Choice(List::Campaigns)),
    ("manager_id", Input::Choice(List::Employees)),
    ("address", Input::Answer),
    ("birthday", Input::Answer),
    ("supplier", Input::Flag),
    ("discount_code", Input::Answer),
    ("tax_identification_number", Input::Answer),
];

/// The fields of an order, those first that most shops fill.
/// Source: RO App API v2, `POST /orders`.
pub(super) const ORDER: [(&str, Input); 18] = [
    ("branch_id", Input::Choice(List::Branches)),
    ("order_type_id", Input::Choice(List::OrderTypes)),
    ("status_id", Input::Choice(List::Statuses)),
    ("manager_id", Input::Choice(List::Employees)),
    ("malfunction", Input::Answer),
    ("manager_notes", Input::Answer),
    ("ad_campaign_id", Input::Choice(List::Campaigns)),
    ("assignee_id", Input::Choice(List::Employees)),
    ("engineer_notes", Input::Answer),
    ("estimated_price", Input::Answer),
    ("scheduled_for", Input::Answer),
    ("scheduled_to", Input::Answer),
    ("due_date", Input::Answer),
    ("resume", Input::Answer),
    ("urgent", Input::Flag),
    ("asset_id", Input::Answer),
    ("payer_id", Input::Answer),
    ("resource_id", Input::Answer),
];

/// How many fields of a card or an order are shown at once; the others are behind a click.
pub(super) const SHOWN: usize = 7;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn no_field_of_a_document_is_missing() {
        let schema = domain::bundle_schema();
        let of_schema = |name: &str| {
            let properties = schema["$defs"][name]["properties"].as_object().unwrap();
            properties.keys().filter(|name| *name != "custom_fields").cloned().collect::<BTreeSet<_>>()
        };
        let listed = |fields: &[(&str, Input)]| fields.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(of_schema("ClientFields"), listed(&CLIENT));
        assert_eq!(of_schema("OrderFields"), listed(&ORDER));
    }
}
