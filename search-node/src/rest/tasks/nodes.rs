//! Tasks of several nodes: every node is asked for its own, and a task is asked for where its id says that it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::state::{NodeEntry, NodeId};
use futures::FutureExt;
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use transport::Peer;

use super::{cancel, failed_node, list, node_failure, one, parts_of, wait_span};
use crate::action::cluster::{View, chosen_nodes};
use crate::coordination::Coordinator;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::forward::{Carried, Carry, carry};
use crate::rest::router::Answer;

/// How long a node may take that has only to look; one that waits for tasks may take as much longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long one that waits for tasks may take at most: a task can be braked to take days.
const WAIT_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// What a node answers for itself.
type Own = fn(Call) -> Answer;

/// The tasks of all nodes.
pub(super) async fn list_everywhere(call: Call) -> Result<Reply, ApiError> {
    let within = if call.flag("wait_for_completion")? { wait_span(&call)? } else { Duration::ZERO };
    everywhere(&call, &Method::GET, &["_tasks"], within, |call| list(call).boxed()).await
}

/// Ends tasks of all nodes, or the one that the id names.
pub(super) async fn cancel_everywhere(call: Call) -> Result<Reply, ApiError> {
    let within = if call.flag("wait_for_completion")? { WAIT_WITHIN } else { Duration::ZERO };
    let own: Own = |call| cancel(call).boxed();
    if !call.path.contains_key("id") {
        return everywhere(&call, &Method::POST, &["_tasks", "_cancel"], within, own).await;
    }
    let id = call.part("id");
    match elsewhere(&call, &Method::POST, &["_tasks", &id, "_cancel"], within).await? {
        Some((node_id, answer)) => answer.or_else(|carry| Call::ok(unanswered(&node_id, carry))),
        None => own(call).await,
    }
}

/// A task, wherever it is.
pub(super) async fn one_elsewhere(call: Call) -> Result<Reply, ApiError> {
    let within = if call.flag("wait_for_completion")? { wait_span(&call)? } else { Duration::ZERO };
    let id = call.part("id");
    match elsewhere(&call, &Method::GET, &["_tasks", &id], within).await? {
        Some((_, Err(Carry::Failed(error)))) => Err(error),
        Some((node_id, Err(Carry::Elsewhere))) => {
            let reason = format!("node [{node_id}] of task [{id}] does not answer; ask again");
            Err(ApiError::new(503, "node_not_connected_exception", reason))
        }
        Some((_, Ok(reply))) => Ok(reply),
        None => one(call).await,
    }
}

/// Sets the speed of a task, wherever it is; `own` does so here.
pub(in crate::rest) async fn rethrottle_elsewhere<F>(
    call: Call,
    own: impl FnOnce(Call) -> F,
) -> Result<Reply, ApiError>
where
    F: Future<Output = Result<Reply, ApiError>>,
{
    let id = call.part("id");
    let segments = ["_reindex", &id, "_rethrottle"];
    match elsewhere(&call, &Method::POST, &segments, Duration::ZERO).await? {
        Some((node_id, answer)) => answer.or_else(|carry| Call::ok(unanswered(&node_id, carry))),
        None => own(call).await,
    }
}

/// A task with the name and the address of its node.
pub(in crate::rest) struct Listed {
    pub node_name: String,
    /// Where other nodes reach it.
    pub address: String,
    pub task: Value,
}

/// The tasks of all nodes that the parameters name, in detail.
pub(in crate::rest) async fn every_task(call: &Call) -> Result<Vec<Listed>, ApiError> {
    let mut query = call.query.clone();
    query.retain(|name, _| matches!(name.as_str(), "actions" | "nodes" | "node_id" | "parent_task_id"));
    query.insert("detailed".to_owned(), "true".to_owned());
    let asked = Call { query, ..call.again() };
    let reply = if call.node.others().is_some() { list_everywhere(asked).await } else { list(asked).await };
    let Reply::Json(_, body) = reply? else { return Err(ApiError::internal("a list of tasks has no body")) };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_node = |node: &Value| {
        let tasks: Vec<Value> =
            node["tasks"].as_object().into_iter().flatten().map(|(_, t)| t.clone()).collect();
        let (node_name, address) = (text(&node["name"]), text(&node["transport_address"]));
        let listed = move |task| Listed { node_name: node_name.clone(), address: address.clone(), task };
        tasks.into_iter().map(listed)
    };
    Ok(body["nodes"].as_object().into_iter().flatten().flat_map(|(_, node)| of_node(node)).collect())
}

