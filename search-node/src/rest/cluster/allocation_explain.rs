//! `_cluster/allocation/explain`: why a copy is where it is, or nowhere.

use cluster::allocation::{
    Decision, Explanation, NodeExplanation, Observed, Opinion, Placed, Which, explain, first_unassigned,
};
use cluster::health::CopyState;
use cluster::state::{IndexId, ShardId};
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::node_json::{called, node_named};
use super::wait_led;
use crate::action::cluster::{Survey, View, chosen_nodes, observe, survey};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[route(
    &[Method::GET, Method::POST],
    "/_cluster/allocation/explain",
    &["include_disk_info", "include_yes_decisions", "master_timeout"],
    |call| answer(call).boxed(),
)];

async fn answer(call: Call) -> Result<Reply, ApiError> {
    let asked = Asked::read(&call.json()?)?;
    let is_all = call.flag("include_yes_decisions")?;
    wait_led(&call).await?;
    let view = View::of(&call.node);
    let (shard, which) = asked.shard(&call, &view)?;
    let (observed, settings) = observe(&call.node, &view).await?;
    let explanation = explain(&view.map, &shard, which, &settings, &observed)
        .map_err(|error| ApiError::argument(called(&view, &error.to_string())))?;
    let mut shown = shown(&view, &explanation, is_all);
    if call.flag("include_disk_info")? {
        let survey = survey(&call.node, &view, |_| true).await?;
        shown["cluster_info"] = disks_shown(&view, &survey, &observed);
    }
    call.figures(shown)
}

/// The disks and the sizes of shards that decisions go by.
fn disks_shown(view: &View, survey: &Survey, observed: &Observed) -> Value {
    let nodes = observed.disks.iter().map(|(node, space)| {
        let used = space.total.saturating_sub(space.free);
        let percent = |part: u64| part as f64 * 100.0 / space.total.max(1) as f64;
        let disk = json!({
            "path": survey.nodes.get(node).map_or("", |figures| figures.path_data.as_str()),
            "total_bytes": space.total,
            "used_bytes": used,
            "free_bytes": space.free,
            "free_disk_percent": percent(space.free),
            "used_disk_percent": percent(used)
        });
        let name = view.node(*node).map(|entry| entry.name.as_str());
        let shown = json!({"node_name": name, "least_available": disk, "most_available": disk});
        (view.node_id(*node).to_owned(), shown)
    });
    let sizes = observed.shard_bytes.iter().filter_map(|(shard, bytes)| {
        let name = &view.map.indices.get(&shard.index)?.name;
        Some((format!("[{name}][{}]_bytes", shard.number), json!(bytes)))
    });
    json!({
        "nodes": nodes.collect::<Map<String, Value>>(),
        "shard_sizes": sizes.collect::<Map<String, Value>>(),
        "shard_paths": {},
        "reserved_sizes": []
    })
}

/// What is asked about; nothing for the first copy that is nowhere.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    index: Option<String>,
    shard: Option<u32>,
    is_primary: Option<bool>,
    node: Option<String>,
}

impl Asked {
    fn read(body: &Value) -> Result<Self, ApiError> {
        let mut asked = Self::default();
        let members = match body {
            Value::Null => return Ok(asked),
            Value::Object(members) => members,
            _ => return Err(ApiError::parsing("the body must be an object with index, shard and primary")),
        };
        for (key, value) in members {
            let fault = |kind: &str| ApiError::parsing(format!("[{key}] must be {kind}, not [{value}]"));
            match key.as_str() {
                "index" => asked.index = Some(value.as_str().ok_or_else(|| fault("a name"))?.to_owned()),
                "shard" => {
                    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
                    asked.shard = Some(number.ok_or_else(|| fault("a number"))?);
                }
                "primary" => asked.is_primary = Some(value.as_bool().ok_or_else(|| fault("true or false"))?),
                "current_node" => {
                    asked.node = Some(value.as_str().ok_or_else(|| fault("a node"))?.to_owned())
                }
                _ => {
                    return Err(ApiError::parsing(format!(
                        "[cluster_allocation_explain] unknown field [{key}]; known: index, shard, primary, current_node"
                    )));
                }
            }
        }
        Ok(asked)
    }

    fn shard(&self, call: &Call, view: &View) -> Result<(ShardId, Which), ApiError> {
        if *self == Self::default() {
            return first_unassigned(&view.map).ok_or_else(|| {
                ApiError::argument(
                    "unable to find any unassigned shards to explain; name one with index, shard and primary",
                )
            });
        }
        let (Some(index), Some(number), Some(is_primary)) = (&self.index, self.shard, self.is_primary) else {
            let parts = [
                ("index", self.index.is_none()),
                ("shard", self.shard.is_none()),
                ("primary", self.is_primary.is_none()),
            ];
            let missing = parts.iter().filter(|(_, is_missing)| *is_missing);
            let missing: Vec<String> = missing.map(|(part, _)| format!("{part} must be specified")).collect();
            return Err(ApiError::validations(&missing));
        };
        let mut ids = view.meant(&call.node, Some(index), call.name_options()?)?.into_iter();
        let (Some(id), None) = (ids.next(), ids.next()) else {
            return Err(ApiError::argument(format!("[{index}] must name one index")));
        };
        let shard = shard_of(view, id, index, number)?;
        let which = match &self.node {
            None if is_primary => Which::Primary,
            None => Which::Replica,
            Some(name) => {
                let node = chosen_nodes(view, Some(name)).into_iter().next();
                Which::On(node.ok_or_else(|| ApiError::argument(format!("there is no node [{name}]")))?)
            }
        };
        Ok((shard, which))
    }
}

