//! `_cat/segments`: the segments of all copies.

use cluster::health::CopyRow;
use futures::FutureExt;
use http::Method;
use shard::SegmentFigures;

use super::cell::Cell;
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{FiguresWish, View};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::cluster::host_of;
use crate::rest::envelope::Reply;
use crate::rest::index_figures::{Told, name_of};
use crate::rest::router::{Route, route};

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_cat/segments", COMMON, |call| segments(call).boxed()),
    route(&[Method::GET], "/_cat/segments/{index}", COMMON, |call| segments(call).boxed()),
];

const COLUMNS: &[Column] = &[
    text("index", &["i", "idx"], "index name"),
    number("shard", &["s", "sh"], "shard name"),
    text("prirep", &["p", "pr", "primaryOrReplica"], "primary or replica"),
    text("ip", &[], "ip of node where it lives"),
    text("id", &[], "unique id of node where it lives").on_demand(),
    text("segment", &["seg"], "segment name: its place in the order of time"),
    number("generation", &["g", "gen"], "segment generation: the same as a number"),
    number("docs.count", &["dc", "docsCount"], "number of docs in segment"),
    number("docs.deleted", &["dd", "docsDeleted"], "number of deleted docs in segment"),
    number("size", &["si"], "segment size in bytes"),
    number("size.memory", &["sm", "sizeMemory"], "segment memory in bytes: none, for files are mapped"),
    text("committed", &["ic", "isCommitted"], "is segment committed"),
    text("searchable", &["is", "isSearchable"], "is segment searched"),
    text("version", &["v", "ver"], "version of the build"),
    text("compound", &["ico", "isCompound"], "is segment compound"),
];

async fn segments(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(COLUMNS, &call)? {
        return Ok(help);
    }
    let told = Told::of(&call, FiguresWish::segments(true)).await?;
    let rows = told.rows.iter().flat_map(|copy| {
        let figures = told.figures(copy).map(|figures| figures.file_segments.as_slice()).unwrap_or_default();
        figures.iter().enumerate().map(|(generation, segment)| row(&told.view, copy, generation, segment))
    });
    let rows = rows.collect();
    Table { columns: COLUMNS, rows }.show(&call)
}

fn row(view: &View, copy: &CopyRow, generation: usize, segment: &SegmentFigures) -> Vec<Cell> {
    let entry = copy.node.and_then(|node| view.node(node));
    vec![
        copy.index.as_str().into(),
        copy.shard.number.into(),
        (if copy.is_primary { "p" } else { "r" }).into(),
        entry.map(|entry| host_of(&entry.transport_address)).into(),
        copy.node.map(|node| view.node_id(node)).into(),
        name_of(generation).into(),
        generation.into(),
        segment.documents.into(),
        segment.deleted.into(),
        Cell::Bytes(segment.bytes()),
        Cell::Bytes(0),
        segment.is_committed.to_string().into(),
        "true".into(),
        env!("CARGO_PKG_VERSION").into(),
        "false".into(),
    ]
}
