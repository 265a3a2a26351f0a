use std::fmt;

use phonenumber::{Mode, PhoneNumber, country};
use serde::Serialize;

/// A valid phone number in E.164: `+380501112233`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Phone(String);

/// E.164 allows 15 digits; people may put a prefix for international calls or a trunk prefix before them.
const MOST_DIGITS: usize = 18;
/// After so many digits a letter or comma begins something else: an extension, a remark, another number.
const FEWEST_DIGITS: usize = 7;
/// The longest number there is.
/// Source: ITU-T E.164, section 6.
const LONGEST_NUMBER: usize = 15;

impl Phone {
    /// Reads a number as people type it: with or without country code, plus, spaces, brackets, dashes, remarks.
    /// `region` (ISO 3166 alpha-2) is the country of a number that does not name one. `None` when it is no valid
    /// number there or anywhere, or a short one that nobody could tell from others.
    pub fn parse(text: &str, region: &str) -> Option<Self> {
        [first_number(text), text].into_iter().find_map(|spelling| Self::read(spelling, region))
    }

    fn read(spelling: &str, region: &str) -> Option<Self> {
        let before_digits = spelling.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
        let digits = digits(spelling);
        if digits.len() > MOST_DIGITS {
            return None;
        }
        let national = |digits: &str| Self::valid(Some(region.parse().ok()?), digits);
        let found = if let Some(digits) = digits.strip_prefix("00") {
            Self::international(digits).or_else(|| national(&format!("00{digits}")))
        } else if before_digits.contains(['+', '＋']) {
            Self::international(&digits).or_else(|| national(&digits))
        } else {
            national(&digits).or_else(|| Self::international(&digits))
        };
        // 8-050-..., as one dialled in the Soviet plan.
        let after_eight = digits.strip_prefix('8').filter(|rest| rest.starts_with('0'));
        found.or_else(|| national(after_eight?))
    }

    fn international(digits: &str) -> Option<Self> {
        Self::valid(None, &format!("+{digits}"))
    }

    fn valid(region: Option<country::Id>, spelling: &str) -> Option<Self> {
        let number = phonenumber::parse(region, spelling).ok().filter(PhoneNumber::is_valid)?;
        let phone = Self(number.format().mode(Mode::E164).to_string());
        // One that is too short to be recognised again would never be found after a create whose answer was lost.
        Some(phone).filter(|phone| (FEWEST_DIGITS..=LONGEST_NUMBER).contains(&phone.digits().len()))
    }

    /// The number with its plus: what is sent and shown.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The digits without the plus: `380501112233`.
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// The digits as dialled within the country, trunk prefix included: `0501112233`.
    pub fn national_digits(&self) -> String {
        let national = |number: PhoneNumber| digits(&number.format().mode(Mode::National).to_string());
        phonenumber::parse(None, &self.0).map_or_else(|_| self.digits().to_owned(), national)
    }

    /// The spellings that RemOnline may have stored, the likeliest first: `+380501112233`, `380501112233`,
    /// `0501112233`. It keeps a number as it was typed and may search for that only.
    pub fn spellings(&self) -> Vec<String> {
        let mut spellings = vec![self.0.clone(), self.digits().to_owned(), self.national_digits()];
        spellings.dedup();
        spellings
    }

    /// Whether `stored` is this number, in whatever spelling. One field may hold several numbers, and the national
    /// spelling may be shorter than what [`same_phone`] accepts.
    pub fn is(&self, stored: &str) -> bool {
        let national = self.national_digits();
        let is_national = |stored: &str| !stored.contains('+') && digits(stored) == national;
        stored.split([',', ';']).any(|stored| same_phone(stored, &self.0) || is_national(stored))
    }

    /// Country code and the last two digits: `+380*******33`.
    pub fn masked(&self) -> String {
        let code = phonenumber::parse(None, &self.0).map_or(0, |number| number.code().value());
        let code = code.to_string();
        let shown = &self.digits()[self.digits().len() - 2..];
        let hidden = self.digits().len().saturating_sub(code.len() + shown.len());
        format!("+{code}{}{shown}", "*".repeat(hidden))
    }
}

/// Masked: a number is personal data and must not reach a log.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

/// Whether two spellings are the same number. Where both name a country all digits must agree; where one does not,
/// all its digits after the trunk prefix, and at least nine.
/// RemOnline stores phones as they were typed, in every spelling.
pub fn same_phone(one: &str, other: &str) -> bool {
    let (one, other) = (Spelled::of(one), Spelled::of(other));
    if one.digits.len().min(other.digits.len()) < FEWEST_DIGITS {
        return false;
    }
    one.digits == other.digits || one.ends_with(&other) || other.ends_with(&one)
}

