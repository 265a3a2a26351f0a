use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::call::Call;
use super::errors::GraphError;
use super::fields::{self, Field};
use super::state::{Lead, Row, State, StoredForm};
use super::tokens::{Holder, Token};
use super::{edges, pages, seed};

/// An object with everything it could show.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) fields: Row,
    /// Names that may be asked for though there is nothing to show.
    pub(super) known: &'static [&'static str],
    /// Edges that field expansion reaches.
    pub(super) edges: &'static [&'static str],
    /// What is shown when nothing is asked for.
    pub(super) defaults: &'static [&'static str],
}

/// A time as the Graph API writes it: the offset has no colon.
pub(super) fn write_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

/// `GET /{id}`.
pub(super) fn read(state: &mut State, call: &Call, token: &Token, id: &str) -> Result<Value, GraphError> {
    let mut node = state.node(id, token)?;
    pages::add_token(state, call, token, &mut node);
    state.show(&node, call, token)
}

/// `GET /?ids=`: several nodes by id; one that cannot be shown fails them all.
pub(super) fn read_many(state: &mut State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    call.required("ids")?;
    let ids = call.names("ids").into_iter();
    let shown = ids.map(|id| Ok((id.clone(), read(state, call, token, &id)?)));
    Ok(Value::Object(shown.collect::<Result<Row, GraphError>>()?))
}

/// `DELETE /{lead_id}`.
pub(super) fn delete(state: &mut State, token: &Token, id: &str) -> Result<Value, GraphError> {
    state.lead_node(id, token)?;
    state.remove_lead(id);
    Ok(json!({ "success": true }))
}

