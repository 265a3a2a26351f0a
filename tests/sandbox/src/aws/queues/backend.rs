use std::collections::HashMap;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsState, SqsStateView, StateViewError};

use super::{Queues, moving};
use crate::aws::{ACCOUNT, REGION};

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The wire protocol's door. There is one account and one region, so both are ignored.
#[derive(Debug)]
pub(in crate::aws) struct Backend(pub(in crate::aws) Arc<Queues>);

impl Backend {
    fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut SqsState) -> T) -> Answer<T> {
        let answer = act(&mut self.0.lock());
        Box::pin(ready(answer))
    }
}

impl SqsBackend for Backend {
    fn create_queue(
        &self,
        account: String,
        region: String,
        name: String,
        attributes: HashMap<String, String>,
        tags: Option<HashMap<String, String>>,
    ) -> Answer<Result<Queue, SqsError>> {
        self.with(|state| state.create_queue(&name, &region, &account, &attributes, tags.as_ref()).cloned())
    }

    fn delete_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.delete_queue(&queue))
    }

    fn get_queue_url(&self, _: String, _: String, queue: String) -> Answer<Result<String, SqsError>> {
        self.with(|state| state.get_queue_url(&queue).map(str::to_owned))
    }

    fn get_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.with(|state| state.get_queue_attributes(&queue))
    }

    fn set_queue_attributes(
        &self,
        _: String,
        _: String,
        queue: String,
        attributes: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.set_queue_attributes(&queue, &attributes))
    }

    fn list_queues(&self, _: String, _: String, prefix: Option<String>) -> Answer<Result<Vec<Queue>, SqsError>> {
        self.with(|state| Ok(state.list_queues(prefix.as_deref()).into_iter().cloned().collect()))
    }

    fn send_message(
        &self,
        _: String,
        _: String,
        queue: String,
        body: String,
        delay: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        group: Option<String>,
        deduplication: Option<String>,
    ) -> Answer<Result<SendMessageOutput, SqsError>> {
        let sent = self.with(|state| {
            let sent =
                state.send_message(&queue, &body, delay, attributes, group.as_deref(), deduplication.as_deref())?;
            Ok(SendMessageOutput { message_id: sent.message_id, body_md5: sent.body_md5 })
        });
        self.0.note_sent(&queue, body);
        self.0.arrivals.notify_waiters();
        sent
    }

    fn receive_messages(
        &self,
        _: String,
        _: String,
        queue: String,
        max: usize,
        visibility: Option<u32>,
    ) -> Answer<Result<Vec<Message>, SqsError>> {
        self.with(|state| state.receive_message(&queue, max, visibility))
    }

    fn delete_message(
        &self,
        _: String,
        _: String,
        queue: String,
        receipt_handle: String,
    ) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.delete_message(&queue, &receipt_handle))
    }

    fn purge_queue(&self, _: String, _: String, queue: String) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.purge_queue(&queue))
    }

    fn change_message_visibility(
        &self,
        _: String,
        _: String,
        queue: String,
        receipt_handle: String,
        visibility: u32,
    ) -> Answer<Result<(), SqsError>> {
        let changed = self.with(|state| state.change_message_visibility(&queue, &receipt_handle, visibility));
        self.0.arrivals.notify_waiters();
        changed
    }

    fn change_message_visibility_batch(
        &self,
        _: String,
        _: String,
        queue: String,
        entries: Vec<(String, String, u32)>,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        let changed = self.with(|state| state.change_message_visibility_batch(&queue, &entries));
        self.0.arrivals.notify_waiters();
        changed
    }

    fn list_queue_tags(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<HashMap<String, String>, SqsError>> {
        self.with(|state| state.list_queue_tags(&queue))
    }

    fn tag_queue(
        &self,
        _: String,
        _: String,
        queue: String,
        tags: HashMap<String, String>,
    ) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.tag_queue(&queue, &tags))
    }

    fn untag_queue(&self, _: String, _: String, queue: String, tag_keys: Vec<String>) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.untag_queue(&queue, &tag_keys))
    }

    fn add_permission(
        &self,
        _: String,
        _: String,
        queue: String,
        label: String,
        accounts: Vec<String>,
        actions: Vec<String>,
    ) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.add_permission(&queue, &label, accounts, actions))
    }

    fn remove_permission(&self, _: String, _: String, queue: String, label: String) -> Answer<Result<(), SqsError>> {
        self.with(|state| state.remove_permission(&queue, &label))
    }

    fn list_dead_letter_source_queues(
        &self,
        _: String,
        _: String,
        queue: String,
    ) -> Answer<Result<Vec<String>, SqsError>> {
        self.with(|state| state.list_dead_letter_source_queues(&queue))
    }

    fn start_message_move_task(
        &self,
        _: String,
        _: String,
        source: String,
        destination: Option<String>,
        rate: Option<i32>,
    ) -> Answer<Result<String, SqsError>> {
        let started = self.with(|state| {
            let handle = state.start_message_move_task(&source, destination.as_deref(), rate)?;
            moving::carry_out(state, &handle);
            Ok(handle)
        });
        self.0.arrivals.notify_waiters();
        started
    }

    fn cancel_message_move_task(&self, _: String, _: String, handle: String) -> Answer<Result<i64, SqsError>> {
        self.with(|state| state.cancel_message_move_task(&handle))
    }

    fn list_message_move_tasks(
        &self,
        _: String,
        _: String,
        source: String,
    ) -> Answer<Result<Vec<MessageMoveTask>, SqsError>> {
        self.with(|state| Ok(state.list_message_move_tasks(&source).into_iter().cloned().collect()))
    }

    fn scopes_with_state(&self) -> Vec<(String, String)> {
        vec![(ACCOUNT.to_owned(), REGION.to_owned())]
    }

    fn snapshot(&self, _: String, _: String) -> Answer<SqsStateView> {
        self.with(|state| SqsStateView::from(&*state))
    }

    fn restore(&self, _: String, _: String, view: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.with(|state| {
            *state = SqsState::from(view);
            Ok(())
        })
    }

    fn merge(&self, _: String, _: String, view: SqsStateView) -> Answer<Result<(), StateViewError>> {
        self.with(|state| {
            let SqsState { queues, message_move_tasks, .. } = SqsState::from(view);
            state.queues.extend(queues);
            state.message_move_tasks.extend(message_move_tasks);
            Ok(())
        })
    }
}
