use serde_json::Value;

use super::call::Call;
use super::errors::GraphError;
use super::nodes::Node;
use super::state::{Lead, State};
use super::tokens::Token;

/// A list of nodes, each with the key that orders it.
pub(super) type Nodes = Vec<(String, Node)>;

/// Reads the edges that field expansion reaches too.
pub(super) fn read(state: &State, call: &Call, token: &Token) -> Result<Value, GraphError> {
    let nodes = match call.segments.get(1).map(String::as_str) {
        Some("leadgen_forms") => forms(state, call, token)?,
        Some("leads") => leads(state, call, token, &|_| true)?,
        Some("test_leads") => leads(state, call, token, &|lead| lead.test)?,
        _ => return Err(GraphError::new(2500, None).say(format!("Unknown path components: {}", call.path))),
    };
    state.list(call, token, nodes)
}

/// `/{page_id}/leadgen_forms`.
fn forms(state: &State, call: &Call, token: &Token) -> Result<Nodes, GraphError> {
    if token.page().is_none() {
        return Err(GraphError::new(190, Some(2_069_032)));
    }
    let page = state.page_node(call.id(), token)?.id;
    let forms = state.forms.iter().filter(|(_, form)| form.page == page);
    Ok(forms.map(|(id, form)| (id.clone(), state.form_as_node(id, form))).collect())
}

/// `/{form_id}/leads` and `/{ad_id}/leads`, ordered by time.
fn leads(state: &State, call: &Call, token: &Token, wanted: &dyn Fn(&Lead) -> bool) -> Result<Nodes, GraphError> {
    let of_ad = |lead: &Lead| lead.ad.as_ref().is_some_and(|ad| ad.ad_id == call.id());
    let first_of_ad = || state.leads.values().find(|lead| of_ad(lead)).map(|lead| lead.page.as_str());
    let form = state.forms.get(call.id());
    let page = form.map(|form| form.page.as_str()).or_else(first_of_ad);
    let page = page.filter(|page| token.sees(page)).ok_or_else(GraphError::absent)?;
    state.may_read_leads(page, token)?;
    let filter = TimeFilter::parse(call)?;
    let leads: Vec<_> = match form {
        Some(form) => state.leads_of(form).collect(),
        None => state.leads.iter().filter(|(_, lead)| of_ad(lead)).collect(),
    };
    let listed = leads.into_iter().filter(|(_, lead)| wanted(lead) && state.is_listed(lead) && filter.passes(lead));
    let key = |id: &str, lead: &Lead| format!("{:012}:{id}", lead.created.as_second());
    Ok(listed.map(|(id, lead)| (key(id, lead), state.lead_as_node(id, lead, token))).collect())
}

/// Bounds of `time_created` in Unix seconds, both exclusive.
struct TimeFilter {
    above: i64,
    below: i64,
}

impl TimeFilter {
    fn parse(call: &Call) -> Result<Self, GraphError> {
        let mut filter = Self { above: i64::MIN, below: i64::MAX };
        let conditions = call.json("filtering")?.unwrap_or(Value::Array(Vec::new()));
        for condition in conditions.as_array().ok_or_else(|| invalid("a list is expected"))? {
            filter.add(condition)?;
        }
        Ok(filter)
    }

    fn add(&mut self, condition: &Value) -> Result<(), GraphError> {
        match condition["field"].as_str() {
            Some("time_created") => {}
            Some("id") => return Err(GraphError::new(1, None)),
            // Seen in practice: `created_time` is accepted and does nothing.
            Some("created_time") => return Ok(()),
            _ => return Err(invalid("unknown field")),
        }
        let value = &condition["value"];
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let number = number.ok_or_else(|| invalid("Unix seconds are expected"))?;
        match condition["operator"].as_str() {
            Some("GREATER_THAN") => self.above = self.above.max(number),
            Some("GREATER_THAN_OR_EQUAL") => self.above = self.above.max(number.saturating_sub(1)),
            Some("LESS_THAN") => self.below = self.below.min(number),
            _ => return Err(invalid("unknown operator")),
        }
        Ok(())
    }

    fn passes(&self, lead: &Lead) -> bool {
        let second = lead.created.as_second();
        self.above < second && second < self.below
    }
}

fn invalid(reason: &str) -> GraphError {
    GraphError::new(100, None).say(format!("(#100) Invalid filtering: {reason}"))
}
