//! What makes a function do everything that it does, over and over, so that it can be killed at each of its operations.

use std::collections::BTreeMap;

use rand::RngExt;
use sandbox::{Failpoint, Moment, Trap};

use super::shop::Shop;

/// A few leads that make one function work.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) function: &'static str,
    leads: fn(&mut Shop) -> Vec<String>,
    /// A kill of the processor that comes first; what is watched is what follows it.
    opening: Option<(&'static str, Moment)>,
}

/// In the order in which they are looked through for an operation.
pub(super) static SCENES: [Scene; 6] = [
    // More than one batch of the queue holds.
    Scene {
        function: "ingest",
        leads: |shop| leads_of_new_people(shop, &[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]),
        opening: None,
    },
    Scene { function: "processor", leads: |shop| leads_of_new_people(shop, &[0, 0]), opening: None },
    Scene {
        function: "processor",
        leads: |shop| {
            let known = shop.known_person();
            shop.leads_of(&[known])
        },
        opening: None,
    },
    Scene {
        function: "processor",
        leads: |shop| leads_of_new_people(shop, &[0]),
        opening: Some(("remonline POST /v2/orders", Moment::Before)),
    },
    Scene {
        function: "processor",
        leads: |shop| leads_of_new_people(shop, &[0]),
        opening: Some(("remonline POST /v2/contacts/people", Moment::After)),
    },
    // The lead stays due until the dead processor's lease ends.
    Scene {
        function: "scheduler",
        leads: |shop| leads_of_new_people(shop, &[0]),
        opening: Some(("remonline GET /v2/contacts/people", Moment::Before)),
    },
];

/// One lead for each entry, which says whose.
fn leads_of_new_people(shop: &mut Shop, whose: &[usize]) -> Vec<String> {
    let first = shop.people();
    let people = whose.iter().map(|&whose| {
        while shop.people() <= first + whose {
            shop.new_person();
        }
        first + whose
    });
    let people = people.collect::<Vec<_>>();
    shop.leads_of(&people)
}

/// An operation of a function, and a scene in which it comes up `times` times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) operation: String,
    pub(super) scene: usize,
    pub(super) times: usize,
}

impl Place {
    pub(super) fn function(&self) -> &'static str {
        SCENES[self.scene].function
    }

    pub(super) fn is(&self, function: &str, operation: &str) -> bool {
        self.function() == function && self.operation == operation
    }

    /// One of its times, by chance.
    pub(super) fn strike(&self, moment: Moment, chance: &mut impl RngExt) -> Strike {
        Strike { place: self.clone(), nth: chance.random_range(1..=self.times), moment }
    }
}

/// One kill at a place.
#[derive(Debug, Clone)]
pub(super) struct Strike {
    pub(super) place: Place,
    nth: usize,
    pub(super) moment: Moment,
}

impl Strike {
    /// With the one that opens the scene.
    pub(super) fn kills(&self) -> usize {
        1 + usize::from(SCENES[self.place.scene].opening.is_some())
    }
}

impl Shop {
    /// The places that come up in a scene when nobody is killed after its opening.
    pub(super) async fn rehearse(&mut self, scene: &'static Scene) -> Vec<Place> {
        let (from, _) = self.play(scene, None).await;
        let mut places = BTreeMap::new();
        for operation in self.operations(scene).split_off(from) {
            *places.entry(operation).or_insert(0) += 1;
        }
        self.audit().await;
        assert!(self.is_well(), "{scene:?} did not go well:\n{}", self.report);
        let scene = SCENES.iter().position(|other| std::ptr::eq(other, scene)).unwrap();
        places.into_iter().map(|(operation, times)| Place { operation, scene, times }).collect()
    }

    /// Kills a process of the function at the place. What comes up less often than in the rehearsal is struck at its
    /// first time, what does not come up at all in the next scene of the function.
    pub(super) async fn strike(&mut self, strike: &Strike) {
        let Strike { place, nth, moment } = strike;
        let (function, operation) = (place.function().to_owned(), place.operation.clone());
        let mut failpoint = Failpoint { function, operation, nth: *nth, moment: *moment };
        let scenes = SCENES[place.scene..].iter().chain(&SCENES).filter(|scene| scene.function == failpoint.function);
        for scene in scenes.collect::<Vec<_>>() {
            for nth in [failpoint.nth, 1] {
                failpoint.nth = nth;
                let (_, trap) = self.play(scene, Some(&failpoint)).await;
                if trap.is_some_and(|trap| trap.has_struck()) {
                    self.report.killed(&failpoint.function, &failpoint.operation, *moment);
                    return;
                }
            }
        }
    }

    /// Plays the scene to its end, with fresh processes of its function. Says how many operations came before what is
    /// watched.
    async fn play(&mut self, scene: &Scene, failpoint: Option<&Failpoint>) -> (usize, Option<Trap>) {
        self.end_processes(scene.function).await;
        let leads = (scene.leads)(self);
        let arm = |shop: &Self| failpoint.map(|failpoint| shop.world.sandbox.arm(failpoint.clone()).unwrap());
        let Some((operation, moment)) = scene.opening else {
            let (from, trap) = (self.operations(scene).len(), arm(self));
            self.report.posts += self.post(&leads).await;
            self.settle().await;
            return (from, trap);
        };
        let (function, operation) = ("processor".to_owned(), operation.to_owned());
        let opening = Failpoint { function, operation, nth: 1, moment };
        let opened = self.world.sandbox.arm(opening.clone()).unwrap();
        self.report.posts += self.post(&leads).await;
        self.world.until("the scene is opened", async |_| opened.has_struck()).await;
        self.report.killed(&opening.function, &opening.operation, moment);
        let (from, trap) = (self.operations(scene).len(), arm(self));
        self.settle().await;
        (from, trap)
    }

    fn operations(&self, scene: &Scene) -> Vec<String> {
        self.world.sandbox.operations(scene.function).unwrap()
    }

    /// Ends the processes of the function, once they have done what they were at: one that dies with the account's lease
    /// keeps everybody waiting for its end.
    async fn end_processes(&self, function: &str) {
        self.rests(function).await;
        let sandbox = &self.world.sandbox;
        for pid in sandbox.pids(function).unwrap() {
            sandbox.kill(pid).await;
        }
    }
}
