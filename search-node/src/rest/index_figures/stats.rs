//! `_stats`: the figures of indices, of their primaries and of all their copies.

use cluster::health::CopyRow;
use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};

use super::{Section, Told, sections_of, stats_wish, total_of};
use crate::action::cluster::CopyFigures;
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &[
    "allow_no_indices",
    "completion_fields",
    "expand_wildcards",
    "fielddata_fields",
    "fields",
    "forbid_closed_indices",
    "groups",
    "ignore_unavailable",
    "include_segment_file_sizes",
    "include_unloaded_segments",
    "level",
    "types",
];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_stats", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/_stats/{metric}", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/{index}/_stats", PARAMS, |call| stats(call).boxed()),
    route(&[Method::GET], "/{index}/_stats/{metric}", PARAMS, |call| stats(call).boxed()),
];

/// How much of it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Cluster,
    Indices,
    Shards,
}

fn level_of(call: &Call) -> Result<Level, ApiError> {
    match call.param("level") {
        Some("cluster") => Ok(Level::Cluster),
        None | Some("indices") => Ok(Level::Indices),
        Some("shards") => Ok(Level::Shards),
        Some(other) => Err(ApiError::argument(format!(
            "level parameter must be one of [cluster] or [indices] or [shards] but was [{other}]"
        ))),
    }
}

fn wanted(call: &Call) -> Result<Vec<Section>, ApiError> {
    let Some(text) = call.path.get("metric") else { return Ok(Section::all()) };
    Section::named(text).map_err(|unknown| {
        let index = call.path.get("index").map_or(String::new(), |index| format!("/{index}"));
        let hint = settings::nearest(unknown, Section::names());
        let hint = hint.map_or(String::new(), |near| format!(" -> did you mean [{near}]?"));
        ApiError::argument(format!(
            "request [{index}/_stats/{text}] contains unrecognized metric: [{unknown}]{hint}"
        ))
    })
}

async fn stats(call: Call) -> Result<Reply, ApiError> {
    let (level, wanted) = (level_of(&call)?, wanted(&call)?);
    let with_files = call.flag("include_segment_file_sizes")?;
    let told = Told::of(&call, stats_wish(&call, with_files)).await?;
    let shown = |copies: &[&CopyFigures]| sections_of(&total_of(copies.iter().copied()), &wanted, with_files);
    let both = |rows: &[&CopyRow]| {
        let of = |rows: Vec<&&CopyRow>| -> Vec<&CopyFigures> {
            rows.into_iter().filter_map(|row| told.figures(row)).collect()
        };
        let primaries = of(rows.iter().filter(|row| row.is_primary).collect());
        json!({"primaries": shown(&primaries), "total": shown(&of(rows.iter().collect()))})
    };
    let all: Vec<&CopyRow> = told.rows.iter().collect();
    let mut answer = json!({"_shards": told.shards_header(), "_all": both(&all)});
    if level >= Level::Indices {
        let mut indices: Vec<(&String, Value)> = Vec::new();
        for (id, entry) in &told.view.map.indices {
            let rows: Vec<&CopyRow> = all.iter().copied().filter(|row| row.shard.index == *id).collect();
            let mut index = both(&rows);
            index["uuid"] = json!(id.0);
            if level == Level::Shards {
                index["shards"] = shards(&told, &rows, &wanted, with_files);
            }
            indices.push((&entry.name, index));
        }
        indices.sort_by(|one, other| one.0.cmp(other.0));
        answer["indices"] = indices.into_iter().map(|(name, index)| (name.clone(), index)).collect();
    }
    call.figures(answer)
}

fn shards(told: &Told, rows: &[&CopyRow], wanted: &[Section], with_files: bool) -> Value {
    let mut shards: Map<String, Value> = Map::new();
    for row in rows {
        let Some(copy) = told.figures(row) else { continue };
        let mut shown = Map::new();
        shown.insert("routing".to_owned(), told.routing(row));
        shown.extend(sections_of(copy, wanted, with_files));
        shown.insert("seq_no".to_owned(), json!({"max_seq_no": copy.max_seq_no}));
        let copies = shards.entry(row.shard.number.to_string()).or_insert_with(|| json!([]));
        if let Some(copies) = copies.as_array_mut() {
            copies.push(Value::Object(shown));
        }
    }
    Value::Object(shards)
}
