//! Fates by chance: each run has a weather of its own, some kinds of trouble often and others never.

use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng, rngs::SmallRng};

use crate::effects::{Fate, Kind};

/// A stale search and a late commit together stay below the quiet period, which is what the protocol asks of RemOnline.
pub const LATEST_COMMIT: u64 = 30;
/// How stale a search may be, in milliseconds.
pub const STALEST_SEARCH: u64 = 20_000;

/// How long a process may stand still between its last look at the clock and a write to RemOnline: Lambda ends an
/// invocation at its deadline, and a write leaves 17 s before that at the latest and is waited for through a lease that
/// ends 15 s after it.
const FROZEN_AT_A_WRITE: u64 = 30;

/// In ten thousand effects.
const SCALE: u32 = 10_000;

/// What befalls effects by chance.
#[derive(Debug)]
pub struct Weather {
    chance: SmallRng,
    odds: Odds,
    spells: Vec<Spell>,
    calm: bool,
}

/// How often what happens, in ten thousand effects of the kind.
#[derive(Debug, Clone, Copy, Default)]
struct Odds {
    crash: u32,
    freeze: u32,
    store: u32,
    lost: u32,
    late: u32,
    refused: u32,
    throttled: u32,
    slow: u32,
}

/// Trouble that lasts.
#[derive(Debug, Clone)]
struct Spell {
    from: Duration,
    to: Duration,
    trouble: Trouble,
    /// What its effects' names begin with.
    place: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    /// Maintenance, or nobody can be reached.
    Down,
    /// Too many requests, with `Retry-After` or without.
    Throttling(Option<u32>),
}

/// Where spells can be, and how long they last at most, in minutes.
const PLACES: [(&str, u64); 4] = [("store ", 30), ("shop-a ", 480), ("shop-b ", 480), ("meta ", 240)];

impl Weather {
    /// The weather of a seed over `length`.
    pub fn of(seed: u64, length: Duration) -> Self {
        let mut chance = SmallRng::seed_from_u64(seed);
        let mut often = |strength: u32| match chance.random_range(0..5) {
            0 | 1 => 0,
            2 => strength / 4,
            3 => strength,
            _ => strength * 3,
        };
        let odds = Odds {
            crash: often(60),
            freeze: often(10),
            store: often(60),
            lost: often(150),
            late: often(80),
            refused: often(150),
            throttled: often(100),
            slow: often(60),
        };
        let spells = (0..chance.random_range(0..4)).map(|_| Spell::of(&mut chance, length)).collect();
        Self { chance, odds, spells, calm: false }
    }

    /// A place that is down from the beginning on, for so long, and nothing else.
    pub(crate) fn outage(place: &'static str, lasts: Duration) -> Self {
        let spell = Spell { from: Duration::ZERO, to: lasts, trouble: Trouble::Down, place };
        Self { chance: SmallRng::seed_from_u64(0), odds: Odds::default(), spells: vec![spell], calm: false }
    }

    /// The same, and of so many in ten thousand exchanges the answer is lost.
    pub(crate) fn losing(self, lost: u32) -> Self {
        Self { odds: Odds { lost, ..self.odds }, ..self }
    }

    /// Nothing befalls anything any more.
    pub(crate) fn calm(&mut self) {
        self.calm = true;
    }

    pub(crate) fn fate(&mut self, kind: Kind, name: &str, at: Duration) -> Fate {
        if self.calm {
            return Fate::Fine;
        }
        let spell =
            self.spells.iter().find(|spell| name.starts_with(spell.place) && (spell.from..spell.to).contains(&at));
        if let Some(trouble) = spell.map(|spell| spell.trouble) {
            return self.in_trouble(kind, trouble);
        }
        let mut rolled = self.chance.random_range(0..SCALE);
        for (odds, sort) in self.sorts(kind) {
            if rolled < odds {
                return self.fate_of(kind, name, sort);
            }
            rolled -= odds;
        }
        Fate::Fine
    }

