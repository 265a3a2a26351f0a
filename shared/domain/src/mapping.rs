use std::{collections::BTreeSet, error::Error as _, ops::Range};

use jiff::tz::TimeZone;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use crate::{
    Contact, Lead, Place, TemplateError, TemplateFault,
    filters::{add_filters, as_text},
    scope::{check_name, sample_scope, scope},
    text::cut,
};

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
    pub(crate) fn render(&self, template: &str) -> Result<String, TemplateError> {
        let rendered = self.environment.render_str(template, self.scope.clone());
        let text = rendered.map_err(|error| explain(&error, template))?;
        Ok(cut(text.trim(), LONGEST_OUTPUT).trim_end().to_owned())
    }

    /// Whether an expression is true.
    pub(crate) fn holds(&self, expression: &str) -> Result<bool, TemplateError> {
        let compiled = self.environment.compile_expression(expression).map_err(|error| explain(&error, expression))?;
        let value = compiled.eval(self.scope.clone()).map_err(|error| explain(&error, expression))?;
        Ok(value.is_true())
    }
}

/// Finds what is wrong with a template before there is a lead.
pub(crate) fn check_template(template: &str) -> Result<(), TemplateError> {
    let environment = environment("UA", &TimeZone::UTC);
    let compiled = environment.template_from_str(template).map_err(|error| explain(&error, template))?;
    check_names(compiled.undeclared_variables(true), template)?;
    try_out(template, |scope| compiled.render(scope).map(drop))
}

/// Finds what is wrong with an expression before there is a lead.
pub(crate) fn check_expression(expression: &str) -> Result<(), TemplateError> {
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

fn check_names(names: impl IntoIterator<Item = String>, source: &str) -> Result<(), TemplateError> {
    let names = names.into_iter().collect::<BTreeSet<_>>();
    let place = |name: &str| source.find(name).map(|start| start..start + name.len());
    names.iter().try_for_each(|name| check_name(name).map_err(|fault| placed(fault, place(name), source)))
}

/// Runs a template with every answer empty and with every answer given, and reports what no answer could mend:
/// names of filters and functions are looked up only then.
fn try_out(source: &str, run: impl Fn(Value) -> Result<(), Error>) -> Result<(), TemplateError> {
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
fn explain(error: &Error, source: &str) -> TemplateError {
    let own = error.source().and_then(|source| source.downcast_ref::<TemplateFault>());
    let at = error.range().filter(|range| source.get(range.clone()).is_some());
    let fault = match (own, error.kind()) {
        (Some(fault), _) => fault.clone(),
        (None, ErrorKind::SyntaxError) => TemplateFault::Syntax(error.detail().unwrap_or_default().to_owned()),
        (None, ErrorKind::OutOfFuel) => TemplateFault::TooMuch,
        (None, kind) => {
            let part = at.clone().map(|range| format!(": `{}`", cut(&source[range], 80))).unwrap_or_default();
            TemplateFault::Engine(format!("{kind}{part}"))
        }
    };
    placed(fault, at, source)
}

fn placed(fault: TemplateFault, at: Option<Range<usize>>, source: &str) -> TemplateError {
    let before = at.and_then(|range| source.get(..range.start));
    let place = before.map(|before| Place {
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
    });
    TemplateError { place, fault }
}

#[cfg(test)]
mod tests;
