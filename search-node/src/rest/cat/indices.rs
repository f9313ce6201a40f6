//! `_cat/indices`: the indices with what they hold, wherever their copies are.

use cluster::health::IndexHealth;
use cluster::state::{IndexId, ShardId};
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::chosen;
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{Survey, View, part_of, survey};
use crate::error::ApiError;
use crate::indices::is_closed;
use crate::rest::call::Call;
use crate::rest::cluster::observed_if_any;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/indices", COMMON, |call| indices(call).boxed()),
    route(&[Method::GET], "/_cat/indices/{index}", COMMON, |call| indices(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("health", &["h"], "current health status"),
    text("status", &["s"], "open or close"),
    text("index", &["i", "idx"], "index name"),
    text("uuid", &["id"], "index uuid"),
    number("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards"),
    number("rep", &["r", "shards.replica", "shardsReplica"], "number of replica shards"),
    number("docs.count", &["dc", "docsCount"], "available docs"),
    number("docs.deleted", &["dd", "docsDeleted"], "deleted docs"),
    number("creation.date", &["cd"], "index creation date (millisecond value)").on_demand(),
    text("creation.date.string", &["cds"], "index creation date (as string)").on_demand(),
    number("store.size", &["ss", "storeSize"], "store size of primaries and replicas"),
    number("pri.store.size", &[], "store size of primaries"),
    number("segments.count", &["sc", "segmentsCount"], "number of segments").on_demand(),
    number("pri.segments.count", &[], "number of segments of primaries").on_demand(),
    number(
        "indexing.index_total",
        &["iito", "indexingIndexTotal"],
        "number of indexing ops since copies were opened",
    )
    .on_demand(),
    number(
        "indexing.delete_total",
        &["idto", "indexingDeleteTotal"],
        "number of deletes since copies were opened",
    )
    .on_demand(),
    number("refresh.total", &["rto", "refreshTotal"], "refreshes since copies were opened").on_demand(),
    number("flush.total", &["ft", "flushTotal"], "flushes since copies were opened").on_demand(),
    number("merges.total", &["mt", "mergesTotal"], "merges since copies were opened").on_demand(),
];

/// The figures of an index: of its primaries, and of all its copies.
#[derive(Debug, Default)]
struct Figures {
    documents: u64,
    deleted: u64,
    primary_bytes: u64,
    primary_segments: usize,
    bytes: u64,
    segments: usize,
    indexed: u64,
    removed: u64,
    refreshes: u64,
    flushes: u64,
    merges: u64,
    /// A primary did not tell: what is known of its documents would be wrong.
    is_partial: bool,
}

async fn indices(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let is_primaries_only = call.flag("pri")?;
    let view = chosen(&call)?;
    let holders: std::collections::BTreeSet<_> =
        view.map.shards().flat_map(|(_, copies)| copies.present().values().map(|copy| copy.node)).collect();
    let survey = survey(&call.node, &view, |node| holders.contains(&node)).await?;
    let health = view.health(&*observed_if_any(&call).await?);
    let wanted = call.param("health");
    let rows = health
        .indices
        .iter()
        .filter(|(_, index)| wanted.is_none_or(|wanted| index.status.as_str() == wanted));
    let mut rows: Vec<(&str, Vec<Cell>)> = rows
        .map(|(id, index)| (index.name.as_str(), row(&view, &survey, id, index, is_primaries_only)))
        .collect();
    rows.sort_by(|one, other| one.0.cmp(other.0));
    Table { columns: COLUMNS, rows: rows.into_iter().map(|(_, row)| row).collect() }.show(&call)
}

fn row(
    view: &View,
    survey: &Survey,
    id: &IndexId,
    health: &IndexHealth,
    is_primaries_only: bool,
) -> Vec<Cell> {
    let figures = figures_of(view, survey, id, is_primaries_only);
    let entry = view.map.indices.get(id);
    let created = entry.and_then(|entry| part_of(entry, "created_millis").as_i64());
    let is_closed = entry.is_some_and(is_closed);
    // What a closed index holds is not looked at, as in Elasticsearch.
    let known = |cell: Cell| if figures.is_partial || is_closed { Cell::Nothing } else { cell };
    vec![
        health.status.as_str().into(),
        if is_closed { "close" } else { "open" }.into(),
        health.name.as_str().into(),
        id.0.as_str().into(),
        health.shards.len().into(),
        health.replicas.into(),
        known(figures.documents.into()),
        known(figures.deleted.into()),
        created.into(),
        created.map(shard::mapping::dates::show).into(),
        known(Cell::Bytes(figures.bytes)),
        known(Cell::Bytes(figures.primary_bytes)),
        known(figures.segments.into()),
        known(figures.primary_segments.into()),
        figures.indexed.into(),
        figures.removed.into(),
        figures.refreshes.into(),
        figures.flushes.into(),
        figures.merges.into(),
    ]
}

fn figures_of(view: &View, survey: &Survey, id: &IndexId, is_primaries_only: bool) -> Figures {
    let mut figures = Figures::default();
    let shards = view.map.indices.get(id).map_or(0, |entry| entry.shards.len());
    for number in 0..shards {
        let copies_of = ShardId { index: id.clone(), number: number as u32 };
        let told = survey.copies_of(&view.map, &copies_of);
        figures.is_partial |= !told.first().is_some_and(|(is_primary, _)| *is_primary);
        for (is_primary, copy) in told {
            if is_primary {
                figures.documents += copy.documents;
                figures.deleted += copy.deleted;
                figures.primary_bytes += copy.bytes;
                figures.primary_segments += copy.segments;
            } else if is_primaries_only {
                continue;
            }
            figures.bytes += copy.bytes;
            figures.segments += copy.segments;
            figures.indexed += copy.indexed;
            figures.removed += copy.removed;
            figures.refreshes += copy.refreshes;
            figures.flushes += copy.flushes;
            figures.merges += copy.merges;
        }
    }
    figures
}
