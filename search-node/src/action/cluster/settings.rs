//! Settings of the cluster: how they are written in requests, which there are, and how they change.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::allocation::{AllocationSettings, SettingError};
use cluster::state::{Command, Refusal};
use serde_json::{Map, Value};

use crate::coordination::{DynamicSettings, Lasting};
use crate::error::ApiError;
use crate::indices::{Disagreement, matches};
use crate::node::Node;

/// What is to change, by full names; none takes a setting back.
pub(crate) type Changes = BTreeMap<String, Option<String>>;

/// Others can change settings again and again while this request wants to; more rounds than this are no race.
const ROUNDS_MAX: usize = 16;

/// Nested or dotted names as dotted ones. Lists are texts parted by commas.
pub(crate) fn flat(settings: &Value) -> Result<Changes, ApiError> {
    let mut changes = Changes::new();
    match settings {
        Value::Null => {}
        Value::Object(members) => flatten(members, "", &mut changes),
        other => return Err(ApiError::parsing(format!("settings must be an object, not [{other}]"))),
    }
    Ok(changes)
}

fn flatten(members: &Map<String, Value>, prefix: &str, changes: &mut Changes) {
    for (key, value) in members {
        let name = format!("{prefix}{key}");
        match value {
            Value::Object(inner) => flatten(inner, &format!("{name}."), changes),
            Value::Null => drop(changes.insert(name, None)),
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(text).collect();
                changes.insert(name, Some(items.join(",")));
            }
            other => drop(changes.insert(name, Some(text(other)))),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Dotted names as nested ones. A name that is the beginning of another one stays dotted beside it.
pub(crate) fn nested(settings: &BTreeMap<String, String>) -> Value {
    let mut root = Map::new();
    for (name, value) in settings {
        put(&mut root, name, value);
    }
    Value::Object(root)
}

fn put(object: &mut Map<String, Value>, name: &str, value: &str) {
    if let Some((first, rest)) = name.split_once('.')
        && let Value::Object(child) = object.entry(first).or_insert_with(|| Value::Object(Map::new()))
    {
        return put(child, rest, value);
    }
    object.insert(name.to_owned(), Value::from(value));
}

/// The defaults of the settings whose names are known beforehand.
pub(crate) fn shown_defaults() -> BTreeMap<String, String> {
    DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const DEFAULTS: [(&str, &str); 29] = [
    ("action.auto_create_index", "true"),
    ("search.default_keep_alive", "5m"),
    ("search.max_buckets", "65535"),
    ("search.max_keep_alive", "24h"),
    ("search.max_open_pit_context", "300"),
    ("search.max_open_scroll_context", "500"),
    ("search.max_open_scroll_size", "32mb"),
    ("cluster.max_shards_per_node", "1000"),
    ("cluster.routing.use_adaptive_replica_selection", "true"),
    ("cluster.routing.rebalance.enable", "all"),
    ("indices.recovery.max_bytes_per_sec", "40mb"),
    ("cluster.routing.allocation.enable", "all"),
    ("cluster.routing.allocation.allow_rebalance", "indices_all_active"),
    ("cluster.routing.allocation.cluster_concurrent_rebalance", "2"),
    ("cluster.routing.allocation.node_concurrent_recoveries", "2"),
    ("cluster.routing.allocation.node_concurrent_incoming_recoveries", "2"),
    ("cluster.routing.allocation.node_concurrent_outgoing_recoveries", "2"),
    ("cluster.routing.allocation.node_initial_primaries_recoveries", "4"),
    ("cluster.routing.allocation.same_shard.host", "false"),
    ("cluster.routing.allocation.total_shards_per_node", "-1"),
    ("cluster.routing.allocation.awareness.attributes", ""),
    ("cluster.routing.allocation.disk.threshold_enabled", "true"),
    ("cluster.routing.allocation.disk.watermark.low", "85%"),
    ("cluster.routing.allocation.disk.watermark.high", "90%"),
    ("cluster.routing.allocation.disk.watermark.flood_stage", "95%"),
    ("cluster.routing.allocation.balance.index", "0.55"),
    ("cluster.routing.allocation.balance.shard", "0.45"),
    ("cluster.routing.allocation.balance.threshold", "1.0"),
    ("cluster.routing.allocation.exclude._name", ""),
];

/// What is set once the changes are made, or why they cannot be.
fn changed(
    current: &DynamicSettings,
    changes: &[(Lasting, Changes)],
    own: &BTreeMap<String, String>,
) -> Result<DynamicSettings, ApiError> {
    let mut next = current.clone();
    for (lasting, changes) in changes {
        let settings = next.get_mut(*lasting);
        for (name, value) in changes {
            match value {
                None if name.contains('*') => settings.retain(|known, _| !matches(name, known)),
                _ if !DynamicSettings::knows(name) => return Err(unknown(*lasting, name)),
                None => drop(settings.remove(name)),
                Some(value) => {
                    DynamicSettings::check(name, value).map_err(ApiError::argument)?;
                    settings.insert(name.clone(), value.clone());
                }
            }
        }
    }
    // What an older build has stored is nothing that whoever asks now has done wrong.
    let known = faults_of(current, own);
    match faults_of(&next, own).into_iter().find(|fault| !known.contains(fault)) {
        Some(fault) => Err(ApiError::argument(fault.to_string())),
        None => Ok(next),
    }
}

/// What is wrong with all that is set about allocation, one beside the other.
fn faults_of(settings: &DynamicSettings, own: &BTreeMap<String, String>) -> Vec<SettingError> {
    let values = settings.values(own);
    let of_allocation = values.iter().filter(|(name, _)| AllocationSettings::knows(name));
    AllocationSettings::read_stored(of_allocation.map(|(name, value)| (name.as_str(), value.as_str()))).1
}

fn unknown(lasting: Lasting, name: &str) -> ApiError {
    let hint = settings::nearest(name, DEFAULTS.iter().map(|(known, _)| *known));
    let hint = hint.map_or(String::new(), |near| format!("; did you mean [{near}]?"));
    ApiError::argument(format!("{} setting [{name}], not recognized{hint}", lasting.name()))
}

/// Makes changes, all of them or none; gives what is set then.
pub(crate) async fn change_settings(
    node: &Arc<Node>,
    changes: &[(Lasting, Changes)],
) -> Result<DynamicSettings, ApiError> {
    if changes.iter().all(|(_, changes)| changes.is_empty()) {
        return Err(ApiError::validation("no settings to update"));
    }
    let Some(coordinator) = &node.coordinator else {
        return Err(ApiError::new(
            503,
            "master_not_discovered_exception",
            "this node was opened for itself and has no settings of a cluster; start it as a node",
        ));
    };
    for _ in 0..ROUNDS_MAX {
        let seen = coordinator.map();
        let current = DynamicSettings::of(&seen);
        let next = changed(&current, changes, coordinator.own_allocation())?;
        let commands = next.commands(&current, &seen);
        if commands.is_empty() {
            return Ok(next);
        }
        match coordinator.agree_on(Command::Several(commands)).await {
            Ok(()) => return Ok(next),
            // Somebody else was faster; what they have set is followed before this was said.
            Err(Disagreement::Refused(Refusal::MetadataChanged { .. })) => {}
            Err(Disagreement::Refused(refusal)) => return Err(ApiError::internal(refusal.to_string())),
            Err(Disagreement::Failed(error)) => return Err(error),
        }
    }
    Err(ApiError::not_settled("the settings of the cluster kept changing meanwhile; try again"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENABLE: &str = "cluster.routing.allocation.enable";
    const LOW: &str = "cluster.routing.allocation.disk.watermark.low";

    fn change(lasting: Lasting, settings: Value) -> Result<DynamicSettings, ApiError> {
        let mut current = DynamicSettings::default();
        current.persistent.insert(ENABLE.to_owned(), "none".to_owned());
        current.persistent.insert(LOW.to_owned(), "80%".to_owned());
        changed(&current, &[(lasting, flat(&settings)?)], &BTreeMap::new())
    }

    #[test]
    fn every_form_means_the_same_and_null_takes_back() {
        for form in [
            json!({"cluster": {"routing": {"allocation": {"enable": "primaries"}}}}),
            json!({"cluster.routing.allocation.enable": "primaries"}),
            json!({"cluster.routing": {"allocation.enable": "primaries"}}),
        ] {
            let next = change(Lasting::Transient, form.clone()).expect("changed");
            assert_eq!(next.transient.get(ENABLE).map(String::as_str), Some("primaries"), "{form}");
            assert_eq!(
                nested(&next.transient),
                json!({"cluster": {"routing": {"allocation": {"enable": "primaries"}}}})
            );
        }
        for (form, left) in [
            (json!({"cluster.routing.allocation.enable": null}), vec![LOW]),
            (json!({"cluster.routing.*": null}), vec![]),
            (json!({"*": null}), vec![]),
            (json!({"cluster.routing.allocation.disk.*": null}), vec![ENABLE]),
        ] {
            let next = change(Lasting::Persistent, form.clone()).expect("changed");
            assert_eq!(next.persistent.keys().collect::<Vec<_>>(), left, "{form}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (form, reason) in [
            (json!({"foo.bar": 1}), "persistent setting [foo.bar], not recognized"),
            (json!({"foo.bar": null}), "persistent setting [foo.bar], not recognized"),
            (
                json!({"cluster.routing.allocation.enabel": "all"}),
                "persistent setting [cluster.routing.allocation.enabel], not recognized; did you mean [cluster.routing.allocation.enable]?",
            ),
            (
                json!({"cluster.routing.allocation.enable": "some"}),
                "failed to parse value [some] for setting [cluster.routing.allocation.enable]: expected all, primaries, new_primaries or none",
            ),
            (
                json!({"cluster.routing.allocation.disk.watermark.high": "70%"}),
                "the disk watermarks low [80%], high [70%]",
            ),
            (json!([]), "settings must be an object, not [[]]"),
        ] {
            let error = change(Lasting::Persistent, form.clone()).expect_err("refused");
            assert!(error.status == 400 && error.reason.starts_with(reason), "{form}: {}", error.reason);
        }
    }

    /// Whoever changes something else is not told of it, and whoever takes it back may.
    #[test]
    fn what_an_older_build_has_stored_holds_up_no_change() {
        const MOST: &str = "cluster.max_shards_per_node";
        let current = DynamicSettings {
            persistent: BTreeMap::from([(MOST.to_owned(), "0".to_owned())]),
            ..DynamicSettings::default()
        };
        let change = |settings: Value| {
            let changes = flat(&settings).expect("settings");
            changed(&current, &[(Lasting::Persistent, changes)], &BTreeMap::new())
        };

        let next = change(json!({ENABLE: "none"})).expect("changed");
        assert_eq!(next.persistent.len(), 2);
        assert!(change(json!({MOST: null})).expect("taken back").persistent.is_empty());
        for wrong in [json!({MOST: "0"}), json!({LOW: "99%"})] {
            assert_eq!(change(wrong.clone()).expect_err("refused").status, 400, "{wrong}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_decisions() {
        let defaults = shown_defaults();
        for (name, value) in &defaults {
            assert!(DynamicSettings::knows(name), "{name}");
            assert_eq!(DynamicSettings::check(name, value), Ok(()), "{name}");
        }
        let of_allocation = defaults.iter().filter(|(name, _)| AllocationSettings::knows(name));
        let pairs = of_allocation.map(|(name, value)| (name.as_str(), value.as_str()));
        let mut read = AllocationSettings::read(pairs).expect("valid");
        assert_eq!((read.incoming_recoveries.take(), read.outgoing_recoveries.take()), (Some(2), Some(2)));
        assert_eq!(read, AllocationSettings::default());
    }

    #[test]
    fn a_name_that_begins_another_one_stays_beside_it() {
        let settings =
            [("a.b", "1"), ("a.b.c", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(nested(&BTreeMap::from(settings)), json!({"a": {"b": "1", "b.c": "2"}}));
    }
}
