//! A copy of a shard as the state and the answers to `reroute` show it.

use cluster::allocation::Observed;
use cluster::health::{CopyRow, CopyState};
use cluster::state::Unassigned;
use serde_json::{Value, json};

use crate::action::cluster::View;
use crate::indices::resize_source_of;

/// A copy.
pub(in crate::rest) fn copy_shown(view: &View, observed: &Observed, row: &CopyRow) -> Value {
    let named = |node| view.node_id(node).to_owned();
    let mut shown = json!({
        "state": row.state.as_str(),
        "primary": row.is_primary,
        "node": row.node.map(named),
        "relocating_node": row.moves_to.map(named),
        "shard": row.shard.number,
        "index": row.index
    });
    if let Some(copy) = row.copy {
        shown["allocation_id"] = json!({"id": copy.to_string()});
    }
    if matches!(row.state, CopyState::Unassigned | CopyState::Initializing) {
        shown["recovery_source"] = json!({"type": recovery_source(view, row)});
    }
    if let Some(unassigned) = &row.unassigned {
        let is_delayed = view.map.shard(&row.shard).is_some_and(|copies| {
            row.state == CopyState::Unassigned
                && observed.delayed_until(&view.map, &row.shard, copies).is_some()
        });
        shown["unassigned_info"] = unassigned_shown(unassigned, row.unassigned_since_millis, is_delayed);
    }
    shown
}

/// From where a copy gets what it should have.
pub(in crate::rest) fn recovery_source(view: &View, row: &CopyRow) -> &'static str {
    let is_new = view.map.shard(&row.shard).is_none_or(|copies| copies.in_sync().is_empty());
    match (row.is_primary, is_new) {
        (true, true) => begun_with(view, row),
        (true, false) => "EXISTING_STORE",
        (false, _) => "PEER",
    }
}

/// What the first copy of a shard begins with.
pub(in crate::rest) fn begun_with(view: &View, row: &CopyRow) -> &'static str {
    let is_made_of_another = view.map.indices.get(&row.shard.index).and_then(resize_source_of).is_some();
    if is_made_of_another { "LOCAL_SHARDS" } else { "EMPTY_STORE" }
}

/// Why a copy is on no node.
pub(super) fn unassigned_shown(
    unassigned: &Unassigned,
    since_millis: Option<i64>,
    is_delayed: bool,
) -> Value {
    let mut shown = json!({
        "reason": unassigned.reason.as_str(),
        "delayed": is_delayed,
        "allocation_status": "no_attempt"
    });
    if let Some(since) = since_millis {
        shown["at"] = json!(shard::mapping::dates::show(since));
    }
    if unassigned.failures > 0 {
        shown["failed_attempts"] = json!(unassigned.failures);
    }
    if let Some(details) = &unassigned.details {
        shown["details"] = json!(details);
    }
    shown
}
