use serde_json::{Value, json};

use super::call::Call;
use super::edges::Nodes;
use super::errors::GraphError;
use super::state::State;
use super::tokens::Token;

/// Sorts before every key, seen from the end: the cursor of a page that comes before all others.
const BEFORE_ALL: &str = "~";

impl State {
    /// One page of a list, newest first.
    pub(super) fn list(&self, call: &Call, token: &Token, mut nodes: Nodes) -> Result<Value, GraphError> {
        let limit = self.limit(call)?;
        let after = call.param("after").map(read_cursor).transpose()?;
        nodes.sort_by(|one, other| other.0.cmp(&one.0));
        nodes.retain(|(key, _)| after.as_ref().is_none_or(|after| key < after));
        if after.is_none() && self.settings.empty_first_page {
            return Ok(json!({ "data": [], "paging": paging(call, BEFORE_ALL, BEFORE_ALL, limit, true) }));
        }
        let more = nodes.len() > limit;
        nodes.truncate(limit);
        let data = nodes.iter().map(|(_, node)| self.show(node, call, token)).collect::<Result<Vec<_>, _>>()?;
        let mut page = json!({ "data": data });
        if let (Some((first, _)), Some((last, _))) = (nodes.first(), nodes.last()) {
            page["paging"] = paging(call, first, last, limit, more);
        }
        Ok(page)
    }

    fn limit(&self, call: &Call) -> Result<usize, GraphError> {
        let invalid = |_| GraphError::new(100, None).say("(#100) limit must be a positive integer");
        let limit = call.param("limit").map_or(Ok(25), str::parse::<u32>).map_err(invalid)?;
        if self.settings.largest_limit.is_some_and(|largest| limit > largest) {
            let message = "Please reduce the amount of data you're asking for, then retry your request";
            return Err(GraphError::new(1, None).say(message));
        }
        Ok(limit.max(1) as usize)
    }
}

/// `next` repeats the call with everything it carried, the token included.
fn paging(call: &Call, first: &str, last: &str, limit: usize, more: bool) -> Value {
    let mut paging = json!({ "cursors": { "before": hex::encode(first), "after": hex::encode(last) } });
    if more {
        let mut params = call.params.clone();
        params.extend(call.token.clone().map(|token| ("access_token".to_owned(), token)));
        params.insert("limit".to_owned(), limit.to_string());
        params.insert("after".to_owned(), hex::encode(last));
        let query = serde_urlencoded::to_string(&params).unwrap_or_default();
        let version = call.version.as_deref().unwrap_or_default();
        paging["next"] = format!("{}/{version}/{}?{query}", call.origin, call.segments.join("/")).into();
    }
    paging
}

fn read_cursor(text: &str) -> Result<String, GraphError> {
    let key = hex::decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| GraphError::new(100, None).say("(#100) Invalid cursors values"))
}
