//! Every story with everything that can befall each of its effects, alone and in pairs.

use crate::{
    bench::Bench,
    cores,
    effects::{Boundary, Fate, Fates, Seen},
    plan::outcomes,
    run::{self, Outcome},
    stories::Story,
};

/// A place at which something befalls an effect: the effect's number, and which of its outcomes.
pub type Point = (usize, usize);

/// What came of telling stories with something befalling them.
#[derive(Debug, Default)]
pub struct Told {
    /// Boundaries of all stories.
    pub boundaries: usize,
    /// Boundaries with each of their outcomes.
    pub points: usize,
    /// Those that befell as they were meant to.
    pub hit: usize,
    /// What must not be, with how to see it again.
    pub failures: Vec<String>,
}

/// A story that is to be told.
#[derive(Debug)]
struct Telling {
    story: usize,
    points: Vec<Point>,
    fates: Vec<(usize, Fate)>,
}

/// Tells a story with these points, and gives every effect it had.
pub fn tell(bench: &Bench, story: &Story, fates: &[(usize, Fate)]) -> (Outcome, Vec<Seen>) {
    let plan = story.plan(fates.iter().copied());
    let (outcome, world) = run::play(bench, 0, story.script.clone(), Fates::Plan(plan), true);
    (outcome, world.effects.record())
}

/// The fates at these points of a story, each found in a telling with those before it.
pub fn fates_at(bench: &Bench, story: &Story, points: &[Point]) -> Vec<(usize, Fate)> {
    let mut fates = Vec::new();
    for (number, outcome) in points {
        let (_, record) = tell(bench, story, &fates);
        let boundary = record.get(*number).map(|seen| &seen.boundary);
        fates.extend(boundary.and_then(|boundary| outcomes(boundary).get(*outcome).map(|fate| (*number, *fate))));
    }
    fates
}

/// Every story with everything that can befall each of its effects.
///
/// # Errors
/// When a bench cannot be set up, or a run panics.
pub fn single() -> anyhow::Result<Told> {
    let stories = Story::all();
    let bench = Bench::new()?;
    let mut tellings = Vec::new();
    let mut told = Told::default();
    for (number, story) in stories.iter().enumerate() {
        let (outcome, record) = tell(&bench, story, &[]);
        told.boundaries += record.len();
        told.failures.extend(outcome.verdict.breaches.iter().map(|breach| format!("{}: {breach}", story.name)));
        tellings.extend(after(number, &[], &[], &record));
    }
    told.points = tellings.len();
    told.count(cores::each(&tellings, |bench, telling| Some(retell(bench, &stories, telling).1))?);
    Ok(told)
}

/// Each story with everything that can befall each two of its effects. `progress` is told of each pair how many there are.
///
/// # Errors
/// When a bench cannot be set up, or a run panics.
pub fn pairs(stories: &[Story], progress: impl Fn(usize) + Sync) -> anyhow::Result<Told> {
    let bench = Bench::new()?;
    let firsts = stories.iter().enumerate().flat_map(|(number, story)| {
        let (_, record) = tell(&bench, story, &[]);
        after(number, &[], &[], &record)
    });
    let firsts = firsts.collect::<Vec<_>>();
    let pairs = cores::each(&firsts, |bench, first| {
        let (record, _) = retell(bench, stories, first);
        Some(after(first.story, &first.points, &first.fates, &record))
    })?;
    let pairs = pairs.into_iter().flatten().collect::<Vec<_>>();
    let mut told = Told { points: pairs.len(), ..Told::default() };
    told.count(cores::each(&pairs, |bench, pair| {
        progress(pairs.len());
        Some(retell(bench, stories, pair).1)
    })?);
    Ok(told)
}

/// The story with each point that comes after those it has.
fn after(story: usize, points: &[Point], fates: &[(usize, Fate)], record: &[Seen]) -> Vec<Telling> {
    let next = points.last().map_or(0, |(number, _)| number + 1);
    let untouched = record.iter().skip(next).filter(|seen| seen.fate == Fate::Fine);
    let tellings = untouched.flat_map(|seen| {
        let Boundary { number, .. } = seen.boundary;
        outcomes(&seen.boundary).into_iter().enumerate().map(move |(outcome, fate)| Telling {
            story,
            points: [points, &[(number, outcome)]].concat(),
            fates: [fates, &[(number, fate)]].concat(),
        })
    });
    tellings.collect()
}

/// Tells it: every effect, whether everything befell as meant, and what went wrong.
fn retell(bench: &Bench, stories: &[Story], telling: &Telling) -> (Vec<Seen>, (bool, Option<String>)) {
    let story = &stories[telling.story];
    let (outcome, record) = tell(bench, story, &telling.fates);
    let befell = |(number, fate): &(usize, Fate)| record.get(*number).is_some_and(|seen| seen.fate == *fate);
    let hit = telling.fates.iter().all(befell);
    let breaches = &outcome.verdict.breaches;
    let failure = (!breaches.is_empty()).then(|| {
        let places = telling.fates.iter().filter_map(|(number, fate)| {
            record.get(*number).map(|seen| format!("{fate:?} at {number} {}", seen.boundary.name))
        });
        let points = telling.points.iter().map(|(number, outcome)| format!(" --at {number}:{outcome}"));
        format!(
            "{}: {}\n    {}\n    cargo run --release -p simulation -- --story '{}'{}",
            story.name,
            places.collect::<Vec<_>>().join(", "),
            breaches.join("\n    "),
            story.name,
            points.collect::<String>(),
        )
    });
    (record, (hit, failure))
}

impl Told {
    fn count(&mut self, outcomes: Vec<(bool, Option<String>)>) {
        for (hit, failure) in outcomes {
            self.hit += usize::from(hit);
            self.failures.extend(failure);
        }
    }
}
