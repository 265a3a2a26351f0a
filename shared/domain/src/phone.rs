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

impl Phone {
    /// Reads a number as people type it: with or without country code, plus, spaces, brackets, dashes, remarks.
    /// `region` (ISO 3166 alpha-2) is the country of a number that does not name one. `None` when it is no valid
    /// number there or anywhere.
    pub fn parse(text: &str, region: &str) -> Option<Self> {
        [first_number(text), text].into_iter().find_map(|spelling| Self::read(spelling, region))
    }

    fn read(spelling: &str, region: &str) -> Option<Self> {
        let before_digits = spelling.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
        let digits = digits(spelling);
        if digits.len() > MOST_DIGITS {
            return None;
        }
        if let Some(digits) = digits.strip_prefix("00") {
            return Self::international(digits);
        }
        let national = || Self::valid(Some(region.parse().ok()?), &digits);
        if before_digits.contains(['+', '＋']) {
            Self::international(&digits).or_else(national)
        } else {
            national().or_else(|| Self::international(&digits))
        }
    }

    fn international(digits: &str) -> Option<Self> {
        Self::valid(None, &format!("+{digits}"))
    }

    fn valid(region: Option<country::Id>, spelling: &str) -> Option<Self> {
        let number = phonenumber::parse(region, spelling).ok().filter(PhoneNumber::is_valid)?;
        Some(Self(number.format().mode(Mode::E164).to_string()))
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
        phonenumber::parse(None, &self.0)
            .map(|number| digits(&number.format().mode(Mode::National).to_string()))
            .unwrap_or_else(|_| self.digits().to_owned())
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
/// Source: RO App stores phones as given, in every spelling (`reference` of v2 contacts).
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
