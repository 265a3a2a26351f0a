//! The lead queue as SQS keeps it: at least once, in no order, and back after a while when nobody deleted it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::time::Instant;

/// After this a message that was received and not deleted comes back.
const VISIBILITY: Duration = Duration::from_secs(360);

/// Most messages in a batch.
const BATCH: usize = 10;

/// How unreliable a queue is, each in a thousand messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unreliable {
    /// Lost; only nudges are, since everything else was promised to be kept.
    pub lost: u32,
    /// Delivered twice.
    pub doubled: u32,
    /// Delivered late.
    pub late: u32,
    /// Delivered again although it was deleted.
    pub undead: u32,
}

/// Messages that were sent and not deleted.
#[derive(Debug)]
pub struct Queue(Mutex<State>);

#[derive(Debug)]
struct State {
    chance: SmallRng,
    unreliable: Unreliable,
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
    bodies: Vec<String>,
}

#[derive(Debug, Clone)]
struct Waiting {
    body: String,
    visible_at: Instant,
}

impl Queue {
    /// An empty one.
    pub fn new(seed: u64, unreliable: Unreliable) -> Self {
        let chance = SmallRng::seed_from_u64(seed);
        let state = State { chance, unreliable, waiting: BTreeMap::new(), next: 0, bodies: Vec::new() };
        Self(Mutex::new(state))
    }

    /// Sends a message that is promised to be kept.
    pub fn send(&self, body: String, delay: Duration) {
        self.state().send(body, delay);
    }

    /// Sends a nudge, which may get lost.
    pub fn nudge(&self, body: String, delay: Duration) {
        let mut state = self.state();
        let lost = state.unreliable.lost;
        if !state.happens(lost) {
            state.send(body, delay);
        }
    }

    /// Up to ten of the messages that are visible, whichever, and as many as it likes.
    pub fn receive(&self) -> Vec<(u64, String)> {
        let mut state = self.state();
        let now = Instant::now();
        let mut visible: Vec<u64> =
            state.waiting.iter().filter(|(_, message)| message.visible_at <= now).map(|(id, _)| *id).collect();
        let size = if state.chance.random_ratio(1, 2) { BATCH } else { state.chance.random_range(1..=BATCH) };
        let mut received = Vec::new();
        while received.len() < size && !visible.is_empty() {
            let picked = state.chance.random_range(0..visible.len());
            let id = visible.swap_remove(picked);
            if let Some(message) = state.waiting.get_mut(&id) {
                message.visible_at = now + VISIBILITY;
                received.push((id, message.body.clone()));
            }
        }
        received
    }

    /// A message was handled.
    pub fn delete(&self, id: u64) {
        let mut state = self.state();
        let undead = state.unreliable.undead;
        if !state.happens(undead) {
            state.waiting.remove(&id);
        }
    }

    /// When the next message can be received.
    pub fn next_visible(&self) -> Option<Instant> {
        self.state().waiting.values().map(|message| message.visible_at).min()
    }

    /// From now on it is reliable.
    pub fn calm(&self) {
        self.state().unreliable = Unreliable::default();
    }

    /// Every body that was ever sent.
    pub fn bodies(&self) -> Vec<String> {
        self.state().bodies.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&mut self, body: String, delay: Duration) {
        let unreliable = self.unreliable;
        let copies = if self.happens(unreliable.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let late = if self.happens(unreliable.late) { self.chance.random_range(1..900) } else { 0 };
            let visible_at = Instant::now() + delay + Duration::from_secs(late);
            self.waiting.insert(self.next, Waiting { body: body.clone(), visible_at });
            self.next += 1;
        }
        self.bodies.push(body);
    }

    fn happens(&mut self, in_thousand: u32) -> bool {
        in_thousand > 0 && self.chance.random_ratio(in_thousand, 1000)
    }
}