/// Asks every node that the parameters name, this one too, and joins what they say.
async fn everywhere(
    call: &Call,
    method: &Method,
    segments: &[&str],
    within: Duration,
    own: Own,
) -> Result<Reply, ApiError> {
    let Some(coordinator) = call.node.others() else { return own(call.again()).await };
    let names = [call.list("nodes"), call.list("node_id")].concat();
    let mut query = call.query.clone();
    // They are looked at here, and a node that is asked is meant.
    query.retain(|name, _| !matches!(name.as_str(), "nodes" | "node_id"));
    let map = coordinator.map();
    let chosen = chosen_nodes(&View::agreed(&call.node), Some(&names.join(",")));
    let meant: Vec<(&NodeId, &NodeEntry)> =
        map.nodes.iter().filter(|(node, _)| chosen.contains(node)).collect();
    let is_own = |node: &NodeId| *node == coordinator.origin.process;
    let own_call = Call { query: query.clone(), ..call.again() };
    let own = async {
        if meant.iter().any(|(node, _)| is_own(node)) { own(own_call).await.map(Some) } else { Ok(None) }
    };
    let others: Vec<_> = meant.iter().filter(|(node, _)| !is_own(node)).collect();
    let asked = others
        .iter()
        .map(|(node, entry)| ask(coordinator, **node, entry, method, segments, query.clone(), within));
    let (own, answers) = futures::future::join(own, join_all(asked)).await;
    let mut joined = Joined::default();
    if let Some(Reply::Json(_, body)) = own? {
        joined.add(body);
    }
    for ((_, entry), answer) in others.into_iter().zip(answers) {
        match answer {
            Ok(Reply::Json(_, body)) => joined.add(body),
            // What is wrong with the request is wrong everywhere.
            Err(Carry::Failed(error)) if error.status == 400 => return Err(error),
            Err(carry) => joined.failed.push(failed_node(&entry.data_id, cause(carry))),
            Ok(_) => {}
        }
    }
    let empty = if call.param("group_by").is_none_or(|by| by == "nodes") { "nodes" } else { "tasks" };
    let mut shown = joined.shown(empty);
    if call.param("group_by") == Some("parents") {
        nest(&mut shown["tasks"]);
    }
    Call::ok(shown)
}

/// Puts tasks below their parents on other nodes.
fn nest(tasks: &mut Value) {
    let Some(tasks) = tasks.as_object_mut() else { return };
    let parent_of = |task: &Value| task["parent_task_id"].as_str().map(str::to_owned);
    let parts: Vec<(String, String)> = tasks
        .iter()
        .filter_map(|(id, task)| Some((id.clone(), parent_of(task)?)))
        .filter(|(_, parent)| tasks.contains_key(parent))
        .collect();
    for (id, parent) in parts {
        let part = tasks.shift_remove(&id);
        if let (Some(part), Some(parent)) = (part, tasks.get_mut(&parent)) {
            match &mut parent["children"] {
                Value::Array(children) => children.push(part),
                none => *none = json!([part]),
            }
        }
    }
}

/// Asks the node that the id names, if that is another one that is there.
async fn elsewhere(
    call: &Call,
    method: &Method,
    segments: &[&str],
    within: Duration,
) -> Result<Option<(String, Result<Reply, Carry>)>, ApiError> {
    let id = call.part("id");
    let (node_id, _) = parts_of(&id)?;
    let Some(coordinator) = call.node.others() else { return Ok(None) };
    let map = coordinator.map();
    let found = map
        .nodes
        .iter()
        .find(|(node, entry)| entry.data_id == node_id && **node != coordinator.origin.process);
    let Some((node, entry)) = found else { return Ok(None) };
    let answer = ask(coordinator, *node, entry, method, segments, call.query.clone(), within).await;
    Ok(Some((node_id.to_owned(), answer)))
}

