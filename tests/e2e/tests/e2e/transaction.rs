//! Reading transactions.

use pretty_assertions::assert_eq;
use serde_json::{Map, Value};

/// One line a step: what, how it went, the status answered. `create_order created 201`.
pub(crate) fn steps(transaction: &Value) -> Vec<String> {
    let line = |step: &Value| {
        let status = step["status"].as_u64().map_or(String::new(), |status| format!(" {status}"));
        format!("{} {}{status}", step["step"].as_str().unwrap(), step["outcome"].as_str().unwrap())
    };
    transaction["steps"].as_array().unwrap().iter().map(line).collect()
}

/// The last step of this kind.
#[track_caller]
pub(crate) fn step<'a>(transaction: &'a Value, kind: &str) -> &'a Value {
    let found = transaction["steps"].as_array().unwrap().iter().rfind(|step| step["step"] == kind);
    found.unwrap_or_else(|| panic!("no step {kind}: {transaction:#}"))
}

/// Asserts that `actual` holds everything in `expected`; its objects may hold more.
#[track_caller]
pub(crate) fn assert_holds(actual: &Value, expected: &Value) {
    assert_eq!(&reduced(actual, expected), expected);
}

/// `actual` without what `expected` does not speak of.
fn reduced(actual: &Value, expected: &Value) -> Value {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            let spoken_of = expected
                .iter()
                .filter_map(|(key, expected)| actual.get(key).map(|actual| (key.clone(), reduced(actual, expected))));
            Value::Object(Map::from_iter(spoken_of))
        }
        (Value::Array(actual), Value::Array(expected)) if actual.len() == expected.len() => {
            actual.iter().zip(expected).map(|(actual, expected)| reduced(actual, expected)).collect()
        }
        _ => actual.clone(),
    }
}
