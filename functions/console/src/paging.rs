use axum::extract::FromRequestParts;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::request::Parts;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::{problem::Problem, request, text::text};

/// Most items of one page.
pub(crate) const MAX_LIMIT: usize = 200;

/// Items of one page when the caller does not say.
pub(crate) const DEFAULT_LIMIT: usize = 50;

/// Which page of a list the caller wants.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Items of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Items<T> {
    /// The items, in the list's order.
    pub(crate) items: Vec<T>,
    /// Ask with it for the next page; null on the last one.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// A query that filters a list and says which page of it.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    /// The page.
    pub(crate) page: Page,
    /// What the items must fit.
    pub(crate) filter: T,
}

/// The filter of a list that has none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFilter {}

impl Page {
    /// How many items at most.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// The cursor as it was given.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// What the cursor stands for, as given to [`cursor`].
    ///
    /// # Errors
    /// 400 when it is none of ours.
    pub(crate) fn after(&self) -> Result<Option<String>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| no_cursor())?;
        String::from_utf8(bytes).map(Some).map_err(|_| no_cursor())
    }

    /// The page of a list that is at hand as a whole; `key` tells its items apart.
    ///
    /// # Errors
    /// 400 when the item that the cursor stands for is gone.
    pub(crate) fn of<T>(&self, list: Vec<T>, key: impl Fn(&T) -> String) -> Result<Items<T>, Problem> {
        let start = match self.after()? {
            None => 0,
            Some(last) => 1 + list.iter().position(|item| key(item) == last).ok_or_else(no_cursor)?,
        };
        let more = list.len() > start + self.limit();
        let items: Vec<T> = list.into_iter().skip(start).take(self.limit()).collect();
        let next_cursor = items.last().filter(|_| more).map(|last| cursor(&key(last)));
        Ok(Items { items, next_cursor })
    }
}

/// The cursor that stands for `position`. Callers must not look into it, so it does not show what it is.
pub(crate) fn cursor(position: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(position)
}

/// 400: the cursor is none of ours, or its item is gone.
pub(crate) fn no_cursor() -> Problem {
    Problem::bad_query(text("query-cursor"))
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Listing<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let asked = parts.uri.query().unwrap_or_default();
        let pairs = || url::form_urlencoded::parse(asked.as_bytes());
        let of_page = |name: &str| matches!(name, "limit" | "cursor");
        let encode = |wanted: bool| {
            let chosen = pairs().filter(|(name, _)| of_page(name) == wanted);
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(chosen).finish()
        };
        let page: Page = request::query(&encode(true))?;
        if !(1..=MAX_LIMIT).contains(&page.limit()) {
            return Err(Problem::bad_query(text("query-limit").with("most", MAX_LIMIT)));
        }
        Ok(Self { page, filter: request::query(&encode(false))? })
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    async fn listing(query: &str) -> Result<Page, Problem> {
        let (mut parts, ()) = http::Request::get(format!("/api/bundles?{query}")).body(()).unwrap().into_parts();
        Listing::<NoFilter>::from_request_parts(&mut parts, &()).await.map(|listing| listing.page)
    }

    #[tokio::test]
    async fn pages_follow_each_other_without_a_gap() {
        let list: Vec<u32> = (0..7).collect();
        let mut seen = Vec::new();
        let mut query = "limit=3".to_owned();
        loop {
            let page = listing(&query).await.unwrap().of(list.clone(), u32::to_string).unwrap();
            seen.extend(page.items);
            let Some(next) = page.next_cursor else { break };
            query = format!("limit=3&cursor={next}");
        }
        assert_eq!(seen, list);
    }

    #[test]
    fn a_full_last_page_has_no_next() {
        let page = Page { limit: Some(2), cursor: None };
        assert_eq!(page.of(vec![1, 2], i32::to_string).unwrap().next_cursor, None);
    }

    #[rstest]
    #[case("limit=0")]
    #[case("limit=201")]
    #[case("limit=-1")]
    #[case("limit=ten")]
    #[case("offset=5")]
    #[tokio::test]
    async fn a_bad_page_is_a_bad_query(#[case] query: &str) {
        assert_eq!(listing(query).await.unwrap_err().status, http::StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        for foreign in ["!!", "_w", &cursor("9")] {
            let page = Page { limit: None, cursor: Some(foreign.to_owned()) };
            assert!(page.of(vec![1, 2], i32::to_string).is_err(), "{foreign}");
        }
    }
}