async fn ask(
    coordinator: &Arc<Coordinator>,
    node: NodeId,
    entry: &NodeEntry,
    method: &Method,
    segments: &[&str],
    query: HashMap<String, String>,
    within: Duration,
) -> Result<Reply, Carry> {
    let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
    let carried = Carried { method: method.to_string(), segments, query };
    let peer = Peer::process(&entry.transport_address, node.0);
    carry(coordinator, &peer, &carried, &[], false, within.min(WAIT_WITHIN) + ANSWER_WITHIN).await
}

fn cause(carry: Carry) -> (&'static str, String) {
    match carry {
        Carry::Elsewhere => ("node_not_connected_exception", "it does not answer".to_owned()),
        Carry::Failed(error) => ("failed_to_answer_exception", format!("{}: {}", error.kind, error.reason)),
    }
}

fn unanswered(node_id: &str, carry: Carry) -> Value {
    node_failure(node_id, cause(carry))
}

/// What the nodes say, in one answer.
#[derive(Default)]
struct Joined {
    body: Value,
    failed: Vec<Value>,
}

impl Joined {
    fn add(&mut self, body: Value) {
        let Value::Object(members) = body else { return };
        for (name, value) in members {
            match (&mut self.body[&name], value) {
                (Value::Object(known), Value::Object(more)) => known.extend(more),
                (Value::Array(known), Value::Array(more)) => known.extend(more),
                (known, value) => *known = value,
            }
        }
    }

    /// The whole. `empty` is the member that is there also when there is nothing in it.
    fn shown(mut self, empty: &str) -> Value {
        if self.body[empty].is_null() {
            self.body[empty] = json!({});
        }
        if !self.failed.is_empty() {
            self.add_failed();
        }
        self.body
    }

    fn add_failed(&mut self) {
        let failed = json!({"node_failures": std::mem::take(&mut self.failed)});
        self.add(failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_put_below_their_parents_on_other_nodes() {
        let mut tasks = json!({
            "b:4": {"id": 4, "parent_task_id": "a:1"},
            "a:1": {"id": 1, "children": [{"id": 2}]},
            "c:5": {"id": 5, "parent_task_id": "a:1"},
            "c:6": {"id": 6, "parent_task_id": "gone:1"},
        });

        nest(&mut tasks);

        assert_eq!(tasks.as_object().map(serde_json::Map::len), Some(2), "{tasks}");
        let ids: Vec<&Value> =
            tasks["a:1"]["children"].as_array().into_iter().flatten().map(|child| &child["id"]).collect();
        assert_eq!(ids, [&json!(2), &json!(4), &json!(5)], "{tasks}");
    }

    #[test]
    fn answers_are_joined_in_every_grouping_and_silent_nodes_are_named() {
        let mut joined = Joined::default();
        joined.add(json!({"nodes": {"a": {"tasks": {"a:1": {}}}}}));
        joined.add(json!({"nodes": {}}));
        joined.add(json!({"nodes": {"b": {"tasks": {"b:1": {}}}}}));
        joined.failed.push(failed_node("c", cause(Carry::Elsewhere)));

        let shown = joined.shown("nodes");

        assert_eq!(shown["nodes"].as_object().map(serde_json::Map::len), Some(2), "{shown}");
        assert_eq!(shown["node_failures"][0]["node_id"], json!("c"), "{shown}");
        assert_eq!(
            shown["node_failures"][0]["caused_by"]["type"],
            json!("node_not_connected_exception"),
            "{shown}"
        );

        let mut joined = Joined::default();
        joined.add(json!({"tasks": [1]}));
        joined.add(json!({"tasks": [2, 3]}));
        assert_eq!(joined.shown("tasks"), json!({"tasks": [1, 2, 3]}));
        assert_eq!(Joined::default().shown("nodes"), json!({"nodes": {}}));
    }
}
