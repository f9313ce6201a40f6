//! Data streams changed and deleted, and indices with them: what is refused, and the commands for the rest.

use std::collections::BTreeMap;

use cluster::state::{ClusterState, Command, IndexEntry, IndexId};
use serde_json::{Map, Value, json};

use super::agreed_names::AgreedNames;
use super::data_stream::DataStream;
use super::guard::Guard;
use super::metadata::{aliases_part, mapping_of, mapping_part, settings_of, settings_part, stream_part};
use super::names::{NameKind, NameOptions, expand};
use crate::error::ApiError;

/// One change of a stream's indices (`_data_stream/_modify`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamAction {
    AddBackingIndex { stream: String, index: String },
    RemoveBackingIndex { stream: String, index: String },
}

/// The indices that expressions name, of which none may belong to a stream. Wildcards pass those over that do.
pub(super) fn without_aliases<'a>(
    names: &AgreedNames<'a>,
    expressions: &[String],
) -> Result<Vec<&'a str>, ApiError> {
    for expression in expressions.iter().flat_map(|all| all.split(',')).map(str::trim) {
        let of_index = names.indices.get(expression).and_then(|(id, _)| names.stream_of(id));
        if let Some((stream, _)) = of_index {
            return Err(of_stream(expression, stream));
        }
    }
    let mut indices = names.concrete(expressions)?;
    let stream = |index: &str| names.indices.get(index).and_then(|(id, _)| names.stream_of(id));
    let first = indices.first().and_then(|index| stream(index));
    indices.retain(|index| stream(index).is_none());
    match first.filter(|_| indices.is_empty()) {
        Some((stream, _)) => Err(of_stream(&expressions.join(","), stream)),
        None => Ok(indices),
    }
}

fn of_stream(expression: &str, stream: &str) -> ApiError {
    ApiError::argument(format!(
        "The provided expressions [{expression}] match a backing index belonging to data stream [{stream}]. Data streams and their backing indices don't support aliases."
    ))
}

/// The commands that delete indices, and take them out of their streams. A stream without its write index would be none.
pub(super) fn deleted_indices<'a>(
    map: &ClusterState,
    names: &AgreedNames<'_>,
    ids: impl Iterator<Item = &'a IndexId>,
) -> Result<Vec<Command>, ApiError> {
    let (mut commands, mut streams): (Vec<Command>, BTreeMap<String, DataStream>) = Default::default();
    for id in ids {
        if let Some((name, stream)) = names.stream_of(id) {
            let index = map.indices.get(id).map_or("_na_", |entry| entry.name.as_str());
            if stream.indices.last() == Some(&id.0) {
                return Err(ApiError::argument(format!(
                    "index [{index}] is the write index for data stream [{name}] and cannot be deleted"
                )));
            }
            let changed = streams.entry(name.to_owned()).or_insert_with(|| stream.clone());
            changed.indices.retain(|known| *known != id.0);
        }
        commands.push(Command::DeleteIndex { id: id.clone() });
    }
    commands.extend(streams.iter().map(|(name, stream)| stream.written(name, map)));
    Ok(commands)
}

/// The commands that delete the streams that an expression names, with all of their indices.
pub(super) fn delete_streams(
    map: &ClusterState,
    expression: &str,
    options: NameOptions,
) -> Result<Vec<Command>, ApiError> {
    let names = AgreedNames::of(map);
    let mut commands = Vec::new();
    for name in stream_names(&names, expression, options)? {
        let Some(stream) = names.streams.get(&name) else { continue };
        let ids = stream.indices.iter().map(|id| IndexId(id.clone()));
        let there = ids.filter(|id| map.indices.contains_key(id));
        commands.extend(there.map(|id| Command::DeleteIndex { id }));
        commands.extend(DataStream::forgotten(&name, map));
    }
    if !commands.is_empty() {
        commands.insert(0, Guard::Names.changed(map));
    }
    Ok(commands)
}

/// The streams that an expression names; one that it names and that is not there is an error.
fn stream_names(
    names: &AgreedNames<'_>,
    expression: &str,
    options: NameOptions,
) -> Result<Vec<String>, ApiError> {
    let streams = names.known.iter().filter(|(_, known)| known.kind == NameKind::Stream);
    expand(expression, &streams.map(|(name, known)| (name.clone(), *known)).collect(), options)
}

/// The commands that change which indices streams have.
pub(super) fn modify_streams(map: &ClusterState, actions: &[StreamAction]) -> Result<Vec<Command>, ApiError> {
    let names = AgreedNames::of(map);
    let mut streams: BTreeMap<String, DataStream> = BTreeMap::new();
    let mut parts = BTreeMap::new();
    for action in actions {
        let (StreamAction::AddBackingIndex { stream: name, index }
        | StreamAction::RemoveBackingIndex { stream: name, index }) = action;
        let known = names
            .streams
            .get(name)
            .ok_or_else(|| ApiError::argument(format!("data stream [{name}] not found")))?;
        let (id, entry) = names
            .indices
            .get(index.as_str())
            .ok_or_else(|| ApiError::argument(format!("index [{index}] not found")))?;
        let stream = streams.entry(name.clone()).or_insert_with(|| known.clone());
        let is_member = stream.indices.contains(&id.0);
        match action {
            StreamAction::AddBackingIndex { .. } if is_member => continue,
            StreamAction::AddBackingIndex { .. } => {
                parts.insert((*id).clone(), joined(&names, name, stream, id, entry)?);
                // The oldest end: it is not written to.
                stream.indices.insert(0, id.0.clone());
            }
            StreamAction::RemoveBackingIndex { .. } if !is_member => {
                return Err(ApiError::argument(format!(
                    "index [{index}] is not part of data stream [{name}]"
                )));
            }
            StreamAction::RemoveBackingIndex { .. } if stream.indices.last() == Some(&id.0) => {
                return Err(ApiError::argument(format!(
                    "cannot remove backing index [{index}] of data stream [{name}] because it is the write index"
                )));
            }
            StreamAction::RemoveBackingIndex { .. } => {
                stream.indices.retain(|known| *known != id.0);
                let mut part = stream_part(None);
                part.extend(settings_part(&hidden(entry, false)));
                parts.insert((*id).clone(), part);
            }
        }
    }
    let mut commands: Vec<Command> =
        parts.into_iter().filter_map(|(id, parts)| changed(map, id, parts)).collect();
    commands.extend(streams.iter().map(|(name, stream)| stream.written(name, map)));
    if !commands.is_empty() {
        commands.insert(0, Guard::Names.changed(map));
    }
    Ok(commands)
}

