//! One phone number and the spellings it may be stored in.

use std::fmt;

/// The shortest number that can be the same as another one.
const SHORTEST: usize = 7;
/// So many digits must agree when one number is written without its country.
const NATIONAL: usize = 9;

/// The spellings of a phone number that RemOnline may have stored: it keeps a number as it was typed and may search
/// for that only.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneVariants {
    e164: String,
    national: Option<String>,
}

/// A number is personal data and must not reach a log.
impl fmt::Debug for PhoneVariants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneVariants")
    }
}

impl PhoneVariants {
    /// Takes the number in E.164 (`+380501112233`) and as it is dialled within its country (`0501112233`), where
    /// that is known.
    pub fn new(e164: impl Into<String>, national: Option<String>) -> Self {
        Self { e164: e164.into(), national }
    }

    /// The number in E.164.
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// What to search for, the likeliest first: `+380501112233`, `380501112233`, `0501112233`.
    pub fn spellings(&self) -> Vec<&str> {
        let without_plus = self.e164.trim_start_matches('+');
        let mut spellings = vec![self.e164.as_str()];
        for other in [Some(without_plus), self.national.as_deref()].into_iter().flatten() {
            if !other.is_empty() && !spellings.contains(&other) {
                spellings.push(other);
            }
        }
        spellings
    }

    /// Whether `stored`, in whatever spelling, is this number. One field may hold several numbers.
    pub fn matches(&self, stored: &str) -> bool {
        stored.split([',', ';']).any(|one| same_number(&self.e164, one) || self.is_national(one))
    }

    /// Whether `stored` is the national spelling to the digit, which may be shorter than [`same_number`] accepts.
    fn is_national(&self, stored: &str) -> bool {
        let (stored, national) = (Dialled::new(stored), Dialled::new(self.national.as_deref().unwrap_or_default()));
        !stored.with_country && national.digits.len() >= SHORTEST && stored.digits == national.digits
    }
}

/// Whether two spellings are the same number: all digits agree, or at least the last nine where one of them is
/// written without its country. Two numbers that both name a country agree in everything, and a number of fewer
/// than seven digits is no number.
pub fn same_number(one: &str, other: &str) -> bool {
    let (one, other) = (Dialled::new(one), Dialled::new(other));
    if one.digits.len().min(other.digits.len()) < SHORTEST {
        return false;
    }
    one.digits == other.digits || one.ends_with(&other) || other.ends_with(&one)
}

/// A number as it is dialled.
struct Dialled {
    digits: String,
    /// Whether it begins with `+` or `00`, so that a country follows.
    with_country: bool,
}

impl Dialled {
    fn new(text: &str) -> Self {
        let digits = text.chars().filter(char::is_ascii_digit).collect::<String>();
        let plus = text.trim_start().trim_start_matches('(').starts_with('+');
        match digits.strip_prefix("00").filter(|_| !plus) {
            Some(international) => Self { digits: international.to_owned(), with_country: true },
            None => Self { digits, with_country: plus },
        }
    }

    /// The digits without what one dials before a number within the country: 0, or 8 and perhaps 0 where the Soviet
    /// plan was in force.
    fn significant(&self) -> &str {
        let digits = self.digits.as_str();
        let long_distance = digits.strip_prefix('8').filter(|rest| rest.len() == 10).unwrap_or(digits);
        long_distance.strip_prefix('0').unwrap_or(long_distance)
    }

    /// Whether `national`, which names no country, is the end of this number.
    fn ends_with(&self, national: &Self) -> bool {
        let significant = national.significant();
        !national.with_country && significant.len() >= NATIONAL && self.digits.ends_with(significant)
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("+380501112233", "+380501112233", true)]
    #[case("+380501112233", "380501112233", true)]
    #[case("+380501112233", "00380501112233", true)]
    #[case("+380501112233", "0501112233", true)]
    #[case("+380501112233", "(050) 111-22-33", true)]
    #[case("+380501112233", "(+380) 50 111 22 33", true)]
    #[case("+380501112233", "8 (050) 111-22-33", true)]
    #[case("+380501112233", "501112233", true)]
    #[case("380501112233", "0501112233", true)]
    #[case("+77011112233", "87011112233", true)]
    #[case("+33612345678", "06 12 34 56 78", true)]
    #[case::other_number("+380501112233", "+380501112234", false)]
    #[case::other_country("+380501112233", "+48501112233", false)]
    #[case::other_country_unmarked("+380501112233", "48501112233", false)]
    #[case::other_area("+12125550123", "312 555 0123", false)]
    #[case::without_area("+380441112233", "1112233", false)]
    #[case::short("112", "112", false)]
    #[case::short_end("+380501112233", "112233", false)]
    #[case::empty("", "", false)]
    #[case::longer("+380501112233", "+3805011122334", false)]
    fn compares_numbers(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
        assert_eq!(same_number(one, other), same);
    }

    #[test]
    fn spells_the_likeliest_first() {
        let phone = PhoneVariants::new("+380501112233", Some("0501112233".to_owned()));
        assert_eq!(phone.spellings(), ["+380501112233", "380501112233", "0501112233"]);
        assert_eq!(PhoneVariants::new("+380501112233", None).spellings(), ["+380501112233", "380501112233"]);
    }

    #[test]
    fn short_national_numbers_match_to_the_digit() {
        let danish = PhoneVariants::new("+4532123456", Some("32123456".to_owned()));
        assert!(danish.matches("32 12 34 56"));
        assert!(!danish.matches("+32123456"));
        assert!(!danish.matches("2123456"));
    }

    #[test]
    fn one_field_may_hold_two_numbers() {
        let phone = PhoneVariants::new("+380501112233", None);
        assert!(phone.matches("044 111 22 33; 050 111 22 33"));
        assert!(!phone.matches("044 111 22 33; 050 111 22 44"));
    }

    proptest! {
        #[test]
        fn comparing_is_symmetric(one in "[+0-9 ()-]{0,16}", other in "[+0-9 ()-]{0,16}") {
            prop_assert_eq!(same_number(&one, &other), same_number(&other, &one));
        }

        #[test]
        fn endings_compare_symmetrically(country in "[1-9][0-9]{0,2}", area in "[0-9]{2,3}", rest in "[0-9]{7}") {
            let (full, national) = (format!("+{country}{area}{rest}"), format!("0{area}{rest}"));
            prop_assert_eq!(same_number(&full, &national), same_number(&national, &full));
            prop_assert!(same_number(&full, &full));
        }

        #[test]
        fn any_text_is_compared(one in "\\PC{0,20}", other in "\\PC{0,20}") {
            prop_assert_eq!(same_number(&one, &other), same_number(&other, &one));
        }
    }
}
