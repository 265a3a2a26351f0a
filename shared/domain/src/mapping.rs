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
    names.iter().try_for_each(|name| {
        let at = source.find(name.as_str()).map(|start| start..start + name.len());
        check_name(name).map_err(|fault| placed(&fault.0, at, source))
    })
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
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::fixtures::{lead, lead_with};

    fn templates(lead: &Lead) -> Templates {
        let kyiv = TimeZone::get("Europe/Kyiv").unwrap();
        Templates::of(lead, &Contact::of(lead, "UA"), "UA", &kyiv)
    }

    fn render(template: &str) -> Result<String, String> {
        templates(&lead()).render(template).map_err(|fault| fault.0)
    }

    #[rstest]
    #[case("plain text", "plain text")]
    #[case("a & <b> \"c\"", "a & <b> \"c\"")]
    #[case("{{ answers.city }}", "Київ")]
    #[case("{{ answers['city'] }}", "Київ")]
    #[case("{{ answers.CITY }}", "Київ")]
    #[case("{{ answers['what_is_broken?'] }}", "Екран, Батарея")]
    #[case("{{ raw['what_is_broken?'] }}", "screen, battery")]
    #[case("{{ raw['what_is_broken?'][1] }}", "battery")]
    #[case("{{ answers['what_is_broken?'] | join(' / ') }}", "Екран / Батарея")]
    #[case("{{ 'x: ' ~ answers['what_is_broken?'] }}", "x: Екран, Батарея")]
    #[case("{{ answers['what_is_broken?'] | upper }}", "ЕКРАН, БАТАРЕЯ")]
    #[case("{{ 'Екран' in answers['what_is_broken?'] }}", "true")]
    #[case("{% for part in answers['what_is_broken?'] %}- {{ part }}\n{% endfor %}", "- Екран\n- Батарея")]
    #[case("{{ answers.nobody_asked }}{{ raw.nobody_asked }}{{ tracking.nobody_asked }}", "")]
    #[case("{{ answers.nobody_asked | default('-', true) }}", "-")]
    #[case("{{ answers.utm_source }}{{ answers.source_tag }}", "")]
    #[case("{{ tracking.utm_source }} {{ tracking.source_tag }}", "leadform autumn")]
    #[case("{{ contact.first_name }}|{{ contact.last_name }}", "Олена|Коваль Петрівна")]
    #[case("{{ contact.full_name }}, {{ contact.phone }}", "Олена Коваль Петрівна, +380501112233")]
    #[case("{{ contact.email }}", "olena@example.com")]
    #[case("{{ lead.id }} {{ lead.created_at }}", "900000000000001 2026-11-20T09:30:00Z")]
    #[case(
        "{{ lead.form_id }} {{ lead.form_name }} {{ lead.page_id }}",
        "700000000000001 Screen repair 110000000000001"
    )]
    #[case("{{ lead.ad_id }} {{ lead.ad_name }} {{ lead.adset_name }}", "120250000000000001 Screens A Kyiv 30+")]
    #[case("{{ lead.campaign_name }} {{ lead.platform }} {{ lead.is_organic }}", "Autumn ig false")]
    #[case("{{ '050 111 22 33' | phone }} {{ '0155 50100123' | phone('DE') }}", "+380501112233 +4915550100123")]
    #[case("{{ 'none' | phone }}{{ 'none' | email }}", "")]
    #[case("{{ ' Olena@Example.com ' | email }}", "olena@example.com")]
    #[case("{{ 'Олена Коваль' | first_name }}+{{ 'Олена Коваль' | last_name }}", "Олена+Коваль")]
    #[case("{{ lead.created_at | date('%d.%m.%Y %H:%M') }}", "20.11.2026 11:30")]
    #[case("{{ lead.created_at | date('%H:%M', 'UTC') }}", "09:30")]
    #[case("{{ '1990-03-31' | date('%d/%m/%y') }}", "31/03/90")]
    #[case("{{ '' | date('%Y') }}", "")]
    #[case("{{ raw['what_is_broken?'] | choice({'screen': 1, 'battery': 2}) }}", "1, 2")]
    #[case("{{ answers.city | choice({'Київ': 15001, 'Львів': 15002}) }}", "15001")]
    #[case("{{ answers.city | choice({'Львів': 15002}) }}", "")]
    #[case("{{ answers.city | choice({'Львів': 15002}, 15003) }}", "15003")]
    #[case("{{ none }}{{ answers.city.district }}{{ [] }}", "")]
    #[case("{{ ['a', 'b'] }} {{ 'a b' | split }}", "a, b a, b")]
    #[case("  {{ ' x ' }}\n", "x")]
    fn renders(#[case] template: &str, #[case] expected: &str) {
        assert_eq!(check_template(template), Ok(()));
        assert_eq!(render(template).unwrap(), expected);
    }

    #[rstest]
    #[case(
        "{{ anwsers.city }}",
        "line 1, column 4: there is no `anwsers`; known are answers, raw, tracking, contact, lead"
    )]
    #[case("a\n{{ contact.frist_name }}", "line 2, column 4: there is no `contact.frist_name`")]
    #[case("{{ lead['form'] }}", "there is no `lead.form`")]
    #[case("{{ lead.naem | default('x') }}", "there is no `lead.naem`")]
    #[case("{{ answers.city", "syntax error")]
    #[case("{{ answers.city | shout }}", "line 1, column 19: unknown filter: `shout`")]
    #[case("{{ answers.city | date }}", "missing argument")]
    #[case("{{ env() }}", "there is no `env`")]
    #[case("{{ debug() }}", "there is no `debug`")]
    #[case("{% include 'x' %}", "include")]
    #[case("{% import 'x' as y %}", "import")]
    #[case("{% extends 'x' %}", "extends")]
    #[case("{% macro x() %}{% endmacro %}", "macro")]
    #[case("{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}", "too much")]
    #[case("{{ '1' | phone('Ukraine') }}", "takes a region such as 'UA'")]
    #[case("{{ '2026-01-01' | date('%d', 'Kyiv') }}", "takes a time zone such as 'Europe/Kyiv'")]
    #[case("{{ '2026-01-01' | date('%!') }}", "takes a format of strftime")]
    #[case("{{ '1' | choice('a') }}", "takes a map")]
    fn says_what_is_wrong_before_there_is_a_lead(#[case] template: &str, #[case] part: &str) {
        let fault = check_template(template).unwrap_err().0;
        assert!(fault.contains(part), "{fault}");
        assert!(render(template).is_err());
    }

    #[rstest]
    #[case("{{ answers.city | date('%d') }}", "line 1, column 19: the filter `date` got what is no date")]
    #[case("{{ answers.city | int }}", "line 1, column 19: invalid operation: `int`")]
    #[case("{{ 1 + answers.city }}", "line 1, column 4: ")]
    #[case("{{ [1] | map(answers.city) }}", "unknown filter")]
    #[case("{{ answers.city.shout() }}", "line 1, column 16: unknown method: `.shout()`")]
    #[case("{{ {}[answers.city].x }}", "undefined value: `[answers.city].x`")]
    fn faults_hold_no_answer(#[case] template: &str, #[case] part: &str) {
        let fault = render(template).unwrap_err();
        assert!(fault.contains(part), "{fault}");
        assert!(!fault.contains("Київ"), "{fault}");
    }

    #[rstest]
    #[case("answers.city == 'Київ'", true)]
    #[case("answers.city in ['Львів', 'Одеса']", false)]
    #[case("answers.nobody_asked", false)]
    #[case("not answers.nobody_asked and contact.phone", true)]
    #[case("'Екран' in answers['what_is_broken?']", true)]
    #[case("lead.is_organic", false)]
    #[case("lead.platform == 'ig' or tracking.utm_source == 'x'", true)]
    fn filters(#[case] expression: &str, #[case] expected: bool) {
        assert_eq!(check_expression(expression), Ok(()));
        assert_eq!(templates(&lead()).holds(expression), Ok(expected));
    }

    #[rstest]
    #[case("answer.city == 'x'", "there is no `answer`")]
    #[case("answers.city ==", "syntax error")]
    #[case("answers.city | shout", "unknown filter")]
    #[case("contact.name", "there is no `contact.name`")]
    #[case("", "syntax error")]
    fn faulty_filters_are_found(#[case] expression: &str, #[case] part: &str) {
        let fault = check_expression(expression).unwrap_err().0;
        assert!(fault.contains(part), "{fault}");
    }

    #[test]
    fn long_output_is_cut() {
        let long = "ї".repeat(100_000);
        let lead = lead_with(&[("city", &[long.as_str()])]);
        let text = templates(&lead).render("{{ answers.city }}{{ answers.city }}").unwrap();
        assert_eq!(text.len(), LONGEST_OUTPUT);
    }

    #[rstest]
    #[case("{% set a = ['x', 'y'] %}{% set b = [a, a] %}", "b")]
    #[case(
        "{% set ns = namespace(a=['x', 'y']) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}",
        "ns.a"
    )]
    #[case("{% set ns = namespace(a=[]) %}{% for i in range(2000) %}{% set ns.a = [ns.a] %}{% endfor %}", "ns.a")]
    fn lists_within_lists_stay_small(#[case] made: &str, #[case] name: &str) {
        for filter in ["", "| first_name", "| email", "| choice({'x': 1})"] {
            let text = render(&format!("{made}{{{{ {name} {filter} }}}}")).unwrap_or_default();
            assert!(text.len() <= LONGEST_OUTPUT);
        }
    }

    #[test]
    fn an_answer_is_never_a_template() {
        let lead = lead_with(&[("city", &["{{ contact.phone }}{% include 'x' %}"])]);
        assert_eq!(templates(&lead).render("{{ answers.city }}").unwrap(), "{{ contact.phone }}{% include 'x' %}");
    }

    proptest! {
        #[test]
        fn rendering_never_panics_nor_grows(template in "\\PC{0,80}", answer in "\\PC{0,200}") {
            let lead = lead_with(&[("city", &[answer.as_str()])]);
            let templates = templates(&lead);
            for template in [template.clone(), format!("{{{{ {template} }}}}"), format!("{{% {template} %}}")] {
                let _ = check_template(&template);
                let length = templates.render(&template).map_or(0, |text| text.len());
                prop_assert!(length <= LONGEST_OUTPUT);
            }
        }

        #[test]
        fn filters_take_any_answer(answer in "\\PC{0,60}", filter in 0..12_usize) {
            const FILTERS: [&str; 12] = [
                "phone", "phone('DE')", "email", "first_name", "last_name", "date('%c')", "choice({'a': 1})",
                "upper", "int", "split(' ')", "length * 'x'", "replace('a', 'aaaaaaaaaaaaaaaa')",
            ];
            let lead = lead_with(&[("city", &[answer.as_str(), "a"])]);
            let template = format!("{{{{ answers.city | {} }}}}", FILTERS[filter]);
            if let Ok(text) = templates(&lead).render(&template) {
                prop_assert!(text.len() <= LONGEST_OUTPUT);
            }
        }
    }
}
