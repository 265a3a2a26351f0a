use std::{error::Error, fmt};

use serde::{Deserialize, Serialize};

/// What is wrong with one place of a bundle document, or with what became of it for a lead. It never holds an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{pointer}: {fault}")]
pub struct MappingError {
    /// The place in the document, as a JSON pointer: `/client/fields/first_name`.
    pub pointer: String,
    /// What is wrong there.
    pub fault: Fault,
}

impl MappingError {
    /// Something wrong at a place of the document.
    pub fn new(pointer: impl Into<String>, fault: Fault) -> Self {
        Self { pointer: pointer.into(), fault }
    }
}

/// What can be wrong with a place of a bundle document. Its words are for logs; whoever shows it to people has words of
/// their language for each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A text is needed.
    #[error("must not be empty")]
    Empty,
    /// RemOnline refuses the request without it.
    #[error("is required; fill it in")]
    Required,
    /// The same, for one lead.
    #[error("is required and came out empty; give it a fixed value or a default")]
    CameOutEmpty,
    /// No form of Meta can have this id.
    #[error("must be the id of a form, 1 to 20 digits, or *")]
    NoFormId,
    /// Phone numbers of this region are unknown.
    #[error("must be a country such as UA")]
    NoCountry,
    /// The time zone database has no such zone.
    #[error("must be a time zone such as Europe/Kyiv")]
    NoTimeZone,
    /// A custom field is named in another way.
    #[error("must be named f and the field's number, such as f5001")]
    NoCustomKey,
    /// Not a positive whole number.
    #[error("must be the number of something in RemOnline, such as 15001")]
    NoNumber,
    /// Neither yes nor no.
    #[error("must be true or false")]
    NoFlag,
    /// No date and time can be read.
    #[error("must be a date and time such as 2026-03-31 15:00")]
    NoMoment,
    /// No date can be read.
    #[error("must be a date such as 1990-03-31")]
    NoDate,
    /// Duplicates cannot be found by nothing.
    #[error("must name phone, email or both")]
    NoClientKey,
    /// Duplicates cannot be found by nothing.
    #[error("must name client_id")]
    NoOrderKey,
    /// A key to find duplicates by is named twice.
    #[error("must name each key once")]
    RepeatedKey,
    /// A rule for a field that a client does not have.
    #[error("is no field of a client; custom fields are named such as f5001")]
    NoClientField,
    /// A rule that only texts can follow.
    #[error("cannot be appended to; only texts can")]
    NotAppendable,
    /// Out of range.
    #[error("must be 1 to 3650 days")]
    NoDays,
    /// A template or expression fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

/// Why a template or an expression fails, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateError {
    /// Where, as far as the engine tells.
    pub place: Option<Place>,
    /// Why.
    pub fault: TemplateFault,
}

/// A place in a template; both count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => write!(f, "line {line}, column {column}: {}", self.fault),
            None => write!(f, "{}", self.fault),
        }
    }
}

impl Error for TemplateError {}

/// Why a template fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateFault {
    /// It cannot be read; in the words of the template engine.
    #[error("syntax error: {0}")]
    Syntax(String),
    /// It names what no lead has.
    #[error("there is no `{name}`; known are {known}")]
    UnknownName {
        /// What it names.
        name: String,
        /// What it could name, separated by commas.
        known: String,
    },
    /// It runs too long.
    #[error("the template does too much; make it simpler")]
    TooMuch,
    /// `phone` got no region.
    #[error("the filter `phone` takes a region such as 'UA'")]
    PhoneRegion,
    /// `date` got no time zone.
    #[error("the filter `date` takes a time zone such as 'Europe/Kyiv'")]
    DateTimeZone,
    /// `date` got no format.
    #[error("the filter `date` takes a format of strftime such as '%d.%m.%Y'")]
    DateFormat,
    /// `date` was given something else by this lead.
    #[error("the filter `date` got what is no date; it reads dates such as 2026-03-31")]
    DateInput,
    /// `choice` got no map.
    #[error("the filter `choice` takes a map such as {{'yes': 1, 'no': 2}}")]
    ChoiceMap,
    /// Anything else; in the words of the template engine, with the part to blame.
    #[error("{0}")]
    Engine(String),
}
