//! `_cluster/settings`: what operators set while the cluster runs.

use std::collections::BTreeMap;

use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::wait_led;
use crate::action::cluster::{View, change_settings, flat, nested, shown_defaults};
use crate::coordination::{DynamicSettings, Lasting};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(
        &[Method::GET],
        "/_cluster/settings",
        &["flat_settings", "include_defaults", "local", "master_timeout", "timeout"],
        |call| look(call).boxed(),
    ),
    route(&[Method::PUT], "/_cluster/settings", &["flat_settings", "master_timeout", "timeout"], |call| {
        change(call).boxed()
    }),
];

async fn look(call: Call) -> Result<Reply, ApiError> {
    let is_flat = call.flag("flat_settings")?;
    wait_led(&call).await?;
    let settings = DynamicSettings::of(&View::of(&call.node).map);
    let mut shown_settings = json!({
        "persistent": shown(&settings.persistent, is_flat),
        "transient": shown(&settings.transient, is_flat)
    });
    if call.flag("include_defaults")? {
        let mut defaults = shown_defaults();
        if let Some(coordinator) = &call.node.coordinator {
            defaults.extend(coordinator.own_allocation().clone());
        }
        defaults.retain(|name, _| {
            !settings.persistent.contains_key(name) && !settings.transient.contains_key(name)
        });
        shown_settings["defaults"] = shown(&defaults, is_flat);
    }
    Call::ok(shown_settings)
}

fn shown(settings: &BTreeMap<String, String>, is_flat: bool) -> Value {
    if is_flat { json!(settings) } else { nested(settings) }
}

async fn change(call: Call) -> Result<Reply, ApiError> {
    let body = call.required_json()?;
    let is_flat = call.flag("flat_settings")?;
    let members =
        body.as_object().ok_or_else(|| ApiError::parsing("the settings of the cluster must be an object"))?;
    let mut changes = Vec::new();
    for (key, settings) in members {
        let lasting =
            [Lasting::Persistent, Lasting::Transient].into_iter().find(|lasting| lasting.name() == key);
        let lasting = lasting.ok_or_else(|| {
            ApiError::argument(format!(
                "[cluster_update_settings_request] unknown field [{key}]; known: persistent, transient"
            ))
        })?;
        changes.push((lasting, flat(settings)?));
    }
    wait_led(&call).await?;
    let next = change_settings(&call.node, &changes).await?;
    let told = |lasting: Lasting| {
        let asked =
            changes.iter().filter(|(kind, _)| *kind == lasting).flat_map(|(_, changes)| changes.keys());
        let set = next.get(lasting);
        let set = asked.filter_map(|name| Some((name.clone(), set.get(name)?.clone())));
        shown(&set.collect(), is_flat)
    };
    Call::ok(json!({
        "acknowledged": true,
        "persistent": told(Lasting::Persistent),
        "transient": told(Lasting::Transient)
    }))
}
