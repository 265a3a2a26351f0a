//! Bodies as files describe them.

use bytes::Bytes;
use serde::Deserialize;

/// Bytes: a text, or pieces one after the other.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Whole(String),
    Pieces(Vec<Piece>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Piece {
    Text(String),
    Repeat(Repeat),
    Bytes(Hex),
    Changes(Changes),
}

/// One text many times.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repeat {
    repeat: String,
    times: usize,
}

/// Bytes that are no text, as pairs of hexadecimal digits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hex {
    hex: String,
}

/// Changes that announce leads with ids in a row, as Meta writes them, with a comma between.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    changes: u64,
    first_lead: u64,
    form: u64,
}

impl Default for Text {
    fn default() -> Self {
        Self::Whole(String::new())
    }
}

impl Text {
    pub(super) fn bytes(&self) -> Bytes {
        match self {
            Self::Whole(text) => text.clone().into(),
            Self::Pieces(pieces) => pieces.iter().flat_map(Piece::bytes).collect(),
        }
    }
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Repeat(Repeat { repeat, times }) => repeat.repeat(*times).into_bytes(),
            Self::Bytes(Hex { hex }) => {
                let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
                pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
            }
            Self::Changes(changes) => changes.text().into_bytes(),
        }
    }
}

impl Changes {
    fn text(&self) -> String {
        let change = |lead: u64| {
            format!(
                r#"{{"value": {{"created_time": 1790000001, "leadgen_id": "{lead}", "page_id": "110000000000001", "form_id": "{}"}}, "field": "leadgen"}}"#,
                self.form
            )
        };
        let leads = self.first_lead..self.first_lead + self.changes;
        leads.map(change).collect::<Vec<_>>().join(", ")
    }
}
