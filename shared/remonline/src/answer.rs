//! A successful answer, and the shapes RemOnline gives it.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::row::{Row, integer};
use crate::{Details, Error};

/// Rows a page has unless asked otherwise.
const PAGE_SIZE: usize = 50;

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, in RemOnline's order.
    pub rows: Vec<T>,
    /// The number of the next page; `None` after the last one.
    pub next: Option<u32>,
}

impl<T> Page<T> {
    /// Leaves the rows made since `since` and those without a time. Rows that come newest first and reach further
    /// back end the list.
    pub(crate) fn since(mut self, since: Timestamp, made_at: impl Fn(&T) -> Option<Timestamp>) -> Self {
        let newest_first = self.rows.is_sorted_by_key(|row| Reverse(made_at(row)));
        let reaches_back = self.rows.last().and_then(&made_at).is_some_and(|oldest| oldest < since);
        if newest_first && reaches_back {
            self.next = None;
        }
        self.rows.retain(|row| made_at(row).is_none_or(|time| time >= since));
        self
    }
}

/// The body of a 2xx that does not say `success: false`. `Null` when it was empty.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// Whether it answers a request that writes.
    pub(crate) write: bool,
}

impl Answer {
    /// The answer is not what was asked for.
    pub(crate) fn unreadable(&self, missing: &str) -> Error {
        let message = format!("the answer has no readable {missing}");
        Error::unusable(self.write, Details { status: Some(self.status), message, ..Details::default() })
    }

    /// The single object: bare, under `data`, or the only element of an array there.
    pub(crate) fn object(&self) -> Option<Row> {
        object_in(&self.body).cloned().map(Row)
    }

    /// The rows of a list, which is an array or has one under `data`. Anything else is not an empty list: taking
    /// it for one would turn a broken search into a client that does not exist.
    pub(crate) fn rows(&self) -> Result<Vec<Row>, Error> {
        let rows = self.body.as_array().or_else(|| self.body.get("data")?.as_array());
        let objects = rows.and_then(|rows| rows.iter().map(|row| row.as_object().cloned().map(Row)).collect());
        objects.ok_or_else(|| self.unreadable("list"))
    }

    /// Page `number` of a list, each row read by `read`. A row that cannot be read spoils the page, because it
    /// may be the one that is looked for.
    pub(crate) fn page<T>(&self, number: u32, read: impl Fn(&Row) -> Option<T>) -> Result<Page<T>, Error> {
        let rows = self.rows()?.iter().map(read).collect::<Option<Vec<_>>>();
        let rows = rows.ok_or_else(|| self.unreadable("id in every row"))?;
        let next = self.has_more(number, rows.len()).then_some(number.saturating_add(1));
        Ok(Page { rows, next })
    }

    /// Whether pages follow page `number`, which has `rows` rows. v2 says how many pages there are, the unversioned
    /// paths how many rows; a bare array is the whole list.
    pub(crate) fn has_more(&self, number: u32, rows: usize) -> bool {
        if rows == 0 || self.body.is_array() {
            return false;
        }
        let pages = integer(&self.body["paging"]["total_pages"]);
        let count = integer(&self.body["count"]);
        match (pages, count) {
            (Some(pages), _) => i64::from(number) < pages,
            (None, Some(count)) => i64::from(number) * i64::try_from(PAGE_SIZE).unwrap_or(i64::MAX) < count,
            (None, None) => rows >= PAGE_SIZE,
        }
    }
}

fn object_in(body: &Value) -> Option<&Map<String, Value>> {
    match body {
        Value::Object(object) => match object.get("data") {
            Some(inner) if !object.contains_key("id") => object_in(inner),
            _ => Some(object),
        },
        Value::Array(only) if only.len() == 1 => only[0].as_object(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::row::arbitrary_json;

    fn answer(body: Value) -> Answer {
        Answer { status: 200, body, write: false }
    }

    #[rstest]
    #[case(json!({ "id": 7 }))]
    #[case(json!({ "id": "7", "data": { "id": 8 } }))]
    #[case(json!({ "data": { "id": 7 } }))]
    #[case(json!({ "data": [{ "id": 7 }], "success": true }))]
    #[case(json!([{ "id": 7 }]))]
    fn finds_the_object(#[case] body: Value) {
        assert_eq!(answer(body).object().unwrap().id(), Some(7));
    }

    #[rstest]
    #[case(Value::Null)]
    #[case(json!([]))]
    #[case(json!([{ "id": 7 }, { "id": 8 }]))]
    #[case(json!({ "data": null }))]
    #[case(json!("ok"))]
    fn finds_no_object(#[case] body: Value) {
        assert_eq!(answer(body).object(), None);
    }

    #[rstest]
    #[case(json!([{ "id": 7 }]), None)]
    #[case(json!({ "data": [{ "id": 7 }] }), None)]
    #[case(json!({ "data": [{ "id": 7 }], "paging": { "page": 1, "total_pages": 2 } }), Some(2))]
    #[case(json!({ "data": [{ "id": 7 }], "paging": { "page": 1, "total_pages": 1 } }), None)]
    #[case(json!({ "data": [{ "id": 7 }], "count": 50, "success": true }), None)]
    #[case(json!({ "data": [{ "id": 7 }], "count": 51, "success": true }), Some(2))]
    fn reads_both_list_shapes(#[case] body: Value, #[case] next: Option<u32>) {
        let page = answer(body).page(1, Row::id).unwrap();
        assert_eq!(page, Page { rows: vec![7], next });
    }

    #[test]
    fn an_unnumbered_full_page_may_have_a_successor() {
        let rows = (1..=50).map(|id| json!({ "id": id })).collect::<Vec<_>>();
        assert_eq!(answer(json!({ "data": rows })).page(3, Row::id).unwrap().next, Some(4));
        assert_eq!(answer(json!(rows)).page(1, Row::id).unwrap().next, None);
    }

    #[rstest]
    #[case(Value::Null)]
    #[case(json!({}))]
    #[case(json!({ "data": {} }))]
    #[case(json!({ "data": null }))]
    #[case(json!([1, 2]))]
    #[case(json!([{ "name": "no id" }]))]
    fn takes_nothing_odd_for_an_empty_list(#[case] body: Value) {
        assert!(matches!(answer(body).page(1, Row::id), Err(Error::Unavailable(_))));
    }

    #[rstest]
    #[case::all_young(&[9, 8], Some(2), &[9, 8], Some(2))]
    #[case::reaches_back(&[9, 4], Some(2), &[9], None)]
    #[case::unsorted(&[4, 9, 3], Some(2), &[9], Some(2))]
    #[case::last(&[9, 5], None, &[9, 5], None)]
    fn ends_where_the_rows_get_too_old(
        #[case] rows: &[i64],
        #[case] next: Option<u32>,
        #[case] left: &[i64],
        #[case] then: Option<u32>,
    ) {
        let time = |second: i64| Timestamp::from_second(second).unwrap();
        let page = Page { rows: rows.to_vec(), next }.since(time(5), |row| Some(time(*row)));
        assert_eq!(page, Page { rows: left.to_vec(), next: then });
    }

    proptest! {
        #[test]
        fn reads_any_json(body in arbitrary_json(), page in any::<u32>()) {
            let answer = answer(body);
            let _ = answer.object().map(|row| row.id());
            let _ = answer.page(page, Row::id);
        }
    }
}
