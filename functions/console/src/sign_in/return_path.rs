use serde::{Deserialize, Serialize};
use url::{Position, Url};

/// Longest path that is kept: it travels in a cookie, and browsers keep 4096 bytes of one.
const LONGEST: usize = 1024;

/// The page of the console that somebody is sent back to, and never one of somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReturnPath(String);

impl ReturnPath {
    /// The first page.
    pub(crate) fn home() -> Self {
        Self("/".to_owned())
    }

    /// Reads a path with its query, as browsers do: `//host`, `/\host` and their disguises lead elsewhere.
    /// Source: URL Standard, section 4.4.
    pub(crate) fn parse(console: &Url, text: &str) -> Option<Self> {
        let there = console.join(text).ok().filter(|there| there.origin() == console.origin())?;
        let path = &there[Position::BeforePath..Position::AfterQuery];
        // A dot segment may hide two slashes at first, and what is told to the browser is the path alone.
        let is_ours = text.starts_with('/') && !path.starts_with("//") && path.len() <= LONGEST;
        is_ours.then(|| Self(path.to_owned()))
    }

    /// As the browser is told.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let console = "https://console.example.com/".parse().unwrap();
        ReturnPath::parse(&console, text).map(|path| path.0)
    }

    #[rstest]
    #[case("/", "/")]
    #[case("/bundles/screens?tab=rules&q=%D0%86", "/bundles/screens?tab=rules&q=%D0%86")]
    #[case("/search?url=https://evil.example/", "/search?url=https://evil.example/")]
    #[case("/a/../b#there", "/b")]
    #[case("/Київ\r\nset-cookie: a=b", "/%D0%9A%D0%B8%D1%97%D0%B2set-cookie:%20a=b")]
    fn a_path_of_the_console_is_kept(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(parsed(text).as_deref(), Some(expected));
    }

    #[rstest]
    #[case("")]
    #[case("bundles")]
    #[case("https://evil.example/")]
    #[case("https:evil.example")]
    #[case("javascript:alert(1)")]
    #[case("//evil.example/")]
    #[case("///evil.example/")]
    #[case("/\\evil.example/")]
    #[case("\\\\evil.example/")]
    #[case("/\t/evil.example/")]
    #[case("/\n/evil.example/")]
    #[case("/.//evil.example/")]
    #[case("/%2e//evil.example/")]
    #[case("/a/..//evil.example/")]
    #[case(" //evil.example/")]
    #[case("//user@console.example.com@evil.example/")]
    fn a_way_elsewhere_is_refused(#[case] text: &str) {
        assert_eq!(parsed(text), None);
    }

    #[test]
    fn a_path_fits_into_a_cookie() {
        assert!(parsed(&format!("/{}", "a".repeat(LONGEST - 1))).is_some());
        assert!(parsed(&format!("/{}", "a".repeat(LONGEST))).is_none());
    }
}
