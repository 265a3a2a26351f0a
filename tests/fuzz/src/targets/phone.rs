//! A region on the first line, a phone number as somebody typed it after it.

use domain::{Phone, same_phone};

use crate::script::first_line;

const REGIONS: [&str; 4] = ["UA", "US", "IT", "KZ"];

pub(super) fn run(input: &[u8]) {
    let (region, typed) = first_line(input);
    let typed = String::from_utf8_lossy(typed);
    let e164 = Phone::parse(&typed, &region);

    for other in ["0501112233", "+380501112233", &region] {
        assert_eq!(same_phone(&typed, other), same_phone(other, &typed), "whichever comes first");
    }
    let Some(phone) = e164 else { return };
    assert!(is_e164(phone.e164()), "{}", phone.e164());
    assert!(phone.masked().ends_with(&phone.digits()[phone.digits().len() - 2..]));
    assert!(phone.masked().contains('*') && !format!("{phone:?}").contains(phone.digits()), "a number is not shown");
    for region in REGIONS {
        assert_eq!(Phone::parse(phone.e164(), region).as_ref(), Some(&phone), "it reads as itself in {region}");
    }
    assert!(same_phone(phone.e164(), phone.digits()));
    for spelling in phone.spellings() {
        assert!(phone.is(&spelling), "{spelling}");
        assert!(phone.is(&format!("none; {spelling}")), "one of several");
    }
}

fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}
