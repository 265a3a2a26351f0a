//! Nothing personal and no secret where people and machines look on.

use domain::Transaction;

use crate::{people::CANARIES, world::World};

/// Canaries in log lines, in the history, or in bodies of the queue. Answers have rows of their own, which are not looked
/// at here.
pub(super) fn breaches(world: &World, transactions: &[Transaction], logs: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let leaking = logs.lines().find(|line| is_personal(line));
    breaches.extend(leaking.map(|line| format!("personal in the log: {line}")));
    for transaction in transactions {
        let history = serde_json::to_string(&(&transaction.steps, &transaction.contact)).expect("steps are JSON");
        if is_personal(&history) {
            breaches.push(format!("personal in the history: {history}"));
        }
    }
    let sent = world.queue.bodies();
    breaches.extend(sent.iter().filter(|body| is_personal(body)).map(|body| format!("personal in the queue: {body}")));
    breaches
}

fn is_personal(text: &str) -> bool {
    CANARIES.iter().any(|canary| text.contains(canary))
}
