//! `_tasks`: what runs, how far it has come, and ending it; `_cat/tasks` shows the same as a table.
//!
//! Here each node answers for its own tasks; `nodes` asks them.

mod nodes;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

pub(super) use self::nodes::{Listed, every_task, rethrottle_elsewhere};
use self::nodes::{cancel_everywhere, list_everywhere, one_elsewhere};
use super::call::Call;
use super::cluster::roles_of;
use super::envelope::Reply;
use super::forward::Reach;
use super::router::{Route, route};
use crate::action::cluster::View;
use crate::error::ApiError;
use crate::node::Node;
use crate::tasks::{Parent, Task, TaskKind};
use crate::time_span::read_span;

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
/// How long a request waits for a task to end unless it says otherwise, as in Elasticsearch.
const WAIT_DEFAULT: Duration = Duration::from_secs(30);

const LIST_PARAMS: &[&str] = &[
    "actions",
    "detailed",
    "group_by",
    "nodes",
    "node_id",
    "parent_task_id",
    "timeout",
    "wait_for_completion",
    "master_timeout",
];
const GET_PARAMS: &[&str] = &["timeout", "wait_for_completion"];
const CANCEL_PARAMS: &[&str] =
    &["actions", "nodes", "node_id", "parent_task_id", "wait_for_completion", "group_by"];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_tasks", LIST_PARAMS, |call| list(call).boxed())
        .reaching(Reach::Nodes(|call| list_everywhere(call).boxed())),
    route(GET, "/_tasks/{id}", GET_PARAMS, |call| one(call).boxed())
        .reaching(Reach::Nodes(|call| one_elsewhere(call).boxed())),
    route(POST, "/_tasks/_cancel", CANCEL_PARAMS, |call| cancel(call).boxed())
        .reaching(Reach::Nodes(|call| cancel_everywhere(call).boxed())),
    route(POST, "/_tasks/{id}/_cancel", CANCEL_PARAMS, |call| cancel(call).boxed())
        .reaching(Reach::Nodes(|call| cancel_everywhere(call).boxed())),
];

/// A task's id as clients know it.
pub(super) fn task_id(node: &Node, number: u64) -> String {
    format!("{}:{number}", node.identity.node_id)
}

/// Node and number of an id.
fn parts_of(id: &str) -> Result<(&str, u64), ApiError> {
    let parts = id.rsplit_once(':').and_then(|(node, number)| Some((node, number.parse().ok()?)));
    parts.ok_or_else(|| ApiError::argument(format!("malformed task id {id}")))
}

/// Whether a list such as `*reindex,indices:data/*` names the action.
fn names_action(patterns: &[String], action: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| crate::indices::matches(pattern, action))
}

/// The tasks of this node that the parameters name.
fn chosen(call: &Call) -> Result<Vec<Arc<Task>>, ApiError> {
    let node = &call.node;
    let actions = call.list("actions");
    let nodes = [call.list("nodes"), call.list("node_id")].concat();
    let parent = call.param("parent_task_id");
    parent.map(parts_of).transpose()?;
    let is_here = nodes.is_empty()
        || nodes.iter().any(|name| {
            matches!(name.as_str(), "_all" | "_local" | "_master" | "*")
                || *name == node.identity.node_id
                || *name == node.settings.node_name
        });
    if !is_here {
        return Ok(Vec::new());
    }
    let mut tasks = node.tasks.running();
    tasks.retain(|task| {
        names_action(&actions, task.kind.action())
            && parent
                .is_none_or(|parent| task.parent_id(&node.identity.node_id).is_some_and(|id| id == parent))
    });
    Ok(tasks)
}

async fn list(call: Call) -> Result<Reply, ApiError> {
    let this = call.node.tasks.register(TaskKind::ListTasks, String::new(), None, Vec::new());
    let is_detailed = call.flag("detailed")?;
    let mut tasks = chosen(&call)?;
    if call.flag("wait_for_completion")? {
        let others = tasks.iter().filter(|task| task.number != this.task.number).map(|task| task.number);
        let ends = others.map(|number| call.node.tasks.ended(number));
        let all = futures::future::join_all(ends);
        // Whoever still runs after that is listed as running.
        let _in_time = tokio::time::timeout(wait_span(&call)?, all).await.is_ok();
        tasks = chosen(&call)?;
    }
    Call::ok(grouped(&call.node, &tasks, call.param("group_by"), is_detailed)?)
}

fn wait_span(call: &Call) -> Result<Duration, ApiError> {
    match call.param("timeout") {
        None => Ok(WAIT_DEFAULT),
        Some(text) => Ok(read_span("timeout", text)?.unwrap_or(Duration::MAX)),
    }
}

