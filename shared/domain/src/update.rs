use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::{
    ExistingClient, NewClient, OnUpdate,
    plan::phone_object,
    text::{LONGEST_TEXT, first_characters},
};

/// What must be sent to change an existing client as the bundle says: only the fields that change, `None` when none
/// does. Phones are always united, whatever `on_update` says; custom fields that the bundle does not fill are left
/// alone.
/// Source: RO App API v2, `PATCH /contacts/people/{id}`, where `phones` replaces the whole list.
pub fn client_change(
    existing: &ExistingClient,
    new: &NewClient,
    on_update: &BTreeMap<String, OnUpdate>,
) -> Option<Json> {
    let mut fields = new.fields.clone();
    if let Some(email) = new.email.as_ref().filter(|email| !existing.has_email(email)) {
        fields.insert("email".to_owned(), json!(email.as_str()));
    }
    let mut change = changes(|name| old_value(&existing.card, name), &fields, on_update);
    if let Some(phones) = united_phones(existing, new) {
        change.insert("phones".to_owned(), phones);
    }
    let old_custom = existing.card.get("custom_fields");
    let custom = changes(|key| old_custom?.get(key).cloned(), &new.custom_fields, on_update);
    if !custom.is_empty() {
        change.insert("custom_fields".to_owned(), Json::Object(custom));
    }
    (!change.is_empty()).then_some(Json::Object(change))
}

fn changes(
    old: impl Fn(&str) -> Option<Json>,
    new: &Map<String, Json>,
    on_update: &BTreeMap<String, OnUpdate>,
) -> Map<String, Json> {
    let changed = new.iter().filter_map(|(name, value)| {
        let rule = on_update.get(name).copied().unwrap_or_default();
        Some((name.clone(), changed(&old(name).unwrap_or(Json::Null), value, rule)?))
    });
    changed.collect()
}

/// The new value of one field, `None` when the old one stays.
fn changed(old: &Json, new: &Json, rule: OnUpdate) -> Option<Json> {
    match (rule, old, new) {
        (OnUpdate::Keep, _, _) => None,
        (OnUpdate::Fill, _, _) if !is_empty(old) => None,
        (OnUpdate::Append, Json::String(old), Json::String(new)) => appended(old, new).map(Json::from),
        _ => (!is_same(old, new)).then(|| new.clone()),
    }
}

/// `old` with those lines of `new` that it lacks. A line that does not fit in any more is cut, which an ellipsis
/// shows.
fn appended(old: &str, new: &str) -> Option<String> {
    let mut text = old.trim_end().to_owned();
    for line in new.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let separator = if text.is_empty() { "" } else { "\n" };
        let room = LONGEST_TEXT.saturating_sub(text.chars().count() + separator.len());
        let fitting = shortened(line, room);
        if !fitting.is_empty() && !text.lines().any(|old| is_line(old.trim(), line)) {
            text = format!("{text}{separator}{fitting}");
        }
    }
    (text != old.trim_end()).then_some(text)
}

/// At most `room` characters of a line, empty where nothing of it fits.
fn shortened(line: &str, room: usize) -> String {
    if line.chars().count() <= room {
        return line.to_owned();
    }
    let kept = first_characters(line, room.saturating_sub(1)).trim_end();
    if kept.is_empty() { String::new() } else { format!("{kept}…") }
}

/// Whether `old` is `line`, whole or shortened.
fn is_line(old: &str, line: &str) -> bool {
    let beginning = old.strip_suffix('…').filter(|beginning| !beginning.is_empty());
    old == line || beginning.is_some_and(|beginning| line.starts_with(beginning))
}

/// All old phones as they are and the new one, `None` when it is among them. v2 takes phones as objects, so one
/// that was answered as a text becomes an object with that text.
fn united_phones(existing: &ExistingClient, new: &NewClient) -> Option<Json> {
    let phone = new.phone.as_ref().filter(|phone| !existing.has_phone(phone))?;
    let mut phones = match existing.card.get("phones") {
        Some(Json::Array(phones)) => phones.clone(),
        _ => existing.phones.iter().map(|number| json!(number)).collect(),
    };
    for old in &mut phones {
        if let Json::String(number) = old {
            *old = phone_object(number);
        }
    }
    phones.push(phone_object(phone.e164()));
    Some(Json::Array(phones))
}

/// A field of the card; ids of linked things come as `manager_id` or within `manager`.
fn old_value(card: &Map<String, Json>, name: &str) -> Option<Json> {
    let linked = || card.get(name.strip_suffix("_id")?)?.get("id");
    card.get(name).filter(|value| !is_empty(value)).or_else(linked).cloned()
}

/// RemOnline leaves out, nulls or empties what is not set.
fn is_empty(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Whether two values mean the same: RemOnline may answer a number as text, and more keys than were sent.
fn is_same(old: &Json, new: &Json) -> bool {
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            new.iter().all(|(key, value)| is_same(old.get(key).unwrap_or(&Json::Null), value))
        }
        _ => plain(old).is_some() && plain(old) == plain(new),
    }
}

