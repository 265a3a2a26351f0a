/// The longest text that is sent in one field, in characters. RO App documents no limit; longer ones are cut.
pub(crate) const LONGEST_TEXT: usize = 2_000;

/// The beginning of `text`, at most `bytes` long.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The beginning of `text`, at most `characters` long.
pub(crate) fn first_characters(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

/// `text` and then `line` on its own line. Where both are too long together, `text` is cut and `line` stays whole.
pub(crate) fn with_last_line(text: &str, line: &str) -> String {
    let room = LONGEST_TEXT.saturating_sub(line.chars().count() + 1);
    let kept = first_characters(text.trim_end(), room).trim_end();
    if kept.is_empty() { line.to_owned() } else { format!("{kept}\n{line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_stays_whole() {
        assert_eq!(with_last_line("", "[m]"), "[m]");
        assert_eq!(with_last_line("a\n", "[m]"), "a\n[m]");
        let long = with_last_line(&"ї".repeat(3_000), "[m]");
        assert_eq!(long.chars().count(), LONGEST_TEXT);
        assert!(long.ends_with("ї\n[m]"));
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("їжак", 3), "ї");
        assert_eq!(first_characters("їжак", 2), "їж");
        assert_eq!(first_characters("їжак", 9), "їжак");
    }
}
