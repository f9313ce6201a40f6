//! `GET /api/sources`: what can be explored, found without anyone setting it up.
//!
//! Data streams and indices come as they are; those that share a first word also make a group (`logs-*`).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::node::Node;
use crate::server::Api;

/// One thing to explore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SourceInfo {
    /// Its name, or the pattern of a group.
    pub(crate) name: String,
    /// `group`, `stream` or `index`.
    pub(crate) kind: &'static str,
    /// How many documents.
    pub(crate) docs: u64,
    /// How many streams and indices a group has.
    pub(crate) members: usize,
}

/// All sources: groups, then streams and indices by size.
pub(crate) async fn sources(State(api): State<Api>) -> Result<Json<Value>, ApiError> {
    let members = members(&api.node).await?;
    let groups = groups(&members);
    Ok(Json(json!({"groups": groups, "members": members})))
}

/// Data streams and visible indices, the largest first.
pub(crate) async fn members(node: &Node) -> Result<Vec<SourceInfo>, ApiError> {
    let (streams, indices) = futures::future::join(
        node.get("/_data_stream/*"),
        node.get("/_cat/indices?format=json&bytes=b&expand_wildcards=all"),
    )
    .await;
    let streams = match streams {
        // A node without data streams still has indices.
        Err(ApiError::NodeRefused { .. }) => Value::Null,
        other => other?,
    };
    Ok(merge(&streams, &indices?))
}

fn merge(streams: &Value, indices: &Value) -> Vec<SourceInfo> {
    let empty = Vec::new();
    let mut docs: BTreeMap<String, u64> = BTreeMap::new();
    for index in indices.as_array().unwrap_or(&empty) {
        if let Some(name) = index.get("index").and_then(Value::as_str) {
            docs.insert(name.to_owned(), count(index.get("docs.count")));
        }
    }
    let mut found = Vec::new();
    let listed = streams.get("data_streams").and_then(Value::as_array);
    for stream in listed.unwrap_or(&empty) {
        let Some(name) = stream.get("name").and_then(Value::as_str) else {
            continue;
        };
        let backing = stream.get("indices").and_then(Value::as_array).unwrap_or(&empty);
        let names = backing.iter().filter_map(|index| index.get("index_name").and_then(Value::as_str));
        let total = names.filter_map(|index| docs.remove(index)).sum();
        found.push(SourceInfo { name: name.to_owned(), kind: "stream", docs: total, members: 1 });
    }
    let plain = docs.into_iter().filter(|(name, _)| !name.starts_with('.'));
    found.extend(plain.map(|(name, docs)| SourceInfo { name, kind: "index", docs, members: 1 }));
    found.retain(|source| !source.name.starts_with('.'));
    found.sort_by(|a, b| b.docs.cmp(&a.docs).then_with(|| a.name.cmp(&b.name)));
    found
}

/// Groups by the first word of the name; logs first, since they are what one mostly looks for.
fn groups(members: &[SourceInfo]) -> Vec<SourceInfo> {
    let mut by_prefix: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for member in members {
        let Some((prefix, _)) = member.name.split_once('-') else {
            continue;
        };
        let group = by_prefix.entry(prefix.to_owned()).or_default();
        group.0 += member.docs;
        group.1 += 1;
    }
    let mut groups: Vec<SourceInfo> = by_prefix
        .into_iter()
        .map(|(prefix, (docs, members))| SourceInfo {
            name: format!("{prefix}-*"),
            kind: "group",
            docs,
            members,
        })
        .collect();
    groups.sort_by_key(|group| (group.name != "logs-*", std::cmp::Reverse(group.docs), group.name.clone()));
    groups
}

/// `_cat` writes numbers as text.
fn count(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(other) => other.as_u64().unwrap_or(0),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backing_indices_count_for_their_stream_and_hidden_ones_not_at_all() {
        let streams = json!({"data_streams": [{"name": "logs-a-default", "indices": [
            {"index_name": ".ds-logs-a-default-000001"}, {"index_name": ".ds-logs-a-default-000002"}]}]});
        let indices = json!([
            {"index": ".ds-logs-a-default-000001", "docs.count": "3"},
            {"index": ".ds-logs-a-default-000002", "docs.count": "4"},
            {"index": "logs-b", "docs.count": "9"},
            {"index": "shop", "docs.count": null},
            {"index": ".hidden", "docs.count": "99"},
        ]);

        let found = merge(&streams, &indices);

        let names: Vec<(&str, &str, u64)> = found.iter().map(|s| (s.name.as_str(), s.kind, s.docs)).collect();
        assert_eq!(names, [("logs-b", "index", 9), ("logs-a-default", "stream", 7), ("shop", "index", 0)]);
        let groups = groups(&found);
        assert_eq!((groups[0].name.as_str(), groups[0].docs, groups[0].members), ("logs-*", 16, 2));
    }
}