/// A shard that there is.
pub(super) fn shard_of(view: &View, id: IndexId, index: &str, number: u32) -> Result<ShardId, ApiError> {
    let shard = ShardId { index: id, number };
    match view.map.shard(&shard) {
        Some(_) => Ok(shard),
        None => Err(ApiError::new(
            404,
            "shard_not_found_exception",
            format!("no such shard [{number}] of index [{index}]"),
        )
        .with("index", index)
        .with("shard", number.to_string())),
    }
}

fn shown(view: &View, explanation: &Explanation, is_all: bool) -> Value {
    let mut shown = json!({
        "index": explanation.index,
        "shard": explanation.shard.number,
        "primary": explanation.is_primary,
        "current_state": state_word(explanation.state)
    });
    match &explanation.placed {
        Placed::Nowhere { unassigned, since_millis, can_allocate, explanation: text, delay_millis } => {
            let mut info = json!({"reason": unassigned.reason.as_str(), "last_allocation_status": can_allocate.as_str()});
            if let Some(since) = since_millis {
                info["at"] = json!(shard::mapping::dates::show(*since));
            }
            if unassigned.failures > 0 {
                info["failed_allocation_attempts"] = json!(unassigned.failures);
            }
            if let Some(details) = &unassigned.details {
                info["details"] = json!(details);
            }
            shown["unassigned_info"] = info;
            shown["can_allocate"] = json!(can_allocate.as_str());
            shown["allocate_explanation"] = json!(text);
            if let Some((delay, left)) = delay_millis {
                shown["configured_delay_in_millis"] = json!(delay);
                shown["remaining_delay_in_millis"] = json!(left);
            }
        }
        Placed::On {
            node,
            weight_ranking,
            can_remain,
            can_remain_decisions,
            can_rebalance_cluster,
            can_rebalance_cluster_decisions,
            can_move,
            explanation: text,
            ..
        } => {
            let mut current = node_named(view, *node);
            current["weight_ranking"] = json!(weight_ranking);
            shown["current_node"] = current;
            shown["can_remain_on_current_node"] = json!(word(*can_remain));
            if *can_remain == Decision::Yes {
                shown["can_rebalance_cluster"] = json!(word(*can_rebalance_cluster));
                let decisions = opinions_shown(can_rebalance_cluster_decisions, is_all);
                shown["can_rebalance_cluster_decisions"] = decisions;
                shown["can_rebalance_to_other_node"] = json!(can_move.as_str());
                shown["rebalance_explanation"] = json!(text);
            } else {
                shown["can_remain_decisions"] = opinions_shown(can_remain_decisions, is_all);
                shown["can_move_to_other_node"] = json!(can_move.as_str());
                shown["move_explanation"] = json!(text);
            }
        }
    }
    let nodes = explanation.nodes.iter().map(|node| node_shown(view, node, is_all));
    shown["node_allocation_decisions"] = nodes.collect();
    shown
}

fn node_shown(view: &View, said: &NodeExplanation, is_all: bool) -> Value {
    let named = node_named(view, said.node);
    let mut shown = json!({
        "node_id": named["id"],
        "node_name": named["name"],
        "transport_address": named["transport_address"],
        "node_attributes": named["attributes"],
        "node_decision": said.decision.as_str(),
        "weight_ranking": said.weight_ranking
    });
    if let Some((copy, is_in_sync)) = said.found {
        shown["store"] = json!({"in_sync": is_in_sync, "allocation_id": copy.to_string()});
    }
    shown["deciders"] = opinions_shown(&said.deciders, is_all);
    shown
}

/// What deciders say; what speaks for it is mostly left out.
pub(super) fn opinions_shown(opinions: &[Opinion], is_all: bool) -> Value {
    let shown =
        opinions.iter().filter(|opinion| is_all || opinion.decision != Decision::Yes).map(|opinion| {
            json!({
                "decider": opinion.decider,
                "decision": word(opinion.decision).to_ascii_uppercase(),
                "explanation": opinion.explanation
            })
        });
    shown.collect()
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Yes => "yes",
        Decision::Throttle => "throttle",
        Decision::No => "no",
    }
}

fn state_word(state: CopyState) -> String {
    state.as_str().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_about_is_read_strictly() {
        let full = json!({"index": "i", "shard": 1, "primary": false, "current_node": "n1"});
        assert_eq!(
            Asked::read(&full).expect("read"),
            Asked {
                index: Some("i".to_owned()),
                shard: Some(1),
                is_primary: Some(false),
                node: Some("n1".to_owned())
            }
        );
        assert_eq!(Asked::read(&Value::Null).expect("read"), Asked::default());
        for body in [
            json!([]),
            json!({"index": 1}),
            json!({"shard": -1}),
            json!({"primary": "yes"}),
            json!({"foo": 1}),
        ] {
            assert_eq!(Asked::read(&body).expect_err("refused").status, 400, "{body}");
        }
    }
}
