//! `_cluster` and `_nodes`: how the cluster is, what it is made of, and what operators ask of it. One page a file.

mod allocation_explain;
mod health;
mod hot_threads;
mod mapping_stats;
mod node_info;
mod node_json;
mod node_stats;
mod pending_tasks;
mod recovery;
mod reload;
mod reroute;
mod settings;
mod shard_json;
mod state;
mod stats;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use cluster::allocation::Observed;

pub(crate) use self::mapping_stats::KnownMappings;
use super::call::Call;
use super::router::Route;
use crate::error::ApiError;
use crate::node::Node;
use crate::time_span::read_span;

pub(super) use health::{health_now, pending_zero};
pub(super) use node_json::{host_of, node_shown, port_of, role_letters, roles_of};
pub(super) use recovery::{RecoveryRow, recovery_rows};
use shard_json::begun_with;
pub(super) use shard_json::{copy_shown, recovery_source};

pub(super) const ROUTES: &[&[Route]] = &[
    health::ROUTES,
    state::ROUTES,
    stats::ROUTES,
    settings::ROUTES,
    reroute::ROUTES,
    allocation_explain::ROUTES,
    pending_tasks::ROUTES,
    recovery::ROUTES,
    node_info::ROUTES,
    node_stats::ROUTES,
    usage::ROUTES,
    hot_threads::ROUTES,
    reload::ROUTES,
];

/// How long a request waits unless it says otherwise, as in Elasticsearch.
const WITHIN: Duration = Duration::from_secs(30);
/// A time that no request lives to see the end of, and that can be added to now: what `-1` stands for.
const NO_END: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A time span of the request, or half a minute.
pub(super) fn span(call: &Call, name: &str) -> Result<Duration, ApiError> {
    match call.param(name) {
        None => Ok(WITHIN),
        Some(text) => Ok(read_span(name, text)?.unwrap_or(NO_END).min(NO_END)),
    }
}

/// Waits for somebody who leads, unless what this node knows will do.
pub(super) async fn wait_led(call: &Call) -> Result<(), ApiError> {
    wait_led_for(call, span(call, "master_timeout")?).await
}

/// The same for so long.
pub(super) async fn wait_led_for(call: &Call, within: Duration) -> Result<(), ApiError> {
    match &call.node.coordinator {
        Some(coordinator) if !call.flag("local")? => coordinator.wait_led(within).await,
        _ => Ok(()),
    }
}

/// What whoever leads has seen; nothing, where nobody can be asked or shall be.
pub(super) async fn observed_if_any(call: &Call) -> Result<Arc<Observed>, ApiError> {
    let is_local = call.flag("local")?;
    match call.node.coordinator.as_ref().filter(|_| !is_local) {
        Some(coordinator) => Ok(coordinator.observed().await.unwrap_or_default()),
        None => Ok(nothing_observed(&call.node)),
    }
}

/// What a node that is alone has seen.
fn nothing_observed(node: &Node) -> Arc<Observed> {
    Arc::new(Observed { now_millis: node.clock.now_millis(), ..Observed::default() })
}