/// The tasks by node, by parent, or as a list.
fn grouped(
    node: &Node,
    tasks: &[Arc<Task>],
    group_by: Option<&str>,
    is_detailed: bool,
) -> Result<Value, ApiError> {
    let now = node.clock.now_nanos();
    let show = |task: &Task| task.show(&node.identity.node_id, now, is_detailed);
    match group_by {
        None | Some("nodes") => {
            let shown: Map<String, Value> =
                tasks.iter().map(|task| (task_id(node, task.number), show(task))).collect();
            Ok(by_node(node, shown))
        }
        Some("none") => Ok(json!({"tasks": tasks.iter().map(|task| show(task)).collect::<Vec<_>>()})),
        Some("parents") => {
            let is_listed = |parent: &Parent| tasks.iter().any(|task| *parent == Parent::Here(task.number));
            let mut shown = Map::new();
            for task in tasks.iter().filter(|task| !task.parent.as_ref().is_some_and(is_listed)) {
                let mut parent = show(task);
                let children: Vec<Value> = tasks
                    .iter()
                    .filter(|child| child.parent == Some(Parent::Here(task.number)))
                    .map(|child| show(child))
                    .collect();
                if !children.is_empty() {
                    parent["children"] = Value::Array(children);
                }
                shown.insert(task_id(node, task.number), parent);
            }
            Ok(json!({"tasks": shown}))
        }
        Some(other) => Err(ApiError::argument(format!(
            "No enum constant for group_by [{other}]; use nodes, parents or none"
        ))),
    }
}

fn by_node(node: &Node, tasks: Map<String, Value>) -> Value {
    if tasks.is_empty() {
        return json!({"nodes": {}});
    }
    let view = View::of(node);
    let roles = view.node(view.own).map(roles_of).unwrap_or_default();
    let host = node.settings.host.to_string();
    let address = node.coordinator.as_ref().map_or(&host, |coordinator| &coordinator.origin.address);
    json!({"nodes": {node.identity.node_id.clone(): {
        "name": node.settings.node_name, "transport_address": address, "host": host, "ip": host,
        "roles": roles, "tasks": tasks
    }}})
}

async fn one(call: Call) -> Result<Reply, ApiError> {
    let id = call.part("id");
    let (node_id, number) = parts_of(&id)?;
    let node = &call.node;
    if node_id != node.identity.node_id {
        return Err(ApiError::new(
            404,
            "resource_not_found_exception",
            format!(
                "task [{id}] belongs to the node [{node_id}] which isn't part of the cluster and there is no record of the task"
            ),
        ));
    }
    if call.flag("wait_for_completion")? {
        let span = wait_span(&call)?;
        if tokio::time::timeout(span, node.tasks.ended(number)).await.is_err() {
            return Err(ApiError::new(
                500,
                "timeout_exception",
                format!("Timed out waiting for completion of [{id}] after {} ms", span.as_millis()),
            ));
        }
    }
    let shown = node.tasks.show(number, node_id).ok_or_else(|| missing(&id))?;
    Call::ok(shown)
}

fn missing(id: &str) -> ApiError {
    ApiError::new(
        404,
        "resource_not_found_exception",
        format!("task [{id}] isn't running and hasn't stored its results"),
    )
}

async fn cancel(call: Call) -> Result<Reply, ApiError> {
    const REASON: &str = "by user request";
    let node = &call.node;
    if !call.path.contains_key("id") {
        let mut tasks = chosen(&call)?;
        tasks.retain(|task| task.is_cancellable() && task.parent.is_none());
        tasks.iter().for_each(|task| task.cancel(REASON));
        wait_for_ends(&call, &tasks).await?;
        return Call::ok(grouped(node, &tasks, call.param("group_by"), true)?);
    }
    let id = call.part("id");
    let (node_id, number) = parts_of(&id)?;
    if let Some(failure) = wrong_node(node, node_id) {
        return Call::ok(failure);
    }
    let Some(task) = node.tasks.find(number).filter(|task| task.is_cancellable()) else {
        let cause = ("resource_not_found_exception", format!("task [{id}] is not found"));
        return Call::ok(node_failure(node_id, cause));
    };
    task.cancel(REASON);
    let tasks = vec![task];
    wait_for_ends(&call, &tasks).await?;
    Call::ok(grouped(node, &tasks, call.param("group_by"), true)?)
}

async fn wait_for_ends(call: &Call, tasks: &[Arc<Task>]) -> Result<(), ApiError> {
    if call.flag("wait_for_completion")? {
        let ends = tasks.iter().map(|task| call.node.tasks.ended(task.number));
        futures::future::join_all(ends).await;
    }
    Ok(())
}

fn wrong_node(node: &Node, node_id: &str) -> Option<Value> {
    (node_id != node.identity.node_id)
        .then(|| node_failure(node_id, ("no_such_node_exception", format!("No such node [{node_id}]"))))
}

fn node_failure(node_id: &str, cause: (&str, String)) -> Value {
    json!({"node_failures": [failed_node(node_id, cause)], "nodes": {}})
}

/// A node that could not do its part.
fn failed_node(node_id: &str, cause: (&str, String)) -> Value {
    json!({
        "type": "failed_node_exception",
        "reason": format!("Failed node [{node_id}]"),
        "node_id": node_id,
        "caused_by": {"type": cause.0, "reason": cause.1}
    })
}

/// Sets the speed of a task by query of this node.
pub(super) fn rethrottle(call: &Call, rate: f64) -> Result<Reply, ApiError> {
    let id = call.part("id");
    let (node_id, number) = parts_of(&id)?;
    let node = &call.node;
    if let Some(failure) = wrong_node(node, node_id) {
        return Call::ok(failure);
    }
    let Some(task) = node.tasks.find(number).filter(|task| !task.slices.is_empty()) else {
        let cause = ("resource_not_found_exception", format!("task [{id}] is missing"));
        return Call::ok(node_failure(node_id, cause));
    };
    task.set_rate(rate);
    Call::ok(grouped(node, &[task], call.param("group_by"), true)?)
}
