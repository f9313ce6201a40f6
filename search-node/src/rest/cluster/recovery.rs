//! `_recovery`: copies that are filled, and those that were, with how far they are.

use cluster::health::{CopyRow, CopyState};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::{begun_with, host_of, observed_if_any, recovery_source};
use crate::action::cluster::{Survey, View, part_of, survey};
use crate::error::ApiError;
use crate::replication::{Portion, Recovery, RecoveryStage};
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] =
    &["active_only", "allow_no_indices", "detailed", "expand_wildcards", "ignore_unavailable"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_recovery", PARAMS, |call| recovery(call).boxed()),
    route(&[Method::GET], "/{index}/_recovery", PARAMS, |call| recovery(call).boxed()),
];

/// A copy, and what its node says of its recovery.
pub(in crate::rest) struct RecoveryRow {
    pub(in crate::rest) copy: CopyRow,
    /// Where it comes from: another copy, its own disk, or nothing.
    pub(in crate::rest) source: &'static str,
    pub(in crate::rest) stage: RecoveryStage,
    /// None where nothing came from another node since that one was started, or where its node does not say.
    pub(in crate::rest) recovery: Option<Recovery>,
    /// When its node, or its index if that is younger, began to be; none where the node does not say.
    began_millis: Option<i64>,
}

/// Every copy that is on a node, or those alone that are being filled.
pub(in crate::rest) async fn recovery_rows(
    call: &Call,
    view: &View,
    is_active_only: bool,
) -> Result<Vec<RecoveryRow>, ApiError> {
    let copies = view.rows(&*observed_if_any(call).await?);
    let survey = survey(&call.node, view, |_| true).await?;
    let rows = copies.into_iter().filter_map(|copy| row(view, &survey, copy));
    Ok(rows.filter(|row| !is_active_only || row.stage != RecoveryStage::Done).collect())
}

fn row(view: &View, survey: &Survey, copy: CopyRow) -> Option<RecoveryRow> {
    let node = copy.node?;
    let recovery = copy.copy.and_then(|id| survey.recovery(node, &copy.shard, id)).cloned();
    let stage = match (copy.state, &recovery) {
        (CopyState::Initializing, Some(recovery)) => recovery.stage,
        (CopyState::Initializing, None) => RecoveryStage::Init,
        _ => RecoveryStage::Done,
    };
    let created = view.map.indices.get(&copy.shard.index);
    let created = created.and_then(|entry| part_of(entry, "created_millis").as_i64());
    let started = survey.nodes.get(&node).map(|figures| figures.started_millis);
    // A copy that has become primary since has come from another one all the same.
    let source = match &recovery {
        Some(_) => "PEER",
        // Nothing was there before the index was, and nothing came from elsewhere.
        None if copy.is_primary && created.is_some() && created >= started => begun_with(view, &copy),
        None => recovery_source(view, &copy),
    };
    Some(RecoveryRow { copy, source, stage, recovery, began_millis: created.max(started) })
}

async fn recovery(call: Call) -> Result<Reply, ApiError> {
    let view = View::of(&call.node);
    let view = match call.path.get("index") {
        None => view,
        Some(expression) => {
            let indices = view.meant(&call.node, Some(expression), call.all_names()?)?;
            view.only(&indices)
        }
    };
    let mut shown: Map<String, Value> = Map::new();
    for row in recovery_rows(&call, &view, call.flag("active_only")?).await? {
        let index = shown.entry(row.copy.index.clone()).or_insert_with(|| json!({"shards": []}));
        if let Some(shards) = index["shards"].as_array_mut() {
            shards.push(row_shown(&view, &row));
        }
    }
    call.figures(Value::Object(shown))
}

fn row_shown(view: &View, row: &RecoveryRow) -> Value {
    let none = Portion::default();
    let of = |portion: fn(&Recovery) -> Portion| row.recovery.as_ref().map_or(none, portion);
    let (files, bytes, operations) = (of(|r| r.files), of(|r| r.bytes), of(|r| r.operations));
    // Opening what is on the own disk is not measured.
    let (took, throttled) = row.recovery.as_ref().map_or((0, 0), |r| (r.took_millis, r.throttle_millis));
    let mut shown = json!({
        "id": row.copy.shard.number,
        "type": row.source,
        "stage": row.stage.as_str().to_ascii_uppercase(),
        "primary": row.copy.is_primary,
        "source": row.recovery.as_ref().map_or_else(|| json!({}), |recovery| node_shown(view, recovery.source)),
        "target": row.copy.node.map(|node| node_shown(view, node)),
        "index": {
            "size": {
                "total_in_bytes": bytes.total, "reused_in_bytes": bytes.reused,
                "recovered_in_bytes": bytes.recovered, "percent": percent(bytes)
            },
            "files": {
                "total": files.total, "reused": files.reused, "recovered": files.recovered,
                "percent": percent(files)
            },
            "total_time_in_millis": took, "source_throttle_time_in_millis": 0,
            "target_throttle_time_in_millis": throttled
        },
        "start_time_in_millis": row.began_millis,
        "total_time_in_millis": took,
        "verify_index": {"check_index_time_in_millis": 0, "total_time_in_millis": 0},
        "translog": {
            "recovered": operations.recovered, "total": operations.total, "percent": percent(operations),
            "total_on_start": operations.total, "total_time_in_millis": 0
        }
    });
    if let Some(recovery) = &row.recovery {
        shown["start_time_in_millis"] = json!(recovery.began_millis);
        if row.stage == RecoveryStage::Done {
            shown["stop_time_in_millis"] = json!(recovery.stopped_millis());
        }
    }
    shown
}

fn percent(portion: Portion) -> String {
    format!("{:.1}%", portion.percent())
}

fn node_shown(view: &View, node: cluster::state::NodeId) -> Value {
    // One that is gone meanwhile has no name any more.
    let Some(entry) = view.node(node) else { return json!({"id": node.to_string()}) };
    let host = host_of(&entry.transport_address);
    json!({
        "id": entry.data_id, "host": host, "transport_address": entry.transport_address, "ip": host,
        "name": entry.name
    })
}