impl State {
    fn node(&self, id: &str, token: &Token) -> Result<Node, GraphError> {
        if self.leads.contains_key(id) {
            return self.lead_node(id, token);
        }
        if self.forms.contains_key(id) {
            return self.form_node(id, token);
        }
        match &token.holder {
            Holder::Page(page) if id == "me" => self.page_node(page, token),
            Holder::User | Holder::SystemUser if id == "me" => Ok(me()),
            Holder::App if id == self.app.id => Ok(self.app_node()),
            _ if !id.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(GraphError::new(803, None).say(format!("(#803) Cannot query users by their username ({id})")))
            }
            _ => self.page_node(id, token),
        }
    }

    /// A lead, if this token may read it now.
    pub(super) fn lead_node(&self, id: &str, token: &Token) -> Result<Node, GraphError> {
        let lead = self.leads.get(id).filter(|lead| token.sees(&lead.page)).ok_or_else(GraphError::absent)?;
        self.may_read_leads(&lead.page, token)?;
        if self.is_listed(lead) { Ok(self.lead_as_node(id, lead, token)) } else { Err(GraphError::absent()) }
    }

    pub(super) fn may_read_leads(&self, page: &str, token: &Token) -> Result<(), GraphError> {
        token.may("leads_retrieval")?;
        if self.pages.get(page).is_some_and(|page| page.lead_access) {
            return Ok(());
        }
        let code = self.settings.lead_access_code;
        let message = format!("(#{code}) CRM access has been revoked from Lead Access Manager for this page.");
        Err(GraphError::new(code, None).say(message))
    }

    /// Whether a lead can be read at all: neither too new nor too old.
    pub(super) fn is_listed(&self, lead: &Lead) -> bool {
        let delay = SignedDuration::from_secs(self.settings.readable_after_seconds.into());
        !lead.is_expired(self.now()) && self.now().duration_since(lead.created) >= delay
    }

    pub(super) fn lead_as_node(&self, id: &str, lead: &Lead, token: &Token) -> Node {
        let answer = |(name, values): &(String, Vec<String>)| json!({ "name": name, "values": values });
        let consent = |(key, ticked): &(String, bool)| json!({ "checkbox_key": key, "is_checked": if *ticked { "1" } else { "" } });
        let mut fields = row(json!({
            "id": id, "created_time": write_time(lead.created), "form_id": lead.form, "platform": lead.platform,
            "is_organic": lead.ad.is_none(), "field_data": lead.field_data.iter().map(answer).collect::<Vec<_>>(),
        }));
        if !lead.consents.is_empty() {
            let consents = lead.consents.iter().map(consent).collect();
            fields.insert("custom_disclaimer_responses".to_owned(), consents);
        }
        // Without rights on the ad account the lead comes without them, and without an error.
        if let (Some(ad), Ok(())) = (&lead.ad, token.may("ads_management")) {
            fields.extend(row(json!(ad)));
        }
        Node {
            kind: "Lead",
            id: id.to_owned(),
            fields,
            known: LEAD_FIELDS,
            edges: &[],
            defaults: &["created_time", "field_data"],
        }
    }

    fn form_node(&self, id: &str, token: &Token) -> Result<Node, GraphError> {
        let form = self.forms.get(id).filter(|form| token.sees(&form.page)).ok_or_else(GraphError::absent)?;
        token.may("pages_read_engagement")?;
        Ok(self.form_as_node(id, form))
    }

    pub(super) fn form_as_node(&self, id: &str, stored: &StoredForm) -> Node {
        let StoredForm { page, form, created, .. } = stored;
        let leads = || self.leads_of(stored).map(|(_, lead)| lead);
        let mut fields = row(json!({
            "id": id, "name": form.name, "status": form.status, "locale": form.locale, "page_id": page,
            "page": { "id": page, "name": self.pages[page].name }, "created_time": write_time(*created),
            "questions": form.questions_shown(id), "leads_count": leads().count(),
            "organic_leads_count": leads().filter(|lead| lead.ad.is_none()).count(),
            "expired_leads_count": leads().filter(|lead| lead.is_expired(self.now())).count(),
        }));
        if !form.tracking_parameters.is_empty() {
            fields.insert("tracking_parameters".to_owned(), form.tracking_shown().into());
        }
        fields.extend(form.legal_content.clone().map(|content| ("legal_content".to_owned(), content)));
        Node {
            kind: "LeadGenData",
            id: id.to_owned(),
            fields,
            known: &["tracking_parameters", "legal_content"],
            edges: &["leads", "test_leads"],
            defaults: &["locale", "name", "status"],
        }
    }

    pub(super) fn app_node(&self) -> Node {
        let link = format!("https://www.facebook.com/games/?app_id={}", self.app.id);
        let fields = row(json!({ "id": self.app.id, "name": seed::APP_NAME, "link": link, "category": "Business" }));
        let defaults = &["category", "link", "name"];
        Node { kind: "Application", id: self.app.id.clone(), fields, known: &[], edges: &[], defaults }
    }

    /// The fields of a node that a call asks for; `id` always comes along.
    pub(super) fn show(&self, node: &Node, call: &Call, token: &Token) -> Result<Value, GraphError> {
        let mut shown = Row::from_iter([("id".to_owned(), node.id.clone().into())]);
        let Some(wanted) = call.param("fields").filter(|fields| !fields.is_empty()) else {
            let defaults =
                node.defaults.iter().filter_map(|&name| Some((name.to_owned(), node.fields.get(name)?.clone())));
            shown.extend(defaults);
            return Ok(shown.into());
        };
        for field in fields::parse(wanted)? {
            let value = self.field(node, &field, call, token)?;
            shown.extend(value.map(|value| (field.name.to_owned(), value)));
        }
        Ok(shown.into())
    }

    fn field(&self, node: &Node, field: &Field<'_>, call: &Call, token: &Token) -> Result<Option<Value>, GraphError> {
        if let Some(value) = node.fields.get(field.name) {
            return field.inner.map_or_else(|| Ok(value.clone()), |inner| pick(value, inner)).map(Some);
        }
        if node.edges.contains(&field.name) {
            let fields = field.inner.unwrap_or_default();
            return edges::read(self, &call.nested(&node.id, field.name, field.limit, fields), token).map(Some);
        }
        if node.known.contains(&field.name) {
            return Ok(None);
        }
        let message = format!("(#100) Tried accessing nonexisting field ({}) on node type ({})", field.name, node.kind);
        Err(GraphError::new(100, None).say(message))
    }
}

const LEAD_FIELDS: &[&str] = &[
    "ad_id",
    "ad_name",
    "adset_id",
    "adset_name",
    "campaign_id",
    "campaign_name",
    "custom_disclaimer_responses",
    "home_listing",
    "partner_name",
    "post",
    "post_submission_check_result",
    "retailer_item_id",
    "vehicle",
];