    fn in_trouble(&mut self, kind: Kind, trouble: Trouble) -> Fate {
        let dice = self.chance.random_range(0..10);
        match (trouble, kind) {
            (Trouble::Throttling(_), _) if dice < 2 => Fate::Fine,
            (Trouble::Throttling(after), _) => Fate::Throttled(after),
            (Trouble::Down, Kind::StorePut | Kind::StoreTransaction) if dice < 2 => Fate::AnswerLost,
            (Trouble::Down, Kind::Create | Kind::Set) if dice == 0 => Fate::DoneThenStatus(504),
            (Trouble::Down, Kind::Create | Kind::Set | Kind::Ask) if dice < 7 => Fate::Status(503),
            (Trouble::Down, _) => Fate::NotApplied,
        }
    }

    fn sorts(&self, kind: Kind) -> [(u32, Sort); 8] {
        let Odds { crash, freeze, store, lost, late, refused, throttled, slow } = self.odds;
        let only = |holds: bool, odds: u32| if holds { odds } else { 0 };
        let exchange = kind.is_exchange();
        [
            (crash, Sort::Crash),
            (freeze, Sort::Freeze),
            (only(!exchange, store), Sort::Store),
            (only(exchange, lost), Sort::Lost),
            (only(exchange && kind.writes(), late), Sort::Late),
            (only(exchange, refused), Sort::Refused),
            (only(exchange, throttled), Sort::Throttled),
            (only(exchange, slow), Sort::Slow),
        ]
    }

    fn fate_of(&mut self, kind: Kind, name: &str, sort: Sort) -> Fate {
        let chance = &mut self.chance;
        match sort {
            Sort::Crash => either(chance, Fate::CrashBefore, Fate::CrashAfter),
            Sort::Freeze if kind.is_exchange() && kind.writes() => {
                Fate::Frozen(Duration::from_secs(chance.random_range(1..=FROZEN_AT_A_WRITE)))
            }
            Sort::Freeze => Fate::Frozen(Duration::from_secs(chance.random_range(1..600))),
            Sort::Store => match (kind, chance.random_range(0..3)) {
                (Kind::StoreRead, _) | (_, 0) => Fate::NotApplied,
                (Kind::StorePut, 1) => Fate::Repeated,
                _ => Fate::AnswerLost,
            },
            Sort::Lost => match chance.random_range(0..4) {
                0 => Fate::NotApplied,
                1 => Fate::Garbage,
                _ => Fate::AnswerLost,
            },
            Sort::Late => Fate::LateCommit(Duration::from_secs(chance.random_range(1..=LATEST_COMMIT))),
            Sort::Refused if name.starts_with("meta ") => {
                [Fate::Graph(4, None), Fate::Graph(1, None), Fate::Graph(100, Some(33)), Fate::Status(502)]
                    [chance.random_range(0..4)]
            }
            Sort::Refused => {
                let status = [500, 502, 503, 504][chance.random_range(0..4)];
                if chance.random_bool(0.5) { Fate::Status(status) } else { Fate::DoneThenStatus(status) }
            }
            Sort::Throttled if name.starts_with("meta ") => Fate::Graph(80_005, None),
            Sort::Throttled => Fate::Throttled(retry_after(chance)),
            Sort::Slow => Fate::Slow(Duration::from_secs(chance.random_range(1..25))),
        }
    }
}

#[derive(Clone, Copy)]
enum Sort {
    Crash,
    Freeze,
    Store,
    Lost,
    Late,
    Refused,
    Throttled,
    Slow,
}

impl Spell {
    fn of(chance: &mut SmallRng, length: Duration) -> Self {
        let (place, longest) = PLACES[chance.random_range(0..PLACES.len())];
        let remonline = place.starts_with("shop");
        let throttling = remonline && chance.random_bool(0.4);
        let trouble = if throttling { Trouble::Throttling(retry_after(chance)) } else { Trouble::Down };
        // Now and then RemOnline is gone for days.
        let longest = if remonline && chance.random_ratio(1, 20) { length.as_secs() / 60 } else { longest };
        let from = chance.random_range(0..length.as_secs());
        let lasts = 60 * chance.random_range(1..=longest.max(1));
        Self { from: Duration::from_secs(from), to: Duration::from_secs(from + lasts), trouble, place }
    }
}

fn retry_after(chance: &mut SmallRng) -> Option<u32> {
    chance.random_bool(0.5).then(|| chance.random_range(0..300))
}

fn either<T>(chance: &mut impl Rng, one: T, other: T) -> T {
    if chance.random_bool(0.5) { one } else { other }
}
