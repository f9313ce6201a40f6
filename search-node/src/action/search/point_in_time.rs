//! Points in time that clients open, search in as often as they like, and close.

use std::sync::Arc;
use std::time::Duration;

use cluster::state::IndexId;
use serde_json::{Value, json};
use shard::json_kind;

use super::held::{Freed, HeldId, HeldLimits, Kind, Opening, Untold, close, listed};
use super::query::HeldAsked;
use super::shards::Target;
use super::{Manner, Scope, ShardFailure};
use crate::error::ApiError;
use crate::node::Node;
use crate::tasks::Task;
use crate::time_span::read_span;

/// A point in time that a search looks in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pit {
    pub id: String,
    keep: Option<Duration>,
}

impl Pit {
    /// `{"id": "…", "keep_alive": "1m"}`.
    pub(super) fn read(value: &Value) -> Result<Self, ApiError> {
        let Value::Object(members) = value else {
            return Err(ApiError::parsing(format!("Unknown key for a {} in [pit].", json_kind(value))));
        };
        let (mut id, mut keep) = (None, None);
        for (key, value) in members {
            match (key.as_str(), value) {
                ("id", Value::String(text)) => id = Some(text.clone()),
                ("keep_alive", Value::String(text)) => keep = read_span("keep_alive", text)?,
                ("id" | "keep_alive", _) => {
                    return Err(ApiError::malformed(format!(
                        "[pit] {key} doesn't support values of type: {}",
                        json_kind(value)
                    )));
                }
                _ => return Err(ApiError::malformed(format!("[pit] unknown field [{key}]"))),
            }
        }
        let id = id.filter(|id| !id.is_empty());
        Ok(Self { id: id.ok_or_else(|| ApiError::argument("point int time id is not provided"))?, keep })
    }
}

fn read_id(text: &str) -> Result<HeldId, ApiError> {
    let read = HeldId::read(text, Kind::PointInTime);
    read.ok_or_else(|| ApiError::argument(format!("invalid id: [{text}]")))
}

/// The shards that nodes hold of a point in time, each on the node that holds it, and those whose indices are gone.
pub(super) fn targets(node: &Node, id: &HeldId) -> (Vec<Target>, Vec<ShardFailure>) {
    let map = node.coordinator.as_ref().map(|coordinator| coordinator.map());
    let (mut targets, mut failures) = (Vec::new(), Vec::new());
    for place in &id.shards {
        let (uuid, name) = &place.index;
        let Some(index) = node.indices.of_id(&IndexId(uuid.clone())) else {
            let error = ApiError::no_search_context(id.number);
            failures.push(ShardFailure { index: name.clone(), number: place.shard, node: None, error });
            continue;
        };
        // A process that is gone takes with it what it has held.
        let is_there = map.as_ref().is_some_and(|map| map.nodes.contains_key(&place.node));
        let nodes = is_there.then_some(place.node).into_iter().collect();
        targets.push(Target::held(index, place.shard, nodes, map.clone()));
    }
    (targets, failures)
}

/// The shards that a search in a point in time looks in.
pub(super) fn looked_in(
    node: &Node,
    pit: &Pit,
) -> Result<(Vec<Target>, Vec<ShardFailure>, HeldAsked), ApiError> {
    let id = read_id(&pit.id)?;
    let keep_millis = pit.keep.map(millis);
    let (targets, failures) = targets(node, &id);
    Ok((targets, failures, HeldAsked { number: id.number, keep_millis, turn: None }))
}

/// A span as a number of milliseconds.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// A point in time that was opened.
pub(crate) struct OpenedPoint {
    pub id: String,
    pub opened_millis: i64,
    /// How many shards there are, and in how many that failed, as answers tell it.
    pub shards: Value,
}

/// Opens a point in time of the shards that a search would look in. Blocks.
pub(crate) fn open_point(
    node: &Arc<Node>,
    scope: &Scope,
    manner: &Manner,
    keep: Option<Duration>,
    task: &Task,
) -> Result<(Untold, OpenedPoint), ApiError> {
    let searched = node.indices.resolve_to_search(&scope.indices, scope.options, &manner.routing)?;
    let targets = Target::all(node, &searched, manner)?;
    let opened_millis = node.clock.now_millis();
    let keep_millis = millis(keep.unwrap_or_else(|| HeldLimits::of(node).keep_default));
    let opening = Opening {
        node,
        task,
        targets: &targets,
        kind: Kind::PointInTime,
        keep_millis,
        scroll: None,
        allows_partial: manner.allows_partial,
    };
    let (id, failures) = opening.open()?;
    let mut shards = json!({
        "total": targets.len(), "successful": id.shards.len(), "skipped": 0, "failed": failures.len()
    });
    if !failures.is_empty() {
        shards["failures"] = failures.iter().map(ShardFailure::to_json).collect();
    }
    let opened = OpenedPoint { id: id.to_text(), opened_millis, shards };
    Ok((Untold::new(node, id), opened))
}

/// Closes points in time: for each, of how many shards something was let go, and whether all nodes have that hold some. Blocks.
pub(crate) fn close_points(node: &Node, ids: &[String]) -> Result<Vec<(usize, bool)>, ApiError> {
    let ids = ids.iter().map(|id| read_id(id)).collect::<Result<Vec<_>, _>>()?;
    Ok(close(node, &ids).into_iter().map(|Freed { shards, is_whole }| (shards, is_whole)).collect())
}

/// Closes all points in time, whoever has opened them: their ids, and whether each is closed. Blocks.
pub(crate) fn close_all_points(node: &Node) -> Vec<(String, bool)> {
    let (all, is_all) = listed(node);
    let ids: Vec<HeldId> = all.into_iter().map(|listed| listed.id).collect();
    let freed = close(node, &ids);
    // A node that did not say what it holds may hold a part of any.
    ids.iter().zip(freed).map(|(id, freed)| (id.to_text(), is_all && freed.is_whole)).collect()
}

/// The points in time that are open, as they are listed. Blocks.
pub(crate) fn list_points(node: &Node) -> Value {
    let (all, _) = listed(node);
    let shown = all.into_iter().map(|listed| {
        json!({
            "pit_id": listed.id.to_text(),
            "creation_time": listed.opened_millis,
            "keep_alive": listed.keep_millis
        })
    });
    shown.collect()
}

/// Refuses what a search cannot say that looks in a point in time.
pub(crate) fn check_in_point(
    body: &Value,
    names_indices: bool,
    says_names: bool,
    manner: &Manner,
) -> Result<(), ApiError> {
    if body.get("pit").is_none_or(Value::is_null) {
        return Ok(());
    }
    let refused = [
        (
            names_indices,
            "[indices] cannot be used with point in time. Do not specify any index with point in time.",
        ),
        (says_names, "[indicesOptions] cannot be used with point in time"),
        (!manner.routing.is_empty(), "[routing] cannot be used with point in time"),
        (manner.preference.is_some(), "[preference] cannot be used with point in time"),
        (manner.scroll.is_some(), "using [point in time] is not allowed in a scroll context"),
    ];
    let reasons = refused.iter().filter(|(is, _)| *is).map(|(_, reason)| (*reason).to_owned());
    let reasons: Vec<String> = reasons.collect();
    if reasons.is_empty() { Ok(()) } else { Err(ApiError::validations(&reasons)) }
}
