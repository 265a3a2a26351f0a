use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::answer::Refusal;
use super::settings::{Settings, Window};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A part of RemOnline that a key may be barred from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// `/v2/company` and below.
    Company,
    /// `/v2/contacts` and below.
    Contacts,
    /// `/v2/orders` and below.
    Orders,
    /// `/marketing` and below.
    Marketing,
}

impl Area {
    fn of(path: &str) -> Option<Self> {
        let areas = [
            ("/v2/company", Self::Company),
            ("/v2/contacts", Self::Contacts),
            ("/v2/orders", Self::Orders),
            ("/marketing", Self::Marketing),
        ];
        areas.into_iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, area)| area)
    }
}

/// An API key: what it may not touch and when it was used lately.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) barred: BTreeSet<Area>,
    admitted: Vec<Timestamp>,
}

impl Key {
    /// Counts one request on `path`, or refuses it; a refused one does not count.
    pub(super) fn admit(&mut self, path: &str, now: Timestamp, settings: &Settings) -> Result<(), Refusal> {
        self.admitted.retain(|earlier| match settings.window {
            // A clock that was set back must not count requests of a second that is still to come.
            Window::Sliding => (SignedDuration::ZERO..SECOND).contains(&now.duration_since(*earlier)),
            Window::Fixed => earlier.as_second() == now.as_second(),
        });
        if settings.rate_limited && self.admitted.len() >= settings.requests_per_second as usize {
            return Err(Refusal::Throttled);
        }
        self.admitted.push(now);
        let barred = Area::of(path).is_some_and(|area| self.barred.contains(&area));
        if barred { Err(Refusal::Forbidden) } else { Ok(()) }
    }
}

/// Largest number of `moments` (in order) less than a second apart.
pub(super) fn busiest_second(moments: &[Timestamp]) -> usize {
    let mut first = 0;
    let mut most = 0;
    for (last, moment) in moments.iter().enumerate() {
        while moment.duration_since(moments[first]) >= SECOND {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(1_772_357_400_000 + millisecond).unwrap()
    }

    /// One letter a request: admitted or throttled.
    fn outcomes(settings: &Settings, moments: &[i64]) -> String {
        let mut key = Key::default();
        let admitted = |moment: &i64| key.admit("/v2/company", at(*moment), settings).is_ok();
        moments.iter().map(admitted).map(|admitted| if admitted { 'a' } else { 't' }).collect()
    }

    #[rstest]
    #[case(Window::Sliding, "aaatta")]
    #[case(Window::Fixed, "aaataa")]
    fn three_a_second(#[case] window: Window, #[case] expected: &str) {
        let settings = Settings { window, ..Settings::default() };
        assert_eq!(outcomes(&settings, &[500, 600, 900, 950, 1100, 1500]), expected);
    }

    #[test]
    fn the_rate_is_a_setting() {
        assert_eq!(outcomes(&Settings { requests_per_second: 1, ..Settings::default() }, &[0, 1, 1000]), "ata");
        assert_eq!(outcomes(&Settings { rate_limited: false, ..Settings::default() }, &[0, 0, 0, 0, 0]), "aaaaa");
    }

    #[rstest]
    #[case(&[], 0)]
    #[case(&[0, 999, 1000, 1500], 3)]
    #[case(&[0, 1000, 2000], 1)]
    fn finds_the_busiest_second(#[case] moments: &[i64], #[case] most: usize) {
        let moments: Vec<_> = moments.iter().copied().map(at).collect();
        assert_eq!(busiest_second(&moments), most);
    }
}
