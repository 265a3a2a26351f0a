//! A bundle document as JSON.

use domain::{BundleDocument, MappingError};
use serde_json::{Value, json};

/// Objects whose keys the user chooses.
const OPEN: [&str; 2] = ["custom_fields", "on_update"];

pub(super) fn run(input: &[u8]) {
    let Ok(document) = serde_json::from_slice::<BundleDocument>(input) else { return };
    let written = serde_json::to_value(&document).expect("a document is JSON");
    assert_eq!(read(&written).as_ref(), Ok(&document), "it reads back as it was");

    let problems = document.problems();
    assert_eq!(problems, document.problems(), "the same document has the same problems");
    for problem in &problems {
        assert!(points_into(&written, problem), "{problem}");
    }
    for place in objects(&written, String::new()) {
        let mut misspelt = written.clone();
        misspelt.pointer_mut(&place).expect("it is there")["titel"] = json!("x");
        let refused = read(&misspelt).expect_err("nobody knows `titel`");
        assert!(refused.contains("unknown field `titel`"), "{place}: {refused}");
    }
}

fn read(json: &Value) -> Result<BundleDocument, String> {
    serde_json::from_value(json.clone()).map_err(|error| error.to_string())
}

/// A problem stands at a value of the document, or at one that its object lacks.
fn points_into(document: &Value, problem: &MappingError) -> bool {
    let parent = problem.pointer.rsplit_once('/').map(|(parent, _)| parent);
    parent.and_then(|parent| document.pointer(parent)).is_some_and(Value::is_object)
}

/// The places of all objects with keys of ours.
fn objects(json: &Value, place: String) -> Vec<String> {
    let Value::Object(entries) = json else { return Vec::new() };
    let inner = entries.iter().filter(|(key, _)| !OPEN.contains(&key.as_str()));
    let inner = inner.flat_map(|(key, value)| objects(value, format!("{place}/{key}"))).collect::<Vec<_>>();
    [vec![place], inner].concat()
}