/// A number as it stands in a client card.
struct Spelled {
    digits: String,
    names_country: bool,
}

impl Spelled {
    fn of(text: &str) -> Self {
        let digits = digits(text);
        let plus = text.split(|c: char| c.is_ascii_digit()).next().is_some_and(|before| before.contains('+'));
        match digits.strip_prefix("00") {
            Some(international) if !plus => Self { digits: international.to_owned(), names_country: true },
            _ => Self { digits, names_country: plus },
        }
    }

    /// The digits after the trunk prefix: `0`, or `8` and perhaps `0` where the Soviet plan was in force.
    fn without_trunk(&self) -> &str {
        let after_eight = self.digits.strip_prefix('8').filter(|rest| rest.len() == 10);
        let digits = after_eight.unwrap_or(&self.digits);
        digits.strip_prefix('0').unwrap_or(digits)
    }

    fn ends_with(&self, national: &Self) -> bool {
        let significant = national.without_trunk();
        !national.names_country && significant.len() >= 9 && self.digits.ends_with(significant)
    }
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The text up to whatever follows the first number: `050 111 22 33, ask for Olena`.
fn first_number(text: &str) -> &str {
    let mut digits = 0;
    let end = text.char_indices().find(|(_, c)| {
        digits += usize::from(c.is_ascii_digit());
        digits >= FEWEST_DIGITS && (c.is_alphabetic() || matches!(c, ',' | ';' | '\n'))
    });
    end.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("+380501112233")]
    #[case("380501112233")]
    #[case("00380501112233")]
    #[case("0501112233")]
    #[case("501112233")]
    #[case("050 111 22 33")]
    #[case("(050) 111-22-33")]
    #[case("+38 (050) 111-22-33")]
    #[case("+38(050)1112233")]
    #[case("38 050 111 22 33")]
    #[case("p:+380501112233")]
    #[case("tel:+380-50-111-22-33")]
    #[case("050.111.22.33")]
    #[case("050/111/22/33")]
    #[case("\u{202a}+380 50 111 22 33\u{202c}")]
    #[case("050\u{a0}111\u{a0}22\u{a0}33")]
    #[case("(+380) 50 111 22 33")]
    #[case("0501112233 Viber")]
    #[case("0501112233, 0671112233")]
    #[case("моб. 0501112233 після 18:00")]
    #[case("\t+380501112233\n")]
    #[case("+380 50 111 22 33 ext. 5")]
    #[case("80501112233")]
    fn reads_every_spelling(#[case] text: &str) {
        assert_eq!(Phone::parse(text, "UA").unwrap().e164(), "+380501112233");
    }

    #[rstest]
    #[case("+4915550100123", "UA", "+4915550100123")]
    #[case("4915550100123", "UA", "+4915550100123")]
    #[case("01555 0100123", "DE", "+4915550100123")]
    #[case("(202) 555-0123", "US", "+12025550123")]
    #[case("0011 49 15550100123", "AU", "+4915550100123")]
    #[case("8 912 345-67-89", "RU", "+79123456789")]
    #[case("02 1234 5678", "IT", "+390212345678")]
    fn reads_numbers_of_other_countries(#[case] text: &str, #[case] region: &str, #[case] e164: &str) {
        assert_eq!(Phone::parse(text, region).unwrap().e164(), e164);
    }

    #[rstest]
    #[case("")]
    #[case("+")]
    #[case("none")]
    #[case("12345")]
    #[case("050111223")]
    #[case("05011122334")]
    #[case("0000000000")]
    #[case("999999999999999999999999999")]
    #[case("+4991181555010019")]
    #[case("<test lead: dummy data for phone_number>")]
    fn refuses_what_is_no_number(#[case] text: &str) {
        assert_eq!(Phone::parse(text, "UA"), None);
    }

    #[test]
    fn refuses_what_is_too_short_to_be_recognised_again() {
        assert_eq!(Phone::parse("16-4(0(", "DE"), None);
    }

    #[test]
    fn a_number_has_several_faces() {
        let phone = Phone::parse("0501112233", "UA").unwrap();
        assert_eq!(phone.digits(), "380501112233");
        assert_eq!(phone.national_digits(), "0501112233");
        assert_eq!(phone.masked(), "+380*******33");
        assert_eq!(format!("{phone:?}"), "Phone(+380*******33)");
        assert_eq!(Phone::parse("+12025550123", "UA").unwrap().national_digits(), "2025550123");
        assert_eq!(Phone::parse("+79123456789", "UA").unwrap().national_digits(), "89123456789");
    }

