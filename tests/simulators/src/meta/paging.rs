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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pretty_assertions::assert_eq;
    use rstest::rstest;
    use serde_json::Value;
    use url::Url;

    use super::super::testing::{Caller, code, lead};
    use super::super::{Ad, DEMO_FORM, DEMO_PAGE};

    /// Five leads, a second apart from Unix second `first` on.
    fn five() -> (Caller, i64) {
        let caller = Caller::demo();
        let first = caller.now().as_second();
        for _ in 0..5 {
            caller.meta.add_lead(DEMO_FORM, lead());
            caller.pass(Duration::from_secs(1));
        }
        (caller, first)
    }

    /// Last digits of the ids, page by page.
    async fn walk(caller: &Caller, path: &str) -> String {
        let (mut seen, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let (_, page) = caller.get(&path).await;
            seen.push(digits(&page));
            next = page["paging"]["next"].as_str().map(|next| {
                let url = Url::parse(next).unwrap();
                assert_eq!(url.host_str(), Some("graph.example"));
                format!("{}?{}", url.path(), url.query().unwrap())
            });
        }
        seen.join("|")
    }

    fn digits(page: &Value) -> String {
        let ids = page["data"].as_array().unwrap().iter().map(|lead| lead["id"].as_str().unwrap());
        ids.map(|id| &id[id.len() - 1..]).collect()
    }

    #[rstest]
    #[case(false, "54|32|1")]
    #[case(true, "|54|32|1")]
    #[tokio::test]
    async fn next_leads_through_all_leads_once(#[case] empty_first_page: bool, #[case] expected: &str) {
        let (caller, _) = five();
        caller.meta.update_settings(|settings| settings.empty_first_page = empty_first_page);
        assert_eq!(walk(&caller, &format!("/v26.0/{DEMO_FORM}/leads?fields=id&limit=2")).await, expected);
    }

    #[tokio::test]
    async fn a_lead_that_comes_in_between_disturbs_nothing() {
        let (caller, _) = five();
        let (_, page) = caller.get(&format!("/v26.0/{DEMO_FORM}/leads?limit=3")).await;
        assert_eq!(digits(&page), "543");
        caller.meta.add_lead(DEMO_FORM, lead());
        let after = page["paging"]["cursors"]["after"].as_str().unwrap();
        assert_eq!(walk(&caller, &format!("/v26.0/{DEMO_FORM}/leads?limit=3&after={after}")).await, "21");
    }

    #[rstest]
    #[case(&[("GREATER_THAN", 1)], "543")]
    #[case(&[("GREATER_THAN_OR_EQUAL", 1)], "5432")]
    #[case(&[("LESS_THAN", 1)], "1")]
    #[case(&[("GREATER_THAN", 0), ("LESS_THAN", 3)], "32")]
    #[tokio::test]
    async fn filters_by_time(#[case] conditions: &[(&str, i64)], #[case] expected: &str) {
        let (caller, first) = five();
        let condition = |(operator, second): &(&str, i64)| {
            format!(r#"{{"field":"time_created","operator":"{operator}","value":{}}}"#, first + second)
        };
        let filtering = format!("[{}]", conditions.iter().map(condition).collect::<Vec<_>>().join(","));
        let query = serde_urlencoded::to_string([("filtering", filtering)]).unwrap();
        assert_eq!(walk(&caller, &format!("/v26.0/{DEMO_FORM}/leads?{query}")).await, expected);
    }

    #[rstest]
    #[case(r#"[{"field":"id","operator":"GREATER_THAN","value":1}]"#, 1)]
    #[case(r#"[{"field":"created_time","operator":"GREATER_THAN","value":9000000000}]"#, 0)]
    #[case(r#"[{"field":"time_created","operator":"IS","value":1}]"#, 100)]
    #[case(r#"[{"field":"time_created","operator":"LESS_THAN","value":"soon"}]"#, 100)]
    #[case("since yesterday", 100)]
    #[tokio::test]
    async fn other_filters_fail_or_do_nothing(#[case] filtering: &str, #[case] error: u64) {
        let (caller, _) = five();
        let query = serde_urlencoded::to_string([("filtering", filtering)]).unwrap();
        let (_, page) = caller.get(&format!("/v26.0/{DEMO_FORM}/leads?{query}")).await;
        assert_eq!(code(&page).0, error);
        assert!(error > 0 || digits(&page) == "54321");
    }

    #[tokio::test]
    async fn too_large_a_page_is_refused() {
        let (caller, _) = five();
        caller.meta.update_settings(|settings| settings.largest_limit = Some(3));
        let (status, refused) = caller.get(&format!("/v26.0/{DEMO_FORM}/leads?limit=4")).await;
        assert_eq!((status, code(&refused)), (500, (1, 0)));
        assert!(refused["error"]["message"].as_str().unwrap().contains("reduce the amount of data"));
        assert_eq!(walk(&caller, &format!("/v26.0/{DEMO_FORM}/leads?limit=3")).await, "543|21");
    }

    #[tokio::test]
    async fn an_ad_lists_its_own_leads_and_a_page_its_forms() {
        let (caller, _) = five();
        let ad = Ad::demo();
        caller.meta.add_lead(DEMO_FORM, lead().ad(ad.clone()));
        assert_eq!(walk(&caller, &format!("/v26.0/{}/leads", ad.ad_id)).await, "6");
        let (_, forms) =
            caller.get(&format!("/v26.0/{DEMO_PAGE}/leadgen_forms?fields=leads_count,organic_leads_count")).await;
        let form = serde_json::json!({ "id": DEMO_FORM, "leads_count": 6, "organic_leads_count": 5 });
        assert_eq!(forms["data"], serde_json::json!([form]));
    }
}