fn me() -> Node {
    let fields = row(json!({ "id": seed::USER_ID, "name": "Олена Приклад" }));
    Node { kind: "User", id: seed::USER_ID.to_owned(), fields, known: &[], edges: &[], defaults: &["name"] }
}

/// The chosen parts of an object, or of each object of a list.
fn pick(value: &Value, inner: &str) -> Result<Value, GraphError> {
    match value {
        Value::Array(items) => items.iter().map(|item| pick(item, inner)).collect(),
        Value::Object(object) => {
            let wanted = fields::parse(inner)?;
            let present = wanted.iter().filter_map(|field| Some((field, object.get(field.name)?)));
            let picked = present.map(|(field, value)| {
                let value = field.inner.map_or_else(|| Ok(value.clone()), |inner| pick(value, inner))?;
                Ok((field.name.to_owned(), value))
            });
            Ok(Value::Object(picked.collect::<Result<Row, GraphError>>()?))
        }
        other => Ok(other.clone()),
    }
}

/// The members of what is known to be an object.
pub(super) fn row(value: Value) -> Row {
    match value {
        Value::Object(row) => row,
        other => unreachable!("{other} is an object"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt;
    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::json;

    use super::super::testing::{Caller, lead};
    use super::super::{Ad, DEMO_FORM, DEMO_PAGE, DEMO_PAGE_TOKEN, NewLead};

    const FIELDS: &str = "id,created_time,form_id,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,is_organic,platform,field_data,custom_disclaimer_responses";

    #[tokio::test]
    async fn a_lead_shows_what_is_asked_for_and_there() {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, lead().consent("newsletter", true).consent("partners", false));
        let (status, shown) = caller.get(&format!("/v26.0/{id}?fields={FIELDS}")).await;
        let expected = json!({
            "id": "900000000000001", "created_time": "2026-11-23T09:30:00+0000", "form_id": DEMO_FORM,
            "is_organic": true, "platform": "fb",
            "field_data": [
                { "name": "utm_source", "values": ["facebook"] }, { "name": "full_name", "values": ["Олена Приклад"] },
                { "name": "phone_number", "values": ["+380501112233"] },
                { "name": "email", "values": ["olena@example.com"] },
                { "name": "what_is_broken?", "values": ["screen"] },
            ],
            "custom_disclaimer_responses": [
                { "checkbox_key": "newsletter", "is_checked": "1" }, { "checkbox_key": "partners", "is_checked": "" },
            ],
        });
        assert_eq!((status, shown), (200, expected));
    }

    #[tokio::test]
    async fn the_text_is_escaped_and_versioned() {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        let request = axum::extract::Request::get(format!("/v25.0/{id}?access_token={DEMO_PAGE_TOKEN}"));
        let response = caller.raw(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["facebook-api-version"], "v25.0");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(text.contains(r"olena\u0040example.com") && text.contains(r"\u041e\u043b\u0435\u043d\u0430"), "{text}");
    }

    #[tokio::test]
    async fn the_ad_shows_only_to_those_with_rights_on_it() {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, lead().ad(Ad::demo()).platform("ig"));
        let path = format!("/v26.0/{id}?fields=ad_id,campaign_name,is_organic,platform");
        let (_, shown) = caller.get(&path).await;
        let ad = json!({ "id": id, "ad_id": "120250000000000001", "campaign_name": "Осінь", "is_organic": false, "platform": "ig" });
        assert_eq!(shown, ad);
        caller.meta.remove_permission(DEMO_PAGE, "ads_management");
        assert_eq!(caller.get(&path).await, (200, json!({ "id": id, "is_organic": false, "platform": "ig" })));
    }

    #[tokio::test]
    async fn dummies_are_filled_in_by_key() {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, NewLead::dummy());
        let (_, shown) = caller.get(&format!("/v26.0/{id}")).await;
        let answers = shown["field_data"].as_array().unwrap();
        assert_eq!(
            answers[2],
            json!({ "name": "phone_number", "values": ["<test lead: dummy data for phone_number>"] })
        );
        assert_eq!(answers[3], json!({ "name": "email", "values": ["test@meta.com"] }));
    }

    #[tokio::test]
    async fn a_lead_can_be_read_for_ninety_days() {
        let caller = Caller::demo();
        let path = format!("/v26.0/{}", caller.meta.add_lead(DEMO_FORM, lead()));
        caller.pass(Duration::from_secs(90 * 86_400 - 1));
        assert_eq!(caller.get(&path).await.0, 200);
        caller.pass(Duration::from_secs(1));
        assert_eq!(caller.error(&path).await, (100, 33));
        let (_, form) = caller.get(&format!("/v26.0/{DEMO_FORM}?fields=leads_count,expired_leads_count")).await;
        assert_eq!(form, json!({ "id": DEMO_FORM, "leads_count": 1, "expired_leads_count": 1 }));
    }

    #[tokio::test]
    async fn a_fresh_lead_may_be_out_of_sight() {
        let caller = Caller::demo();
        caller.meta.update_settings(|settings| settings.readable_after_seconds = 10);
        let path = format!("/v26.0/{}", caller.meta.add_lead(DEMO_FORM, lead()));
        assert_eq!(caller.error(&path).await, (100, 33));
        caller.pass(Duration::from_secs(10));
        assert_eq!(caller.error(&path).await, (0, 0));
    }

    #[rstest]
    #[case("/v26.0/900000000000001?fields=nonsense", (100, 0))]
    #[case("/v26.0/900000000000001?fields=id{", (2500, 0))]
    #[case("/v26.0/999", (100, 33))]
    #[case("/v26.0/repair-shop", (803, 0))]
    #[case("/v26.0/700000000000001/nonsense", (2500, 0))]
    #[case("/900000000000001", (2500, 0))]
    #[case("/v26.0/?ids=900000000000001,999", (100, 33))]
    #[tokio::test]
    async fn refuses_what_is_unknown(#[case] path: &str, #[case] error: (u64, u64)) {
        let caller = Caller::demo();
        caller.meta.add_lead(DEMO_FORM, lead());
        assert_eq!(caller.error(path).await, error);
    }

    #[tokio::test]
    async fn a_form_shows_its_questions_and_expands_its_leads() {
        let caller = Caller::demo();
        let id = caller.meta.add_lead(DEMO_FORM, lead());
        let fields = "name,status,page{name},questions,tracking_parameters,legal_content,leads.limit(5){form_id}";
        let (_, form) = caller.get(&format!("/v26.0/{DEMO_FORM}?fields={fields}")).await;
        assert_eq!((&form["name"], &form["status"]), (&json!("Ремонт телефону"), &json!("ACTIVE")));
        assert_eq!(form["page"], json!({ "name": "Ремонт Плюс" }));
        let question = json!({
            "id": "71000000000000104", "key": "what_is_broken?", "label": "Що зламалося?", "type": "CUSTOM",
            "options": [{ "key": "screen", "value": "Екран" }, { "key": "battery", "value": "Акумулятор" },
                { "key": "other", "value": "Інше" }],
        });
        assert_eq!(form["questions"][3], question);
        assert_eq!(form["tracking_parameters"], json!([{ "key": "utm_source", "value": "facebook" }]));
        assert_eq!(form.get("legal_content"), None);
        assert_eq!(form["leads"]["data"], json!([{ "id": id, "form_id": DEMO_FORM }]));
    }

    #[tokio::test]
    async fn many_are_keyed_by_id() {
        let caller = Caller::demo();
        let ids = [lead(), lead()].map(|lead| caller.meta.add_lead(DEMO_FORM, lead));
        let (_, shown) = caller.get(&format!("/v26.0/?ids={},{}&fields=form_id", ids[0], ids[1])).await;
        let one = |id: &String| json!({ "id": id, "form_id": DEMO_FORM });
        assert_eq!(shown, json!({ &ids[0]: one(&ids[0]), &ids[1]: one(&ids[1]) }));
    }

    #[tokio::test]
    async fn a_deleted_lead_is_gone() {
        let caller = Caller::demo();
        let path = format!("/v26.0/{}", caller.meta.add_lead(DEMO_FORM, lead()));
        let deleted = caller.send("DELETE", &path, DEMO_PAGE_TOKEN, &[]).await;
        assert_eq!(deleted, (200, json!({ "success": true })));
        assert_eq!(caller.error(&path).await, (100, 33));
    }
}
