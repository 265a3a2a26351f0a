//! Kills at random moments while leads flow.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio::time::{Instant, sleep};

use super::shop::Shop;

/// The functions, each with a time that its work seldom exceeds: the moment is chosen within that.
const FUNCTIONS: [(&str, Duration); 4] = [
    ("ingest", Duration::from_millis(40)),
    ("scheduler", Duration::from_millis(60)),
    // Once for whole stories, once for their dense beginning.
    ("processor", Duration::from_millis(1_500)),
    ("processor", Duration::from_millis(300)),
];

/// Kills of the processor before a holder of the account gives it back. From the third on a holder notes the lead it has
/// at hand, and one that two of these died of would rightly be taken for the cause.
const IN_A_ROW: usize = 3;

/// How often it is looked whether a function works, and how long; schedules come each second.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
const LOOK: Duration = Duration::from_millis(1_200);

impl Shop {
    /// Kills so many processes at their work, with at least one webhook for each.
    pub(super) async fn storm(&mut self, chance: &mut StdRng, kills: usize) {
        let mut in_a_row = 0;
        for _ in 0..kills {
            let (function, span) = *FUNCTIONS.choose(chance).unwrap();
            if function == "processor" {
                if in_a_row == IN_A_ROW {
                    self.recover().await;
                    in_a_row = 0;
                }
                in_a_row += 1;
            }
            self.kill_one(function, span, chance).await;
        }
        self.settle().await;
    }

    /// Sends leads until a process of the function has been killed at its work.
    async fn kill_one(&mut self, function: &str, span: Duration, chance: &mut StdRng) {
        loop {
            let leads = self.some_leads(chance);
            let moment = span.mul_f64(chance.random());
            let (posts, killed) = tokio::join!(self.post(&leads), self.kill_at_work(function, moment));
            self.report.posts += posts;
            if killed {
                self.report.killed_at_random(function);
                return;
            }
        }
    }

    /// Up to three leads of new people, of clients of the shop, and of people who were here before.
    fn some_leads(&mut self, chance: &mut StdRng) -> Vec<String> {
        let people = (0..chance.random_range(1..=3)).map(|_| match chance.random_range(0..4) {
            0 => self.known_person(),
            1 if self.people() > 0 => chance.random_range(0..self.people()),
            _ => self.new_person(),
        });
        let people = people.collect::<Vec<_>>();
        self.leads_of(&people)
    }

    /// Kills a process of the function `moment` after it was seen at work, if it still is or another one is.
    async fn kill_at_work(&self, function: &str, moment: Duration) -> bool {
        let sandbox = &self.world.sandbox;
        let at_work = || sandbox.pids_at_work(function).unwrap();
        let deadline = Instant::now() + LOOK;
        while at_work().is_empty() {
            if Instant::now() > deadline {
                return false;
            }
            sleep(LOOK_INTERVAL).await;
        }
        sleep(moment).await;
        match at_work()[..] {
            [pid, ..] => sandbox.kill(pid).await,
            [] => false,
        }
    }
}
