use super::errors::GraphError;

/// One name of a `fields` parameter, such as `leads.limit(50){id,field_data}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) limit: Option<&'a str>,
    /// What stands in its braces.
    pub(super) inner: Option<&'a str>,
}

/// Reads a `fields` parameter, one level deep.
pub(super) fn parse(text: &str) -> Result<Vec<Field<'_>>, GraphError> {
    let parts = split(text).ok_or_else(|| syntax_error(text))?;
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).map(parse_one).collect()
}

fn parse_one(text: &str) -> Result<Field<'_>, GraphError> {
    let (head, inner) = match text.split_once('{') {
        Some((head, rest)) => (head, Some(rest.strip_suffix('}').ok_or_else(|| syntax_error(text))?)),
        None => (text, None),
    };
    let (name, modifiers) = head.split_once('.').unwrap_or((head, ""));
    let limit = modifiers.split('.').find_map(|modifier| modifier.strip_prefix("limit(")?.strip_suffix(')'));
    Ok(Field { name: name.trim(), limit, inner })
}

/// Splits at the commas outside of brackets; none when brackets do not match.
fn split(text: &str) -> Option<Vec<&str>> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (position, character) in text.char_indices() {
        match character {
            '{' | '(' => depth += 1,
            '}' | ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(&text[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (depth == 0).then_some(parts)
}

fn syntax_error(text: &str) -> GraphError {
    GraphError::new(2500, None).say(format!("Syntax error in fields: {text}"))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn field<'a>(name: &'a str, limit: Option<&'a str>, inner: Option<&'a str>) -> Field<'a> {
        Field { name, limit, inner }
    }

    #[test]
    fn reads_names_limits_and_braces() {
        let fields = parse("id, name,leads.limit(50){id,field_data},legal_content{custom_disclaimer{title}}").unwrap();
        let expected = [
            field("id", None, None),
            field("name", None, None),
            field("leads", Some("50"), Some("id,field_data")),
            field("legal_content", None, Some("custom_disclaimer{title}")),
        ];
        assert_eq!(fields, expected);
        assert_eq!(parse(""), Ok(Vec::new()));
    }

    #[rstest]
    #[case("leads{id")]
    #[case("leads}id{")]
    #[case("leads.limit(5")]
    fn refuses_unmatched_brackets(#[case] text: &str) {
        assert_eq!(parse(text).unwrap_err().code, 2500);
    }
}