fn plain(value: &Json) -> Option<String> {
    match value {
        Json::Null => Some(String::new()),
        Json::String(text) => Some(text.trim().to_owned()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::{Email, Phone};

    fn existing(card: Json) -> ExistingClient {
        let Json::Object(card) = card else { panic!("{card}") };
        let number = |phone: &Json| phone.get("phone").unwrap_or(phone).as_str().unwrap().to_owned();
        let phones = card.get("phones").and_then(Json::as_array).into_iter().flatten().map(number).collect();
        ExistingClient { id: 5, phones, card }
    }

    fn new(fields: Json) -> NewClient {
        let Json::Object(fields) = fields else { panic!("{fields}") };
        NewClient { fields, ..NewClient::default() }
    }

    fn rules(rules: &[(&str, OnUpdate)]) -> BTreeMap<String, OnUpdate> {
        rules.iter().map(|(name, rule)| ((*name).to_owned(), *rule)).collect()
    }

    fn change(old: Json, new_fields: Json, rule: OnUpdate) -> Option<Json> {
        let name = new_fields.as_object().unwrap().keys().next().unwrap().clone();
        client_change(&existing(old), &new(new_fields), &rules(&[(&name, rule)]))
    }

    #[rstest]
    #[case::same(json!({"notes": "a"}), json!({"notes": "a"}), None)]
    #[case::other(json!({"notes": "a"}), json!({"notes": "b"}), Some(json!({"notes": "b"})))]
    #[case::space(json!({"notes": "a "}), json!({"notes": "a"}), None)]
    #[case::missing(json!({}), json!({"notes": "a"}), Some(json!({"notes": "a"})))]
    #[case::null(json!({"notes": null}), json!({"notes": "a"}), Some(json!({"notes": "a"})))]
    #[case::number_as_text(json!({"manager_id": "9001"}), json!({"manager_id": 9001}), None)]
    #[case::text_as_number(json!({"discount_code": 777}), json!({"discount_code": "777"}), None)]
    #[case::linked(json!({"ad_campaign": {"id": 777, "name": "x"}}), json!({"ad_campaign_id": 777}), None)]
    #[case::linked_elsewhere(json!({"ad_campaign": {"id": 1}}), json!({"ad_campaign_id": 777}), Some(json!({"ad_campaign_id": 777})))]
    #[case::flag(json!({"supplier": false}), json!({"supplier": true}), Some(json!({"supplier": true})))]
    #[case::birthday(json!({"birthday": {"day": 1, "month": 2, "year": 1990, "age": 36}}), json!({"birthday": {"day": 1, "month": 2, "year": 1990}}), None)]
    #[case::birthday_without_year(json!({"birthday": {"day": 1, "month": 2}}), json!({"birthday": {"day": 1, "month": 2, "year": 1990}}), Some(json!({"birthday": {"day": 1, "month": 2, "year": 1990}})))]
    fn overwrites(#[case] old: Json, #[case] new: Json, #[case] expected: Option<Json>) {
        assert_eq!(change(old, new, OnUpdate::Overwrite), expected);
    }

    #[rstest]
    #[case::fill_empty(OnUpdate::Fill, json!({"address": " "}), Some(json!({"address": "b"})))]
    #[case::fill_null(OnUpdate::Fill, json!({"address": null}), Some(json!({"address": "b"})))]
    #[case::fill_full(OnUpdate::Fill, json!({"address": "a"}), None)]
    #[case::keep_empty(OnUpdate::Keep, json!({"address": ""}), None)]
    #[case::keep_full(OnUpdate::Keep, json!({"address": "a"}), None)]
    #[case::append_empty(OnUpdate::Append, json!({"address": ""}), Some(json!({"address": "b"})))]
    #[case::append_null(OnUpdate::Append, json!({"address": null}), Some(json!({"address": "b"})))]
    #[case::append_full(OnUpdate::Append, json!({"address": "a"}), Some(json!({"address": "a\nb"})))]
    #[case::append_known(OnUpdate::Append, json!({"address": "b\na"}), None)]
    #[case::append_part(OnUpdate::Append, json!({"address": "bb"}), Some(json!({"address": "bb\nb"})))]
    fn rules_are_followed(#[case] rule: OnUpdate, #[case] old: Json, #[case] expected: Option<Json>) {
        assert_eq!(change(old, json!({"address": "b"}), rule), expected);
    }

    #[test]
    fn appending_never_loses_old_text() {
        let old = "a".repeat(1_995);
        let changed = change(json!({ "notes": old }), json!({"notes": "12345678"}), OnUpdate::Append).unwrap();
        assert_eq!(changed["notes"], json!(format!("{old}\n123…")));
        let longer = "a".repeat(3_000);
        assert_eq!(change(json!({ "notes": longer }), json!({"notes": "b"}), OnUpdate::Append), None);
    }

    #[rstest]
    #[case::known(json!([{"title": "Mobile", "phone": "050 111 22 33"}]), None)]
    #[case::none(json!([]), Some(json!([{"title": "", "phone": "+380501112233"}])))]
    #[case::kept(
        json!([{"title": "Mobile", "phone": "0671112233", "notify": true}]),
        Some(json!([{"title": "Mobile", "phone": "0671112233", "notify": true}, {"title": "", "phone": "+380501112233"}])),
    )]
    #[case::texts(
        json!(["0671112233"]),
        Some(json!([{"title": "", "phone": "0671112233"}, {"title": "", "phone": "+380501112233"}])),
    )]
    fn phones_are_united(#[case] phones: Json, #[case] expected: Option<Json>) {
        let new = NewClient { phone: Phone::parse("+380501112233", "UA"), ..NewClient::default() };
        for rule in [OnUpdate::Overwrite, OnUpdate::Fill, OnUpdate::Append, OnUpdate::Keep] {
            let change = client_change(&existing(json!({ "phones": phones })), &new, &rules(&[("phone", rule)]));
            assert_eq!(change, expected.clone().map(|phones| json!({ "phones": phones })));
        }
    }

    #[rstest]
    #[case(json!({"email": "Olena@Example.com"}), OnUpdate::Overwrite, None)]
    #[case(json!({"email": "o@example.com"}), OnUpdate::Overwrite, Some(json!({"email": "olena@example.com"})))]
    #[case(json!({"email": "o@example.com"}), OnUpdate::Fill, None)]
    #[case(json!({"email": ""}), OnUpdate::Fill, Some(json!({"email": "olena@example.com"})))]
    fn addresses_follow_the_rules(#[case] old: Json, #[case] rule: OnUpdate, #[case] expected: Option<Json>) {
        let new = NewClient { email: Email::parse("olena@example.com"), ..NewClient::default() };
        assert_eq!(client_change(&existing(old), &new, &rules(&[("email", rule)])), expected);
    }

    #[test]
    fn only_touched_custom_fields_are_sent() {
        let custom = json!({"f1": "new", "f2": 7, "f3": "new"});
        let new = NewClient { custom_fields: custom.as_object().unwrap().clone(), ..NewClient::default() };
        let old = existing(json!({"custom_fields": {"f1": "old", "f2": "7", "f3": "old", "f9": "other"}}));
        let change = client_change(&old, &new, &rules(&[("f3", OnUpdate::Keep)]));
        assert_eq!(change, Some(json!({"custom_fields": {"f1": "new"}})));
    }

    /// What RemOnline makes of a change.
    fn patched(old: &ExistingClient, change: &Json) -> ExistingClient {
        let mut card = old.card.clone();
        for (name, value) in change.as_object().unwrap() {
            match (name.as_str(), card.get_mut(name), value) {
                ("custom_fields", Some(Json::Object(old)), Json::Object(new)) => old.extend(new.clone()),
                _ => drop(card.insert(name.clone(), value.clone())),
            }
        }
        existing(Json::Object(card))
    }

    fn old_text() -> impl Strategy<Value = Json> {
        prop_oneof![Just(Json::Null), "[a-c \n]{0,12}".prop_map(Json::from), "[a-z \n]{1990,2010}".prop_map(Json::from)]
    }

    fn old_card() -> impl Strategy<Value = Json> {
        let phones = proptest::collection::vec("(050|\\+38050|067)111223[0-3]", 0..4);
        let campaign = prop_oneof![Just(json!("7")), Just(json!(7)), Just(json!(null)), Just(json!(8))];
        (old_text(), old_text(), old_text(), phones, campaign).prop_map(|(notes, address, custom, phones, campaign)| {
            let phones = phones.iter().map(|phone| json!({"title": "Mobile", "phone": phone})).collect::<Vec<_>>();
            json!({"notes": notes, "address": address, "custom_fields": {"f1": custom}, "phones": phones, "ad_campaign_id": campaign})
        })
    }

    fn any_rule() -> impl Strategy<Value = OnUpdate> {
        prop_oneof![Just(OnUpdate::Overwrite), Just(OnUpdate::Fill), Just(OnUpdate::Append), Just(OnUpdate::Keep)]
    }

    proptest! {
        #[test]
        fn a_change_made_twice_changes_nothing_more(
            card in old_card(), notes in "[a-c]([a-c \n]{0,10}[a-c])?", address in "[a-c]{1,9}", custom in "[a-c]{1,9}",
            phone in "050111223[0-3]", on_notes in any_rule(), on_address in any_rule(), on_custom in any_rule(),
        ) {
            let old = existing(card);
            let new = NewClient {
                phone: Phone::parse(&phone, "UA"),
                custom_fields: json!({"f1": custom}).as_object().unwrap().clone(),
                ..new(json!({"notes": notes, "address": address, "ad_campaign_id": 7}))
            };
            let rules = rules(&[("notes", on_notes), ("address", on_address), ("f1", on_custom)]);
            if let Some(change) = client_change(&old, &new, &rules) {
                let updated = patched(&old, &change);
                prop_assert_eq!(client_change(&updated, &new, &rules), None);
                prop_assert!(old.phones.iter().all(|phone| updated.phones.contains(phone)));
                prop_assert!(updated.has_phone(&new.phone.unwrap()));
            }
        }
    }
}
