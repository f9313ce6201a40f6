//! Requests that may be answered with a task in place of what comes of them (`wait_for_completion=false`, as OpenSearch has it).

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::tasks::task_id;
use crate::error::ApiError;
use crate::tasks::TaskKind;

/// Does what a request asks for. Where nobody waits it is a task, whose outcome is kept.
pub(super) async fn now_or_later(
    call: Call,
    kind: TaskKind,
    description: String,
    work: fn(Call) -> BoxFuture<'static, Result<Value, ApiError>>,
) -> Result<Reply, ApiError> {
    if call.maybe_flag("wait_for_completion")?.unwrap_or(true) {
        return Call::ok(work(call).await?);
    }
    let node = Arc::clone(&call.node);
    let registered = node.tasks.register(kind, description, None, Vec::new());
    let number = registered.task.number;
    let id = task_id(&node, number);
    tokio::spawn(async move {
        let outcome = work(call).await.map_err(|error| error.to_body()["error"].clone());
        node.tasks.keep(&registered.task, &node.identity.node_id, outcome);
    });
    Call::ok(json!({"task": id}))
}
