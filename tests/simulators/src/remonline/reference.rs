use serde_json::Value;

use super::answer::{Refusal, Reply};
use super::call::Call;
use super::state::State;

/// The account's own lists; rows as the API shows them.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// `GET /v2/company`.
    pub company: Value,
    /// Branches: `GET /v2/company/locations`.
    pub locations: Vec<Value>,
    /// Calendar resources of all locations; each row names its `location_id`.
    pub resources: Vec<Value>,
    /// `GET /v2/company/employees`; the first one owns the API keys.
    pub employees: Vec<Value>,
    /// `GET /v2/orders/types`.
    pub order_types: Vec<Value>,
    /// `GET /v2/orders/statuses`, in the order of the account; a new order gets the first one of group 1.
    pub statuses: Vec<Value>,
    /// `GET /marketing/campaigns/`.
    pub campaigns: Vec<Value>,
    /// Devices that orders may name; no call lists them.
    pub assets: Vec<Value>,
    /// `GET /v2/contacts/people/custom-fields`.
    pub person_fields: Vec<Value>,
    /// `GET /v2/contacts/organizations/custom-fields`.
    pub organization_fields: Vec<Value>,
    /// `GET /v2/orders/custom-fields`.
    pub order_fields: Vec<Value>,
}

/// The row with this id.
pub(super) fn find(rows: &[Value], id: i64) -> Option<&Value> {
    rows.iter().find(|row| row["id"] == id)
}

pub(super) fn company(state: &mut State, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::Object(state.reference.company.clone()))
}

pub(super) fn locations(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let archived = call.query.value("is_archived").map(|value| matches!(value, "true" | "1"));
    let wanted = |row: &&Value| archived.is_none_or(|archived| row["is_archived"] == archived);
    Ok(Reply::List(state.reference.locations.iter().filter(wanted).cloned().collect()))
}

pub(super) fn resources(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    let location = call.id()?;
    find(&state.reference.locations, location).ok_or(Refusal::NotFound)?;
    let of_location = state.reference.resources.iter().filter(|row| row["location_id"] == location);
    Ok(Reply::List(of_location.cloned().collect()))
}

pub(super) fn employees(state: &mut State, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::Data(state.reference.employees.clone()))
}

pub(super) fn employee(state: &mut State, call: &Call) -> Result<Reply, Refusal> {
    find(&state.reference.employees, call.id()?).cloned().map(Reply::Object).ok_or(Refusal::NotFound)
}

pub(super) fn order_types(state: &mut State, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::List(state.reference.order_types.clone()))
}

pub(super) fn statuses(state: &mut State, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::List(state.reference.statuses.clone()))
}

pub(super) fn order_fields(state: &mut State, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::List(definitions(state, &state.reference.order_fields)))
}

pub(super) fn campaigns(state: &mut State, _: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::Classic(state.reference.campaigns.clone()))
}

/// Definitions of custom fields, with those shown as required that the settings require.
pub(super) fn definitions(state: &State, rows: &[Value]) -> Vec<Value> {
    let required = |row: &Value| state.settings.required_custom_fields.contains(&format!("f{}", row["id"]));
    let mut rows = rows.to_vec();
    for row in &mut rows {
        row["required"] = required(row).into();
    }
    rows
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::super::testing::Caller;

    #[rstest]
    #[case("/v2/company/locations", 15001)]
    #[case("/v2/company/locations/15001/resources", 16001)]
    #[case("/v2/orders/types", 21001)]
    #[case("/v2/orders/statuses", 11)]
    #[case("/v2/orders/custom-fields", 6001)]
    #[case("/v2/contacts/people/custom-fields", 5001)]
    #[tokio::test]
    async fn lists_are_bare_or_enveloped(#[case] path: &str, #[case] first: i64) {
        let caller = Caller::demo();
        assert_eq!(caller.get(path).await.1[0]["id"], first);
        caller.remonline.update_settings(|settings| settings.enveloped_lists = true);
        assert_eq!(caller.get(path).await.1["data"][0]["id"], first);
    }

    #[tokio::test]
    async fn employees_are_always_enveloped() {
        let caller = Caller::demo();
        assert_eq!(caller.get("/v2/company/employees").await.1["data"][0]["id"], 9001);
        assert_eq!(caller.get("/v2/company/employees/9001").await.1["id"], 9001);
        assert_eq!(caller.get("/v2/company/employees/1").await, (404, json!({ "message": "Not found" })));
    }

    #[tokio::test]
    async fn locations_may_be_archived() {
        let caller = Caller::demo();
        let archived = caller.get("/v2/company/locations?is_archived=true").await.1;
        assert_eq!(archived.as_array().map(Vec::len), Some(1));
        assert_eq!(archived[0]["id"], 15002);
    }

    #[tokio::test]
    async fn the_first_new_status_comes_first() {
        let (_, statuses) = Caller::demo().get("/v2/orders/statuses").await;
        let groups: Vec<_> = statuses.as_array().unwrap().iter().map(|row| row["group"]["type"].as_i64()).collect();
        assert_eq!(groups, [1, 1, 2, 3, 4, 5, 6, 7].map(Some));
    }

    #[tokio::test]
    async fn campaigns_use_the_classic_envelope() {
        let (_, campaigns) = Caller::demo().get("/marketing/campaigns/").await;
        assert_eq!((&campaigns["count"], &campaigns["success"]), (&json!(1), &json!(true)));
        assert_eq!((&campaigns["data"][0]["id"], &campaigns["data"][0]["name"]), (&json!(777), &json!("Facebook")));
        assert!(campaigns["data"][0]["start_at"].is_i64(), "milliseconds");
    }

    #[tokio::test]
    async fn unversioned_paths_may_be_retired() {
        let caller = Caller::demo();
        let gone = json!({ "success": false, "code": 404, "message": "Not found" });
        assert_eq!(caller.get("/marketing/campaigns").await, (404, gone.clone()), "the slash belongs to the path");
        caller.remonline.update_settings(|settings| settings.unversioned_gone = true);
        assert_eq!(caller.get("/marketing/campaigns/").await, (404, gone));
        assert_eq!(caller.get("/v2/company").await.0, 200);
    }

    #[tokio::test]
    async fn required_custom_fields_are_shown() {
        let caller = Caller::demo();
        assert_eq!(caller.get("/v2/orders/custom-fields").await.1[0]["required"], false);
        caller.remonline.update_settings(|settings| settings.required_custom_fields = ["f6001".to_owned()].into());
        assert_eq!(caller.get("/v2/orders/custom-fields").await.1[0]["required"], true);
    }
}
