use serde_json::Value;

use super::answer::{Refusal, Reply};
use super::query::Query;
use super::settings::{PhoneMatch, Settings};
use super::state::Row;

/// Fields a list may be sorted by.
const SORTABLE: [&str; 6] = ["id", "created_at", "modified_at", "scheduled_for", "due_date", "closed_at"];

/// Which rows a list shall hold: one test for each filter in the query, all of which a row must pass.
#[derive(Default)]
pub(super) struct Filter(Vec<Test>);

type Test = Box<dyn Fn(&Row) -> bool>;

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn accepts(&self, row: &Row) -> bool {
        self.0.iter().all(|test| test(row))
    }

    /// For each pair of parameter and field: the field equals one of the parameter's values.
    pub(super) fn equal(&mut self, query: &Query, settings: &Settings, pairs: &[(&str, &'static str)]) {
        for &(parameter, field) in pairs {
            let Some(values) = query.values(parameter, settings.array_style) else { continue };
            self.0.push(Box::new(move |row| row.get(field).is_some_and(|value| values.contains(&text(value)))));
        }
    }

    /// For each of the date fields: it lies in the range that the parameter of the same name gives.
    pub(super) fn within(
        &mut self,
        query: &Query,
        settings: &Settings,
        fields: &[&'static str],
    ) -> Result<(), Refusal> {
        for &field in fields {
            let Some((from, to)) = query.range(field, settings)? else { continue };
            let date = move |row: &Row| row.get(field)?.as_str()?.parse().ok();
            self.0.push(Box::new(move |row| date(row).is_some_and(|date| (from..=to).contains(&date))));
        }
        Ok(())
    }

    /// One of the contact's phones is one of the parameter's values.
    pub(super) fn phone(&mut self, query: &Query, settings: &Settings, parameter: &str) {
        let how = settings.phone_match;
        let values = query.values(parameter, settings.array_style).filter(|_| how != PhoneMatch::Ignored);
        if let Some(values) = values {
            let wanted = move |phone: &str| values.iter().any(|value| how.finds(phone, value));
            self.0.push(Box::new(move |row| phones(row).any(&wanted)));
        }
    }

    /// One of the parameter's values is part of the contact's name, in any case.
    pub(super) fn name(&mut self, query: &Query, settings: &Settings, parameter: &str) {
        if let Some(values) = query.values(parameter, settings.array_style) {
            let values: Vec<_> = values.iter().map(|value| value.to_lowercase()).collect();
            self.0.push(Box::new(move |row| values.iter().any(|value| name(row).to_lowercase().contains(value))));
        }
    }
}

impl PhoneMatch {
    fn finds(self, stored: &str, wanted: &str) -> bool {
        match self {
            Self::Exact => stored == wanted,
            Self::Digits => only_digits(stored).eq(only_digits(wanted)),
            Self::Substring => digits(stored).contains(&digits(wanted)),
            Self::Ignored => true,
        }
    }
}

/// The digits of a phone, however it is written.
pub(super) fn digits(phone: &str) -> String {
    only_digits(phone).collect()
}

fn only_digits(phone: &str) -> impl Iterator<Item = char> {
    phone.chars().filter(char::is_ascii_digit)
}

/// The phones of a contact (objects under `phones`) or of the client in an order (strings under `phone`).
pub(super) fn phones(row: &Row) -> impl Iterator<Item = &str> {
    let items = row.get("phones").or_else(|| row.get("phone")).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().or_else(|| item["phone"].as_str()))
}

/// An organization's name, or a person's two names.
pub(super) fn name(row: &Row) -> String {
    let part = |key| row.get(key).and_then(Value::as_str).unwrap_or_default();
    match part("name") {
        "" => format!("{} {}", part("first_name"), part("last_name")).trim().to_owned(),
        name => name.to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The page of `rows` (in order of id) that the query asks for, sorted as it asks, each as it is to be shown.
pub(super) fn page(mut rows: Vec<&Row>, query: &Query, shown: impl Fn(&Row) -> Value) -> Reply {
    let sort = query.value("sort").unwrap_or_default();
    let field = sort.strip_prefix('-').unwrap_or(sort);
    if SORTABLE.contains(&field) {
        rows.sort_by_cached_key(|row| row.get(field).and_then(Value::as_str).unwrap_or_default());
        if sort.starts_with('-') {
            rows.reverse();
        }
    }
    let (page, limit) = query.page();
    let count = rows.len();
    let rows = rows.into_iter().skip((page - 1).saturating_mul(limit)).take(limit).map(shown).collect();
    Reply::Page { rows, page, limit, count }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(PhoneMatch::Exact, "+380501112233", true)]
    #[case(PhoneMatch::Exact, "380501112233", false)]
    #[case(PhoneMatch::Digits, "380 50 111-22-33", true)]
    #[case(PhoneMatch::Digits, "0501112233", false)]
    #[case(PhoneMatch::Substring, "0501112233", true)]
    #[case(PhoneMatch::Substring, "0501112234", false)]
    fn compares_phones(#[case] how: PhoneMatch, #[case] wanted: &str, #[case] found: bool) {
        assert_eq!(how.finds("+380501112233", wanted), found);
    }
}
