//! `_nodes/usage`: how often each route of the API was asked for on a node since it was started.

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::node_json::nodes_header;
use crate::action::cluster::{NodeFigures, View, chosen_nodes, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["timeout"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_nodes/usage", PARAMS, |call| usage(call).boxed()),
    route(&[Method::GET], "/_nodes/usage/{type}", PARAMS, |call| usage(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}/usage", PARAMS, |call| usage(call).boxed()),
    route(&[Method::GET], "/_nodes/{id}/usage/{type}", PARAMS, |call| usage(call).boxed()),
];

/// Whether the counts of routes are asked for. Those of aggregations may be, and are not counted.
fn wants_routes(call: &Call) -> Result<bool, ApiError> {
    let Some(text) = call.path.get("type") else { return Ok(true) };
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    if let Some(unknown) =
        names.iter().find(|name| !matches!(**name, "_all" | "rest_actions" | "aggregations"))
    {
        return Err(ApiError::argument(format!(
            "request [/_nodes/usage/{text}] contains unrecognized metric: [{unknown}]"
        )));
    }
    Ok(names.iter().any(|name| *name != "aggregations"))
}

async fn usage(call: Call) -> Result<Reply, ApiError> {
    let wants_routes = wants_routes(&call)?;
    let view = View::of(&call.node);
    let chosen = chosen_nodes(&view, call.path.get("id").map(String::as_str));
    let survey = survey(&call.node, &view, |node| chosen.contains(&node)).await?;
    let shown = survey.nodes.iter().filter_map(|(node, figures)| {
        Some((view.node(*node)?.data_id.clone(), shown(figures, wants_routes)))
    });
    call.figures(json!({
        "_nodes": nodes_header(chosen.len(), survey.silent.len()),
        "cluster_name": call.node.settings.cluster_name,
        "nodes": shown.collect::<Map<String, Value>>()
    }))
}

fn shown(figures: &NodeFigures, wants_routes: bool) -> Value {
    let mut shown = json!({"timestamp": figures.now_millis, "since": figures.started_millis});
    if wants_routes {
        shown["rest_actions"] = json!(figures.usage);
    }
    shown
}