    #[rstest]
    #[case("+380501112233", "380501112233", true)]
    #[case("+380501112233", "0501112233", true)]
    #[case("+380501112233", "(050) 111-22-33", true)]
    #[case("00380501112233", "+38 050 111 22 33", true)]
    #[case("+380501112233", "8 050 111 22 33", true)]
    #[case("0501112233", "501112233", true)]
    #[case("+79123456789", "8 (912) 345-67-89", true)]
    #[case::other_number("+380501112233", "+380501112234", false)]
    #[case::other_country("+380501112233", "+48501112233", false)]
    #[case::no_area("+380441112233", "1112233", false)]
    #[case::too_short("112", "112", false)]
    #[case::empty("", "", false)]
    fn compares_spellings(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
        assert_eq!(same_phone(one, other), same);
        assert_eq!(same_phone(other, one), same);
    }

    #[rstest]
    #[case("+380501112233", "044 111 22 33; 050 111 22 33", true)]
    #[case("+380501112233", "044 111 22 33; 050 111 22 44", false)]
    #[case::short_national("+4532123456", "32 12 34 56", true)]
    #[case::short_with_another_country("+4532123456", "+32123456", false)]
    #[case::too_short("+4532123456", "2123456", false)]
    fn recognises_itself(#[case] e164: &str, #[case] stored: &str, #[case] same: bool) {
        assert_eq!(Phone::parse(e164, "UA").unwrap().is(stored), same);
    }

    #[test]
    fn spells_the_likeliest_first() {
        let phone = Phone::parse("0501112233", "UA").unwrap();
        assert_eq!(phone.spellings(), ["+380501112233", "380501112233", "0501112233"]);
    }

    const REGIONS: [&str; 12] = ["UA", "PL", "DE", "RU", "KZ", "US", "GB", "IT", "AR", "MX", "FR", "TR"];

    proptest! {
        #[test]
        fn either_spelling_may_come_first(one in "(\\+|00|8|0)?[0-9 ()-]{5,17}", cut in 0..9_usize, prefix in "(\\+|00|8|0)?") {
            let digits = digits(&one);
            let other = format!("{prefix}{}", &digits[cut.min(digits.len())..]);
            prop_assert_eq!(same_phone(&one, &other), same_phone(&other, &one));
            prop_assert!(same_phone(&one, &one) || digits.len() < FEWEST_DIGITS + 2);
        }

        #[test]
        fn a_number_reads_as_itself(text in "[+]?[0-9 ()-]{7,17}", from in 0..12_usize, to in 0..12_usize) {
            if let Some(phone) = Phone::parse(&text, REGIONS[from]) {
                prop_assert_eq!(Phone::parse(phone.e164(), REGIONS[to]), Some(phone.clone()));
                prop_assert_eq!(Phone::parse(&format!("00{}", phone.digits()), REGIONS[to]), Some(phone.clone()));
                prop_assert!(same_phone(phone.e164(), phone.digits()));
            }
        }

        #[test]
        fn every_spelling_is_the_same_number(rest in "[0-9]{7}", spelling in 0..20_usize) {
            let [a, b, c] = [&rest[..3], &rest[3..5], &rest[5..]];
            let spellings = [
                format!("+38050{rest}"), format!("38050{rest}"), format!("0038050{rest}"), format!("050{rest}"),
                format!("50{rest}"), format!("050 {a} {b} {c}"), format!("(050) {a}-{b}-{c}"), format!("050-{rest}"),
                format!("+38 (050) {a}-{b}-{c}"), format!("+38(050){rest}"), format!("38 050 {a} {b} {c}"),
                format!("p:+38050{rest}"), format!("tel:+38050{rest}"), format!("050.{a}.{b}.{c}"),
                format!(" +380 50 {rest} "), format!("(+380) 50 {a} {b} {c}"), format!("+380-50-{a}-{b}-{c}"),
                format!("050\u{a0}{a}\u{a0}{b}{c}"), format!("00 380 50 {rest}"), format!("050{rest} Viber"),
            ];
            let expected = format!("+38050{rest}");
            let phone = Phone::parse(&spellings[spelling], "UA").unwrap();
            prop_assert_eq!(phone.e164(), &expected);
            prop_assert!(same_phone(&phone.national_digits(), &expected));
        }

        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,60}", region in "[A-Z]{2}") {
            let phone = Phone::parse(&text, &region);
            prop_assert!(phone.is_none_or(|phone| phone.digits().len() <= 15));
        }
    }
}
