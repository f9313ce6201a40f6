//! `_cluster/reroute`: what operators ask for by hand.

use cluster::allocation::{Decision, Opinion, RerouteCommand, RerouteRefusal, Rerouted, reroute};
use cluster::state::{Command, NodeId};
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

use super::allocation_explain::{opinions_shown, shard_of};
use super::node_json::called;
use super::state::rerouted;
use super::wait_led;
use crate::action::cluster::{View, chosen_nodes, observe};
use crate::error::ApiError;
use crate::indices::Disagreement;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[route(
    &[Method::POST],
    "/_cluster/reroute",
    &["dry_run", "explain", "metric", "retry_failed", "master_timeout", "timeout"],
    |call| answer(call).boxed(),
)];

/// Copies can change again and again while it is decided where they go; more rounds than this are no race.
const ROUNDS_MAX: usize = 16;

/// A command as it was asked for, and what it means.
struct Asked {
    name: String,
    parameters: Value,
    command: RerouteCommand,
}

async fn answer(call: Call) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let (is_dry, is_explained) = (dry_run(&call, &body)?, call.flag("explain")?);
    let is_retry = call.flag("retry_failed")?;
    wait_led(&call).await?;
    for _ in 0..ROUNDS_MAX {
        // With what cannot be opened here: it has not been agreed on that this is gone.
        let view = View::agreed(&call.node);
        let asked = commands_of(&call, &view, &body)?;
        let (observed, settings) = observe(&call.node, &view).await?;
        let decide = |asked: &[&Asked]| -> Result<Rerouted, RerouteRefusal> {
            let commands: Vec<RerouteCommand> = asked.iter().map(|asked| asked.command.clone()).collect();
            reroute(&view.map, &commands, &settings, &observed)
        };
        let (decided, explanations) = decided(&view, &asked, is_explained, decide)?;
        let mut commands = decided.commands;
        if is_retry {
            commands.insert(0, Command::RetryFailed);
        }
        let ahead = match is_dry {
            true => View { map: Arc::new(decided.ahead), ..view },
            false if commands.is_empty() || make(&call, commands).await? => View::agreed(&call.node),
            false => continue,
        };
        let mut shown = json!({
            "acknowledged": true,
            "state": rerouted(&call.node, &ahead, &observed, call.param("metric"))
        });
        if is_explained {
            shown["explanations"] = Value::Array(explanations);
        }
        return Call::ok(shown);
    }
    Err(ApiError::not_settled("the copies kept changing while it was decided where they go; ask again"))
}

fn dry_run(call: &Call, body: &Value) -> Result<bool, ApiError> {
    let in_body = body.get("dry_run").and_then(Value::as_bool).unwrap_or(false);
    Ok(call.flag("dry_run")? || in_body)
}

/// What is to be done, and what is said to each command. Where that is asked for, a command that cannot be done costs itself only.
fn decided(
    view: &View,
    asked: &[Asked],
    is_explained: bool,
    decide: impl Fn(&[&Asked]) -> Result<Rerouted, RerouteRefusal>,
) -> Result<(Rerouted, Vec<Value>), ApiError> {
    let mut kept: Vec<&Asked> = asked.iter().collect();
    let mut refused: Vec<(RerouteCommand, Value)> = Vec::new();
    loop {
        match decide(&kept) {
            Ok(rerouted) => {
                let mut said = rerouted.explanations.iter();
                let explanations = asked.iter().map(|asked| {
                    let no = refused.iter().find(|(command, _)| *command == asked.command);
                    let decisions = match no {
                        Some((_, no)) => no.clone(),
                        None => opinions_shown(said.next().map_or(&[], Vec::as_slice), true),
                    };
                    json!({"command": asked.name, "parameters": asked.parameters, "decisions": decisions})
                });
                let explanations = explanations.collect();
                return Ok((rerouted, explanations));
            }
            Err(refusal) if is_explained => {
                let mut opinions = refusal.opinions.clone();
                opinions.push(Opinion {
                    decider: refusal.command.name(),
                    decision: Decision::No,
                    explanation: called(view, &refusal.reason),
                });
                kept.retain(|asked| asked.command != refusal.command);
                refused.push((refusal.command, opinions_shown(&opinions, true)));
            }
            Err(refusal) => return Err(ApiError::argument(called(view, &refusal.to_string()))),
        }
    }
}

/// Has it agreed on; whether nothing was in the way.
async fn make(call: &Call, commands: Vec<Command>) -> Result<bool, ApiError> {
    let Some(coordinator) = &call.node.coordinator else {
        return Err(ApiError::argument(
            "this node was opened for itself; there is nowhere to move a copy to",
        ));
    };
    match coordinator.agree_on(Command::Several(commands)).await {
        Ok(()) => Ok(true),
        Err(Disagreement::Refused(_)) => Ok(false),
        Err(Disagreement::Failed(error)) => Err(error),
    }
}

