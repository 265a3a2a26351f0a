use std::{collections::BTreeSet, error::Error as _, ops::Range};

use jiff::tz::TimeZone;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde::Serialize;

use crate::{
    Contact, Lead,
    filters::{add_filters, as_text},
    scope::{check_name, sample_scope, scope},
    text::cut,
};

/// What is wrong with one place of a bundle document, or with what became of it for a lead. It never holds an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{pointer}: {detail}")]
pub struct MappingError {
    /// The place in the document, as a JSON pointer: `/client/fields/first_name`.
    pub pointer: String,
    /// What is wrong and what to do.
    pub detail: String,
}

impl MappingError {
    /// Something wrong at a place of the document.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// What is wrong with a template, where it stands and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub(crate) String);

/// The longest text that a template makes, in bytes; more is cut.
pub(crate) const LONGEST_OUTPUT: usize = 8 * 1024;
/// What one template may cost: about one for each step and for each 64 bytes it makes.
const FUEL: u64 = 20_000;
const DEEPEST_RECURSION: usize = 32;

/// The templates of one bundle, with what they can name for one lead.
pub(crate) struct Templates {
    environment: Environment<'static>,
    scope: Value,
}

impl Templates {
    /// Templates over the answers of a lead.
    pub(crate) fn of(lead: &Lead, contact: &Contact, region: &str, timezone: &TimeZone) -> Self {
        Self { environment: environment(region, timezone), scope: scope(lead, contact) }
    }

    /// Makes the text of a field, without white space around it.
    pub(crate) fn render(&self, template: &str) -> Result<String, Fault> {
        let rendered = self.environment.render_str(template, self.scope.clone());
        let text = rendered.map_err(|error| explain(&error, template))?;
        Ok(cut(text.trim(), LONGEST_OUTPUT).trim_end().to_owned())
    }

    /// Whether an expression is true.
    pub(crate) fn holds(&self, expression: &str) -> Result<bool, Fault> {
        let compiled = self.environment.compile_expression(expression).map_err(|error| explain(&error, expression))?;
        let value = compiled.eval(self.scope.clone()).map_err(|error| explain(&error, expression))?;
        Ok(value.is_true())
    }
}

/// Finds what is wrong with a template before there is a lead.
pub(crate) fn check_template(template: &str) -> Result<(), Fault> {
    let environment = environment("UA", &TimeZone::UTC);
    let compiled = environment.template_from_str(template).map_err(|error| explain(&error, template))?;
    check_names(compiled.undeclared_variables(true), template)?;
    try_out(template, |scope| compiled.render(scope).map(drop))
}

/// Finds what is wrong with an expression before there is a lead.
pub(crate) fn check_expression(expression: &str) -> Result<(), Fault> {
    let environment = environment("UA", &TimeZone::UTC);
    let compiled = environment.compile_expression(expression).map_err(|error| explain(&error, expression))?;
    check_names(compiled.undeclared_variables(true), expression)?;
    try_out(expression, |scope| compiled.eval(scope).map(drop))
}

/// The variables that a template names, with the attributes it names of them with a dot: `answers.city`. None for a
/// faulty one.
pub(crate) fn names_in_template(template: &str) -> BTreeSet<String> {
    let environment = environment("UA", &TimeZone::UTC);
    let compiled = environment.template_from_str(template);
    compiled.map(|compiled| compiled.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
}

/// The same for an expression.
pub(crate) fn names_in_expression(expression: &str) -> BTreeSet<String> {
    let environment = environment("UA", &TimeZone::UTC);
    let compiled = environment.compile_expression(expression);
    compiled.map(|compiled| compiled.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
}

/// Templates may use expressions, conditions and loops; `include`, `import`, `macro` and the like are not built in.
fn environment(region: &str, timezone: &TimeZone) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST_RECURSION);
    environment.set_debug(true);
    environment.remove_global("debug");
    environment.set_formatter(|out, _, value| out.write_str(&as_text(value)).map_err(Error::from));
    add_filters(&mut environment, region, timezone);
    environment
}

fn check_names(names: impl IntoIterator<Item = String>, source: &str) -> Result<(), Fault> {
    let names = names.into_iter().collect::<BTreeSet<_>>();
    let place = |name: &str| source.find(name).map(|start| start..start + name.len());
    names.iter().try_for_each(|name| check_name(name).map_err(|fault| placed(&fault.0, place(name), source)))
}

/// Runs a template with every answer empty and with every answer given, and reports what no answer could mend:
/// names of filters and functions are looked up only then.
fn try_out(source: &str, run: impl Fn(Value) -> Result<(), Error>) -> Result<(), Fault> {
    ["", "1"].into_iter().try_for_each(|answer| match run(sample_scope(answer)) {
        Err(error) if is_lasting(error.kind()) => Err(explain(&error, source)),
        _ => Ok(()),
    })
}

fn is_lasting(kind: ErrorKind) -> bool {
    use ErrorKind as K;
    matches!(
        kind,
        K::UnknownFilter
            | K::UnknownTest
            | K::UnknownFunction
            | K::UnknownMethod
            | K::MissingArgument
            | K::TooManyArguments
            | K::UndefinedError
            | K::OutOfFuel
    )
}

/// Says what went wrong in words that hold no answer: the engine's own details may, so the place in the template
/// stands for them.
fn explain(error: &Error, source: &str) -> Fault {
    let own = error.source().and_then(|source| source.downcast_ref::<Fault>());
    let at = error.range().filter(|range| source.get(range.clone()).is_some());
    match (own, error.kind()) {
        (Some(fault), _) => placed(&fault.0, at, source),
        (None, ErrorKind::SyntaxError) => {
            placed(&format!("syntax error: {}", error.detail().unwrap_or_default()), at, source)
        }
        (None, ErrorKind::OutOfFuel) => placed("the template does too much; make it simpler", at, source),
        (None, kind) => {
            let part = at.clone().map(|range| format!(": `{}`", cut(&source[range], 80))).unwrap_or_default();
            placed(&format!("{kind}{part}"), at, source)
        }
    }
}

fn placed(detail: &str, at: Option<Range<usize>>, source: &str) -> Fault {
    let Some(before) = at.and_then(|range| source.get(..range.start)) else { return Fault(detail.to_owned()) };
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Fault(format!("line {line}, column {column}: {detail}"))
}

#[cfg(test)]
mod tests;