/// The commands that make a data stream of an alias and its indices (`_data_stream/_migrate`).
pub(super) fn migrate_alias(
    map: &ClusterState,
    alias: &str,
    timestamp_field: &str,
) -> Result<Vec<Command>, ApiError> {
    let names = AgreedNames::of(map);
    let Some(members) = names.aliases.get(alias) else {
        return Err(ApiError::argument(format!("alias [{alias}] does not exist")));
    };
    for (index, said) in members {
        if said.filter.is_some() || said.search_routing.is_some() || said.index_routing.is_some() {
            let what = if said.filter.is_some() { "filters" } else { "routing" };
            return Err(ApiError::argument(format!(
                "alias [{alias}] may not have custom filtering or routing to be migrated, and has {what} on [{index}]"
            )));
        }
    }
    let write = match members.iter().find(|(_, said)| said.is_write_index == Some(true)) {
        Some((index, _)) => *index,
        None => match members.keys().collect::<Vec<_>>().as_slice() {
            [only] => only,
            _ => return Err(ApiError::argument(format!("alias [{alias}] must specify a write index"))),
        },
    };
    let mut indices: Vec<&str> = members.keys().copied().filter(|index| *index != write).collect();
    indices.push(write);
    let mut stream = DataStream { indices: Vec::new(), ..DataStream::begun(timestamp_field, "", false) };
    let mut commands = vec![Guard::Names.changed(map)];
    for index in indices {
        let Some((id, entry)) = names.indices.get(index) else { continue };
        let mut parts = joined_without_aliases(&names, alias, &stream, id, entry)?;
        parts.extend(aliases_part(&Map::new()));
        commands.extend(changed(map, (*id).clone(), parts));
        stream.indices.push(id.0.clone());
    }
    commands.push(stream.written(alias, map));
    Ok(commands)
}

/// The parts of an index that becomes a backing index, which may have no aliases.
fn joined(
    names: &AgreedNames<'_>,
    name: &str,
    stream: &DataStream,
    id: &IndexId,
    entry: &IndexEntry,
) -> Result<BTreeMap<String, String>, ApiError> {
    let of_index = names.aliases.iter().filter(|(_, members)| members.contains_key(entry.name.as_str()));
    let aliases: Vec<&str> = of_index.map(|(alias, _)| alias.as_str()).collect();
    if !aliases.is_empty() {
        return Err(ApiError::argument(format!(
            "cannot add index [{}] to data stream [{name}] until its aliases [{}] are removed",
            entry.name,
            aliases.join(", ")
        )));
    }
    joined_without_aliases(names, name, stream, id, entry)
}

fn joined_without_aliases(
    names: &AgreedNames<'_>,
    name: &str,
    stream: &DataStream,
    id: &IndexId,
    entry: &IndexEntry,
) -> Result<BTreeMap<String, String>, ApiError> {
    if let Some((other, _)) = names.stream_of(id).filter(|(other, _)| *other != name) {
        return Err(ApiError::argument(format!(
            "cannot add index [{}] to data stream [{name}] because it is already part of data stream [{other}]",
            entry.name
        )));
    }
    let mut parts = stream_part(Some(name));
    parts.extend(mapping_part(&timestamped(mapping_of(entry), &stream.timestamp_field, &entry.name)?));
    parts.extend(settings_part(&hidden(entry, true)));
    Ok(parts)
}

/// A mapping by which documents must have a time; its field must be a date.
pub(super) fn timestamped(mut mapping: Value, field: &str, index: &str) -> Result<Value, ApiError> {
    let pointer = format!("/properties/{}", field.replace('.', "/properties/"));
    let kind = mapping.pointer(&pointer).and_then(|field| field["type"].as_str());
    match kind {
        Some("date" | "date_nanos") => {}
        None => {
            return Err(ApiError::argument(format!(
                "data stream timestamp field [{field}] does not exist in the mapping of [{index}]"
            )));
        }
        Some(other) => {
            return Err(ApiError::argument(format!(
                "data stream timestamp field [{field}] is of type [{other}], but [date,date_nanos] is expected"
            )));
        }
    }
    mapping["_data_stream_timestamp"] = match field {
        super::data_stream::TIMESTAMP => json!({"enabled": true}),
        other => json!({"enabled": true, "timestamp_field": {"name": other}}),
    };
    Ok(mapping)
}

fn hidden(entry: &IndexEntry, is_hidden: bool) -> Map<String, Value> {
    let mut settings = settings_of(entry);
    if is_hidden {
        settings.insert("hidden".to_owned(), json!("true"));
    } else {
        settings.remove("hidden");
    }
    settings
}

fn changed(map: &ClusterState, id: IndexId, parts: BTreeMap<String, String>) -> Option<Command> {
    let seen = map.indices.get(&id)?.version;
    Some(Command::ChangeIndex { id, seen, parts, replicas: None, filters: None, allocation: None })
}

#[cfg(test)]
mod tests;