fn commands_of(call: &Call, view: &View, body: &Value) -> Result<Vec<Asked>, ApiError> {
    let members = match body {
        Value::Null => return Ok(Vec::new()),
        Value::Object(members) => members,
        _ => return Err(ApiError::parsing("the body must be an object with `commands`")),
    };
    if let Some(unknown) = members.keys().find(|key| !matches!(key.as_str(), "commands" | "dry_run")) {
        return Err(ApiError::parsing(format!(
            "[cluster_reroute] unknown field [{unknown}]; known: commands, dry_run"
        )));
    }
    let Some(commands) = members.get("commands") else { return Ok(Vec::new()) };
    let commands = commands.as_array().ok_or_else(|| ApiError::parsing("[commands] must be a list"))?;
    commands.iter().map(|command| read(call, view, command)).collect()
}

/// What may be asked for.
const COMMANDS: [&str; 5] =
    ["move", "cancel", "allocate_replica", "allocate_empty_primary", "allocate_stale_primary"];

fn read(call: &Call, view: &View, command: &Value) -> Result<Asked, ApiError> {
    let members = command.as_object().filter(|members| members.len() == 1);
    let (name, arguments) = members.and_then(|members| members.iter().next()).ok_or_else(|| {
        ApiError::parsing(format!(
            "a command must be an object with its name as the only member, not [{command}]"
        ))
    })?;
    if !COMMANDS.contains(&name.as_str()) {
        return Err(ApiError::new(
            400,
            "named_object_not_found_exception",
            format!("unknown allocation command [{name}]; known: {}", COMMANDS.join(", ")),
        ));
    }
    let arguments = Arguments { call, view, name, arguments };
    let shard = arguments.shard()?;
    let command = match name.as_str() {
        "move" => {
            arguments.check(&["from_node", "to_node"])?;
            RerouteCommand::Move { shard, from: arguments.node("from_node")?, to: arguments.node("to_node")? }
        }
        "cancel" => {
            arguments.check(&["node", "allow_primary"])?;
            let (node, allow_primary) = (arguments.node("node")?, arguments.flag("allow_primary")?);
            RerouteCommand::Cancel { shard, node, allow_primary }
        }
        "allocate_replica" => {
            arguments.check(&["node"])?;
            RerouteCommand::AllocateReplica { shard, node: arguments.node("node")? }
        }
        _ => {
            arguments.check(&["node", "accept_data_loss"])?;
            let (node, accept_data_loss) = (arguments.node("node")?, arguments.flag("accept_data_loss")?);
            match name.as_str() {
                "allocate_empty_primary" => {
                    RerouteCommand::AllocateEmptyPrimary { shard, node, accept_data_loss }
                }
                _ => RerouteCommand::AllocateStalePrimary { shard, node, accept_data_loss },
            }
        }
    };
    Ok(Asked { name: name.clone(), parameters: arguments.arguments.clone(), command })
}

struct Arguments<'a> {
    call: &'a Call,
    view: &'a View,
    name: &'a str,
    arguments: &'a Value,
}

impl Arguments<'_> {
    fn missing(&self, key: &str, kind: &str) -> ApiError {
        ApiError::argument(format!("[{}] needs `{key}`, {kind}", self.name))
    }

    fn check(&self, known: &[&str]) -> Result<(), ApiError> {
        let members = self.arguments.as_object().into_iter().flat_map(|members| members.keys());
        let mut unknown = members
            .filter(|key| !["index", "shard"].contains(&key.as_str()) && !known.contains(&key.as_str()));
        match unknown.next() {
            None => Ok(()),
            Some(key) => Err(ApiError::parsing(format!(
                "[{}] unknown field [{key}]; known: index, shard, {}",
                self.name,
                known.join(", ")
            ))),
        }
    }

    fn shard(&self) -> Result<cluster::state::ShardId, ApiError> {
        let index = self.arguments["index"].as_str().ok_or_else(|| self.missing("index", "a name"))?;
        let number = self.arguments["shard"].as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.ok_or_else(|| self.missing("shard", "a number"))?;
        let mut ids = self.view.meant(&self.call.node, Some(index), self.call.name_options()?)?.into_iter();
        match (ids.next(), ids.next()) {
            (Some(id), None) => shard_of(self.view, id, index, number),
            _ => Err(ApiError::argument(format!("[{index}] must name one index"))),
        }
    }

    fn node(&self, key: &str) -> Result<NodeId, ApiError> {
        let name =
            self.arguments[key].as_str().ok_or_else(|| self.missing(key, "the name or id of a node"))?;
        let mut nodes = chosen_nodes(self.view, Some(name)).into_iter();
        match (nodes.next(), nodes.next()) {
            (Some(node), None) => Ok(node),
            (None, _) => Err(ApiError::argument(format!(
                "failed to resolve [{name}], no matching nodes; `_cat/nodes` shows them"
            ))),
            _ => Err(ApiError::argument(format!("[{name}] means several nodes; name one"))),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, ApiError> {
        match &self.arguments[key] {
            Value::Null => Ok(false),
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
            _ => Err(self.missing(key, "true or false")),
        }
    }
}
