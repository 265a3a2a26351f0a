//! Moving messages from queue to queue, which the crate writes down as a task and leaves undone.

use winterbaume_sqs::SqsState;
use winterbaume_sqs::types::Message;

/// Carries out the task of this handle at once: everything that can be received goes to the task's destination, without
/// one to the queue whose dead letters the source holds.
pub(super) fn carry_out(state: &mut SqsState, handle: &str) {
    let task = state.message_move_tasks.iter().find(|task| task.task_handle == handle).cloned();
    let Some(task) = task else { return };
    let destination = state.queues.values().find(|queue| match &task.destination_arn {
        Some(arn) => queue.queue.arn == *arn,
        None => queue.dead_letter_target_arn.as_deref() == Some(&task.source_arn),
    });
    let moved = destination.map(|queue| queue.queue.name.clone()).map(|name| {
        let moving = take_visible(state, &task.source_arn);
        let count = moving.len();
        state.queues.entry(name).and_modify(|queue| queue.messages.extend(moving));
        i64::try_from(count).unwrap_or(i64::MAX)
    });
    if let Some(task) = state.message_move_tasks.iter_mut().find(|task| task.task_handle == handle) {
        task.status = if moved.is_some() { "COMPLETED" } else { "FAILED" }.to_owned();
        task.approximate_number_of_messages_moved = moved.unwrap_or_default();
        task.approximate_number_of_messages_to_move = moved;
    }
}

/// Takes what can be received out of a queue, as if it had never been received.
fn take_visible(state: &mut SqsState, arn: &str) -> Vec<Message> {
    let Some(source) = state.queues.values_mut().find(|queue| queue.queue.arn == arn) else { return Vec::new() };
    let (visible, staying) = std::mem::take(&mut source.messages).into_iter().partition(Message::is_visible);
    source.messages = staying;
    let unreceived = |message: Message| Message {
        receipt_handle: None,
        all_receipt_handles: Vec::new(),
        approximate_first_receive_timestamp: None,
        approximate_receive_count: 0,
        visible_at: 0,
        ..message
    };
    visible.into_iter().map(unreceived).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use pretty_assertions::assert_eq;
    use rstest::rstest;

    use super::*;

    fn queue(state: &mut SqsState, name: &str, attributes: &[(&str, &str)]) -> String {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        state.create_queue(name, "us-east-1", "123456789012", &attributes, None).unwrap().arn.clone()
    }

    fn send(state: &mut SqsState, queue: &str, body: &str) {
        state.send_message(queue, body, None, HashMap::new(), None, None).unwrap();
    }

    fn bodies(state: &SqsState, queue: &str) -> Vec<String> {
        state.queues[queue].messages.iter().map(|message| message.body.clone()).collect()
    }

    /// Two messages in `dead`, one of them received, and what moving them led to.
    fn moved(destination: bool, policy: bool) -> (SqsState, String) {
        let mut state = SqsState::default();
        let dead = queue(&mut state, "dead", &[]);
        let redrive = format!(r#"{{"deadLetterTargetArn":"{dead}","maxReceiveCount":"3"}}"#);
        let policy: &[(&str, &str)] = if policy { &[("RedrivePolicy", &redrive)] } else { &[] };
        let live = queue(&mut state, "live", policy);
        for body in ["held", "free"] {
            send(&mut state, "dead", body);
        }
        state.receive_message("dead", 1, Some(60)).unwrap();
        let handle = state.start_message_move_task(&dead, destination.then_some(live.as_str()), None).unwrap();
        carry_out(&mut state, &handle);
        let status = state.list_message_move_tasks(&dead)[0].status.clone();
        (state, status)
    }

    #[rstest]
    #[case::to_the_destination(true, false)]
    #[case::to_the_source(false, true)]
    fn what_can_be_received_is_moved(#[case] destination: bool, #[case] policy: bool) {
        let (mut state, status) = moved(destination, policy);
        assert_eq!(
            (bodies(&state, "live"), bodies(&state, "dead"), status.as_str()),
            (vec!["free".to_owned()], vec!["held".to_owned()], "COMPLETED")
        );
        assert_eq!(state.receive_message("live", 10, None).unwrap()[0].approximate_receive_count, 1);
    }

    #[test]
    fn nothing_is_moved_to_nowhere() {
        let (state, status) = moved(false, false);
        assert_eq!((bodies(&state, "dead").len(), status.as_str()), (2, "FAILED"));
    }

    #[test]
    fn an_ended_task_does_not_stand_in_the_way_of_the_next() {
        let (mut state, _) = moved(true, false);
        let dead = state.queues["dead"].queue.arn.clone();
        assert!(state.start_message_move_task(&dead, None, None).is_ok());
    }
}
