use proptest::{prelude::*, sample::select};
use rstest::rstest;
use serde_json::{Map, Value as Json, json};

use super::*;
use crate::fixtures::document_with;

const CLIENT_FIELDS: [&str; 12] = [
    "first_name",
    "last_name",
    "phone",
    "email",
    "notes",
    "address",
    "birthday",
    "supplier",
    "manager_id",
    "ad_campaign_id",
    "discount_code",
    "tax_identification_number",
];
const ORDER_FIELDS: [&str; 16] = [
    "status_id",
    "manager_id",
    "assignee_id",
    "asset_id",
    "payer_id",
    "ad_campaign_id",
    "resource_id",
    "scheduled_for",
    "scheduled_to",
    "due_date",
    "malfunction",
    "manager_notes",
    "engineer_notes",
    "resume",
    "estimated_price",
    "urgent",
];
/// Objects of a document whose keys are ours.
const PLACES: [&str; 8] =
    ["", "/source", "/client", "/client/fields", "/client/duplicates", "/order", "/order/fields", "/order/duplicates"];

fn any_value() -> impl Strategy<Value = Json> {
    let texts = vec!["", " ", "x", "{{ contact.phone }}", "{{ answers.", "{% if x %}", "1990-03-31", "так", "15001"];
    prop_oneof![
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        select(texts).prop_map(Json::from),
        "\\PC{0,20}".prop_map(Json::from),
    ]
}

fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = Map<String, Json>> {
    let custom = prop::collection::btree_map("f[0-9]{1,4}|\\PC{0,5}", any_value(), 0..3);
    let fields = prop::collection::vec((select(names), any_value()), 0..6);
    (fields, custom).prop_map(|(fields, custom)| {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
        fields.chain([("custom_fields".to_owned(), json!(custom))]).collect()
    })
}

fn any_client() -> impl Strategy<Value = Json> {
    let match_on = prop::collection::vec(select(vec!["phone", "email"]), 0..3);
    let mode = select(vec!["create_always", "create_if_missing", "update_or_create", "update_only"]);
    let rule = select(vec!["overwrite", "fill", "append", "keep"]);
    let on_update = prop::collection::btree_map("notes|email|manager_id|f[0-9]|\\PC{0,4}", rule, 0..4);
    let parts = (some_of(&CLIENT_FIELDS), match_on, select(vec!["any", "all"]), mode, on_update);
    parts.prop_map(|(fields, match_on, keys, mode, on_update)| {
        let duplicates = json!({"match_on": match_on, "match": keys, "mode": mode, "on_update": on_update});
        json!({"connection": "shop", "fields": fields, "duplicates": duplicates})
    })
}

fn any_order() -> impl Strategy<Value = Json> {
    let mode = select(vec!["create_always", "create_if_missing"]);
    let found = select(vec!["skip", "comment"]);
    let parts = (some_of(&ORDER_FIELDS), any_value(), mode, prop::option::of(any::<u16>()), any::<bool>(), found);
    parts.prop_map(|(mut fields, required, mode, within_days, only_open, when_found)| {
        fields.insert("branch_id".to_owned(), required.clone());
        fields.insert("order_type_id".to_owned(), required);
        let duplicates = json!({"match_on": ["client_id"], "mode": mode, "within_days": within_days,
            "only_open": only_open, "when_found": when_found});
        json!({"fields": fields, "duplicates": duplicates})
    })
}

/// A document of the right shape, mostly with something wrong in it.
fn any_document() -> impl Strategy<Value = Json> {
    let form = select(vec!["*", "700000000000001", "form", ""]);
    let filter = select(vec![None, Some("answers.city == 'x'"), Some("answers.city ="), Some("")]);
    let zone = select(vec!["UTC", "Europe/Kyiv", "Kyiv", ""]);
    let parts = ("\\PC{0,9}", form, filter, "[A-Z]{0,3}", zone, any_client(), any_order());
    parts.prop_map(|(title, form_id, filter, region, timezone, client, order)| {
        json!({"title": title, "source": {"connection": "page", "form_id": form_id}, "filter": filter,
            "default_region": region, "timezone": timezone, "client": client, "order": order})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1_000)))]

    #[test]
    fn a_document_reads_back_as_it_was(json in any_document()) {
        let document = serde_json::from_value::<BundleDocument>(json).unwrap();
        let written = serde_json::to_string(&document).unwrap();
        prop_assert_eq!(serde_json::from_str::<BundleDocument>(&written).unwrap(), document);
    }

    #[test]
    fn a_key_that_nobody_knows_is_refused_anywhere(json in any_document(), place in select(PLACES.to_vec()), key in "[a-z]{1,9}x") {
        let mut misspelt = json;
        misspelt.pointer_mut(place).unwrap()[&key] = json!("x");
        let error = serde_json::from_value::<BundleDocument>(misspelt).unwrap_err().to_string();
        let expected = format!("unknown field `{key}`");
        prop_assert!(error.contains(&expected), "{}", error);
    }

    #[test]
    fn each_problem_stands_where_it_is(json in any_document()) {
        let document = serde_json::from_value::<BundleDocument>(json.clone()).unwrap();
        for problem in document.problems() {
            let (object, _) = problem.pointer.rsplit_once('/').unwrap();
            prop_assert!(json.pointer(object).is_some_and(Json::is_object), "{}", problem);
            prop_assert!(!problem.fault.to_string().is_empty());
        }
    }
}

#[rstest]
#[case::both_of_all(json!({"match_on": ["email", "phone"], "match": "all"}), true)]
#[case::either(json!({"match_on": ["email", "phone"], "match": "any"}), false)]
#[case::phone_only(json!({"match_on": ["phone"], "match": "all"}), false)]
#[case::email_only(json!({"match_on": ["email"], "match": "all"}), false)]
#[case::nobody_is_looked_for(
    json!({"match_on": ["email", "phone"], "match": "all", "mode": "create_always"}), false
)]
fn two_keys_are_a_third_one_where_both_must_fit(#[case] rules: Json, #[case] both: bool) {
    assert_eq!(serde_json::from_value::<ClientDuplicates>(rules).unwrap().wants_both(), both);
}

/// A bundle that is called by the form that it is for.
fn bundle((form_id, state): &(&str, BundleState)) -> Bundle {
    let (created_at, first_started_at) = (Timestamp::UNIX_EPOCH, None);
    let (id, page_id) = (form_id.replace('*', "any").parse().unwrap(), "110000000000001".parse().unwrap());
    let document = document_with("/source/form_id", json!(form_id));
    Bundle { id, version: 1, state: *state, page_id, first_started_at, created_at, document }
}

#[rstest]
#[case::named(&[("1", BundleState::Active), ("2", BundleState::Active)], &["1"])]
#[case::of_no_bundle(&[("2", BundleState::Active)], &[])]
#[case::any_form(&[("*", BundleState::Active), ("2", BundleState::Active)], &["any"])]
#[case::named_before_any(&[("*", BundleState::Active), ("1", BundleState::Active)], &["1"])]
#[case::named_by_a_stopped_one(&[("*", BundleState::Active), ("1", BundleState::Stopped)], &["any", "1"])]
fn a_form_is_taken_by_those_that_name_it_or_else_by_those_for_any(
    #[case] bundles: &[(&str, BundleState)],
    #[case] takers: &[&str],
) {
    let bundles: Vec<_> = bundles.iter().map(bundle).collect();
    let taken: Vec<_> = Bundle::takers(&bundles, &"1".parse().unwrap()).into_iter().map(|it| it.id.as_str()).collect();
    assert_eq!(taken, takers);
}
