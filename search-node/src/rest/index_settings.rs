//! `_settings`: what indices are set to, what they are set to where nobody says, and changes of it.

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::envelope::Reply;
use super::index::{NAMES, blocking, chosen, chosen_to_change};
use super::root::COMPATIBLE_VERSION;
use super::router::{Route, route};
use crate::action::cluster::{expanded, flat, settings_shown};
use crate::error::ApiError;
use crate::indices::{Blocks, Index, Level, SettingsChange, defaults, matches, nest};
use crate::node::Node;

const GET: &[Method] = &[Method::GET];
const PUT: &[Method] = &[Method::PUT];
const CHANGES: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "flat_settings",
    "preserve_existing",
    "master_timeout",
    "timeout",
];

pub(super) const ROUTES: &[Route] = &[
    route(GET, "/_settings", NAMES, |call| blocking(call, settings).boxed()),
    route(GET, "/_settings/{name}", NAMES, |call| blocking(call, settings).boxed()),
    route(GET, "/{index}/_settings", NAMES, |call| blocking(call, settings).boxed()),
    route(GET, "/{index}/_settings/{name}", NAMES, |call| blocking(call, settings).boxed()),
    route(PUT, "/_settings", CHANGES, |call| blocking(call, put_settings).boxed()),
    route(PUT, "/{index}/_settings", CHANGES, |call| blocking(call, put_settings).boxed()),
];

fn settings(call: &Call) -> Result<Reply, ApiError> {
    let wish = Wish::of(call)?;
    let indices = chosen(call)?;
    indices.iter().try_for_each(|index| index.check_block(Level::MetadataRead))?;
    let shown = indices.into_iter().filter_map(|index| {
        let shown = wish.of_index(&call.node, &index)?;
        Some((index.name.clone(), shown))
    });
    Call::ok(Value::Object(shown.collect()))
}

/// Which settings are shown, and how.
pub(super) struct Wish<'a> {
    /// Names with wildcards, as `index.number_*`; all where nobody says.
    names: Option<Vec<&'a str>>,
    is_flat: bool,
    with_defaults: bool,
    /// Whether moments and versions are told as people read them, too.
    is_for_people: bool,
}

impl<'a> Wish<'a> {
    pub(super) fn of(call: &'a Call) -> Result<Self, ApiError> {
        Ok(Self {
            names: call.path.get("name").map(|names| names.split(',').map(str::trim).collect()),
            is_flat: call.flag("flat_settings")?,
            with_defaults: call.flag("include_defaults")?,
            is_for_people: call.flag("human")?,
        })
    }

    /// The settings of an index; none where it has none of those.
    pub(super) fn of_index(&self, node: &Node, index: &Index) -> Option<Value> {
        let mut set = settings_shown(node, index);
        if self.is_for_people {
            add_texts(&mut set);
        }
        let window = json!(node.settings.result_window_max.to_string());
        let defaults = defaults().chain([("max_result_window", window)]);
        let defaults = defaults.filter(|(key, _)| self.with_defaults && !set.contains_key(*key));
        let mut defaults: Map<String, Value> = defaults.map(|(key, value)| (key.to_owned(), value)).collect();
        set.retain(|key, _| self.is_wanted(key));
        defaults.retain(|key, _| self.is_wanted(key));
        if set.is_empty() && defaults.is_empty() {
            return None;
        }
        let mut shown = json!({"settings": self.form(set)});
        if self.with_defaults {
            shown["defaults"] = self.form(defaults);
        }
        Some(shown)
    }

    fn is_wanted(&self, key: &str) -> bool {
        let key = format!("index.{key}");
        let Some(names) = &self.names else { return true };
        names.iter().any(|name| *name == "_all" || matches(name, &key))
    }

    fn form(&self, flat: Map<String, Value>) -> Value {
        if self.is_flat {
            return flat.into_iter().map(|(key, value)| (format!("index.{key}"), value)).collect();
        }
        if flat.is_empty() { json!({}) } else { json!({"index": nest(&flat)}) }
    }
}

/// What people read beside what is told in milliseconds and as the number of a version.
fn add_texts(set: &mut Map<String, Value>) {
    let created = set.get("creation_date").and_then(Value::as_str).and_then(|millis| millis.parse().ok());
    if let Some(created) = created {
        set.insert("creation_date_string".to_owned(), json!(shard::mapping::dates::show(created)));
    }
    set.insert("version.created_string".to_owned(), json!(COMPATIBLE_VERSION));
}

fn put_settings(call: &Call) -> Result<Reply, ApiError> {
    let changes = call.required_json()?;
    if changes.as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(ApiError::validation("no settings to update"));
    }
    let keeps_existing = call.flag("preserve_existing")?;
    // Who takes back a block must not be kept from it by that.
    let is_about_blocks = flat(changes.get("settings").unwrap_or(&changes))?
        .keys()
        .all(|name| Blocks::knows(name.strip_prefix("index.").unwrap_or(name)));
    let indices = chosen_to_change(call)?;
    let change_of = |index: &Index| {
        let expanded = expanded(&call.node, index);
        SettingsChange { changes: &changes, keeps_existing, expanded }
    };
    // One that may not change, as one that is open among closed ones, leaves the others as they are.
    for index in &indices {
        if !is_about_blocks {
            index.check_block(Level::MetadataWrite)?;
        }
        index.check_settings_change(change_of(index))?;
    }
    for index in &indices {
        index.change_settings(change_of(index))?;
    }
    Call::ok(json!({"acknowledged": call.is_followed_by_all()?}))
}
