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
    templates(&lead()).render(template).map_err(|error| error.to_string())
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
#[case("{{ lead.form_id }} {{ lead.form_name }} {{ lead.page_id }}", "700000000000001 Screen repair 110000000000001")]
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
    let fault = check_template(template).unwrap_err().to_string();
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
    let fault = check_expression(expression).unwrap_err().to_string();
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

/// A piece of a program: texts that grow, lists within lists, loops within loops.
fn any_program() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "x",
        "t",
        "ns.t",
        "ns.l",
        "answers.city",
        "raw",
        "contact.phone",
        "range(3000)",
        "[t, t]",
        "ns.l ~ t",
        "t * 40",
        "'ab' | replace('a', t)",
        "t | split('')",
        "ns.l | join(t)",
        "t | list",
        "lead | items",
        "ns.t | indent(2000)",
        "t | upper | title",
        "range(900) | join(t)",
        "t | choice({'x': t})",
        "t | first_name",
        "loop.index * 99",
    ]);
    let leaf = value.prop_flat_map(|value| {
        prop::sample::select(vec!["out", "t", "ns.t", "ns.l"]).prop_map(move |place| match place {
            "out" => format!("{{{{ {value} }}}}"),
            "ns.l" => format!("{{% set ns.l = [ns.l, {value}] %}}"),
            place => format!("{{% set {place} = {value} ~ {place} %}}"),
        })
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        let inner = prop::collection::vec(inner, 1..4).prop_map(|parts| parts.concat());
        prop_oneof![
            (prop::sample::select(vec!["range(9)", "range(99999)", "ns.l", "t"]), inner.clone())
                .prop_map(|(list, inner)| format!("{{% for x in {list} %}}{inner}{{% endfor %}}")),
            inner.clone().prop_map(|inner| format!("{{% if t %}}{inner}{{% else %}}-{{% endif %}}")),
            inner,
        ]
    })
}

proptest! {
    #[test]
    fn every_program_ends_and_its_text_is_cut(program in any_program()) {
        let program = format!("{{% set t = answers.city %}}{{% set ns = namespace(t='ab', l=[]) %}}{program}{{{{ ns.t }}}}");
        let lead = lead_with(&[("city", &["a b"])]);
        if let Ok(text) = templates(&lead).render(&program) {
            prop_assert!(text.len() <= LONGEST_OUTPUT);
        }
    }

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
