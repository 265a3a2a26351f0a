use jiff::{Timestamp, ZonedDateTime, fmt::strtime, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, Value, value::ValueKind};

use crate::{Email, Phone, TemplateFault, mapping::LONGEST_OUTPUT, moment::parse_moment, split_name};

/// Lists within lists are read down to here.
const DEEPEST_LIST: usize = 8;

/// Adds the product's own filters. A new field transform is a function here.
pub(crate) fn add_filters(environment: &mut Environment<'_>, region: &str, timezone: &TimeZone) {
    let (region, timezone) = (region.to_owned(), timezone.clone());
    environment.add_filter("phone", move |value: Value, other: Option<String>| {
        phone(&value, other.as_deref().unwrap_or(&region))
    });
    environment.add_filter("email", |value: Value| email(&value));
    environment.add_filter("first_name", |value: Value| split_name(&as_text(&value)).0);
    environment.add_filter("last_name", |value: Value| split_name(&as_text(&value)).1);
    environment.add_filter("date", move |value: Value, format: String, other: Option<String>| {
        date(&value, &format, other.as_deref(), &timezone)
    });
    environment.add_filter("choice", |value: Value, choices: Value, otherwise: Option<Value>| {
        choice(&value, &choices, &otherwise.unwrap_or_else(|| Value::from("")))
    });
}

/// A value as it stands in a field: nothing for nothing, a list with commas. Lists within lists can be made to hold
/// more than memory does, so that they are read only as far as the text is kept.
pub(crate) fn as_text(value: &Value) -> String {
    let mut text = String::new();
    write_text(value, 0, &mut text);
    text
}

fn write_text(value: &Value, depth: usize, text: &mut String) {
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => {}
        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().into_iter().flatten().take_while(|_| depth < DEEPEST_LIST);
            for (number, item) in items.enumerate() {
                if text.len() > LONGEST_OUTPUT {
                    return;
                }
                text.push_str(if number == 0 { "" } else { ", " });
                write_text(&item, depth + 1, text);
            }
        }
        _ => text.push_str(&value.to_string()),
    }
}

/// The number in E.164, empty when it is no valid number.
fn phone(value: &Value, region: &str) -> Result<String, Error> {
    if !is_region(region) {
        return Err(wrong_argument(TemplateFault::PhoneRegion));
    }
    Ok(Phone::parse(&as_text(value), region).map_or_else(String::new, |phone| phone.e164().to_owned()))
}

/// The address in lower case, empty when it is none.
fn email(value: &Value) -> String {
    Email::parse(&as_text(value)).map_or_else(String::new, |email| email.as_str().to_owned())
}

/// The moment in the words of `strftime`, empty when there is none.
fn date(value: &Value, format: &str, timezone: Option<&str>, default: &TimeZone) -> Result<String, Error> {
    let timezone = timezone.map_or_else(|| Ok(default.clone()), TimeZone::get);
    let timezone = timezone.map_err(|_| wrong_argument(TemplateFault::DateTimeZone))?;
    let spelled = |moment: ZonedDateTime| {
        strtime::format(format, &moment.with_time_zone(timezone.clone()))
            .map_err(|_| wrong_argument(TemplateFault::DateFormat))
    };
    spelled(Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC))?;
    match (as_text(value).trim(), parse_moment(&as_text(value), default)) {
        ("", _) => Ok(String::new()),
        (_, Some(moment)) => spelled(moment),
        (_, None) => Err(wrong_answer(TemplateFault::DateInput)),
    }
}

/// What `choices` has for the value, for each of them when it is a list.
fn choice(value: &Value, choices: &Value, otherwise: &Value) -> Result<Value, Error> {
    if choices.kind() != ValueKind::Map {
        return Err(wrong_argument(TemplateFault::ChoiceMap));
    }
    let chosen = |value: &Value| {
        let text = as_text(value);
        let keys = choices.try_iter().into_iter().flatten();
        let found = keys.into_iter().find(|key| as_text(key).trim() == text.trim());
        found.and_then(|key| choices.get_item(&key).ok()).unwrap_or_else(|| otherwise.clone())
    };
    match value.kind() {
        ValueKind::Seq => Ok(value.try_iter()?.map(|item| chosen(&item)).collect()),
        _ => Ok(chosen(value)),
    }
}

/// Whether phone numbers of this region are known.
pub(crate) fn is_region(region: &str) -> bool {
    region.parse::<phonenumber::country::Id>().is_ok()
}

/// The template is wrong for every lead: the kind of the error tells so to whoever checks the template.
fn wrong_argument(fault: TemplateFault) -> Error {
    Error::new(ErrorKind::MissingArgument, "").with_source(fault)
}

/// The template is right, and the answer of this lead does not fit.
fn wrong_answer(fault: TemplateFault) -> Error {
    Error::new(ErrorKind::InvalidOperation, "").with_source(fault)
}
