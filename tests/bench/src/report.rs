//! What was measured, beside what was aimed at: a table for people, JSON for programs.

use std::{path::Path, process::Command};

use anyhow::Context;
use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    /// What was measured.
    pub(crate) what: String,
    /// How much it is.
    pub(crate) is: f64,
    /// How much was aimed at.
    pub(crate) goal: Goal,
    /// Of both.
    pub(crate) unit: Unit,
}

/// What was aimed at.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// Of what a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// Something that is counted.
    Count,
    /// So many times as much as the empty function takes.
    TimesEmpty,
    /// So many times as much as in the other case.
    Times,
    /// Milliseconds.
    Milliseconds,
    /// Megabytes of a million bytes.
    Megabytes,
    /// Bytes.
    Bytes,
    /// Per cent.
    Percent,
    /// US dollars.
    Dollars,
}

/// Everything that one run measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// When, by the machine's clock.
    pub(crate) at: String,
    /// The processor.
    pub(crate) machine: String,
    /// In the order in which they are shown.
    pub(crate) lines: Vec<Line>,
    /// What the lines were worked out from, by name: milliseconds, microseconds, megabytes as the name says.
    pub(crate) details: Vec<(String, f64)>,
}

impl Line {
    /// Whether it is as it was to be.
    pub(crate) fn is_met(&self) -> bool {
        match self.goal {
            Goal::AtMost(goal) => self.is <= goal,
            Goal::AtLeast(goal) => self.is >= goal,
        }
    }

    /// How much of what was allowed is used; over one is too much.
    pub(crate) fn share(&self) -> f64 {
        match self.goal {
            Goal::AtMost(0.0) if self.is > 0.0 => f64::INFINITY,
            Goal::AtMost(0.0) => 0.0,
            Goal::AtMost(goal) => self.is / goal,
            Goal::AtLeast(goal) => goal / self.is,
        }
    }

    fn row(&self) -> String {
        let goal = match self.goal {
            Goal::AtMost(goal) => format!("<= {}", self.unit.show(goal)),
            Goal::AtLeast(goal) => format!(">= {}", self.unit.show(goal)),
        };
        let verdict = if self.is_met() { "yes" } else { "**no**" };
        format!("| {} | {goal} | {} | {verdict} |", self.what, self.unit.show(self.is))
    }
}

impl Unit {
    fn show(self, amount: f64) -> String {
        let digits = match amount.abs() {
            0.0 => 0,
            small if small < 0.1 => 3,
            small if small < 10.0 => 2,
            small if small < 100.0 => 1,
            _ => 0,
        };
        let number = match format!("{amount:.digits$}") {
            decimal if decimal.contains('.') => decimal.trim_end_matches('0').trim_end_matches('.').to_owned(),
            whole => whole,
        };
        match self {
            Self::Count => number,
            Self::TimesEmpty | Self::Times => format!("{number}x"),
            Self::Milliseconds => format!("{number} ms"),
            Self::Megabytes => format!("{number} MB"),
            Self::Bytes => format!("{number} B"),
            Self::Percent => format!("{number} %"),
            Self::Dollars => format!("{number} USD"),
        }
    }
}

impl Report {
    /// Adds a figure.
    pub(crate) fn add(&mut self, what: impl Into<String>, is: f64, goal: Goal, unit: Unit) {
        self.lines.push(Line { what: what.into(), is, goal, unit });
    }

    /// Adds what a figure was worked out from.
    pub(crate) fn note(&mut self, what: impl Into<String>, is: f64) {
        self.details.push((what.into(), is));
    }

    /// Adds the size of a function as it is uploaded: a zip is the same deflated bytes.
    pub(crate) fn size(&mut self, function: &str, program: &Path) -> anyhow::Result<()> {
        let packed = Command::new("gzip").args(["-9", "--stdout"]).arg(program).output().context("gzip")?;
        let megabytes = packed.stdout.len() as f64 / 1e6;
        self.add(format!("`{function}`, zipped"), megabytes, Goal::AtMost(4.5), Unit::Megabytes);
        Ok(())
    }

    /// As Markdown.
    pub(crate) fn table(&self) -> String {
        let rows = self.lines.iter().map(|line| line.row() + "\n").collect::<String>();
        format!("{}; {}\n\n| what | goal | figure | met |\n|---|---|---|---|\n{rows}", self.at, self.machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_the_goal_is_met() {
        let line = |is, goal| Line { what: "calls".to_owned(), is, goal, unit: Unit::Count };
        assert_eq!(line(3.0, Goal::AtMost(3.0)).row(), "| calls | <= 3 | 3 | yes |");
        assert_eq!(line(3.5, Goal::AtMost(3.0)).row(), "| calls | <= 3 | 3.5 | **no** |");
        assert_eq!(line(89.0, Goal::AtLeast(90.0)).row(), "| calls | >= 90 | 89 | **no** |");
        assert!(line(0.0, Goal::AtMost(0.0)).share() <= 1.0 && line(1.0, Goal::AtMost(0.0)).share() > 1.0);
    }
}
