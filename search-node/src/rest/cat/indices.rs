//! `_cat/indices`: the indices with what they hold, wherever their copies are.

use std::sync::LazyLock;

use cluster::health::IndexHealth;
use cluster::state::{IndexEntry, IndexId, ShardId};
use futures::FutureExt;
use http::Method;

use super::cell::Cell;
use super::figures::{Of, figures_of};
use super::table::{COMMON, Column, Table, number, text};
use crate::action::cluster::{CopyFigures, Survey, View, part_of, survey};
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

const OWN: &[Column] = &[
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
    text("search.throttled", &["sth"], "indicates if the index is search throttled").on_demand(),
];

/// The index's own, then its figures, each of all copies and of primaries alone.
static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let figures =
        figures_of(Of::Indices).flat_map(|figure| [figure.column.clone(), figure.column.of_primaries()]);
    OWN.iter().cloned().chain(figures).collect()
});

/// The figures of an index: of its primaries, and of all its copies.
#[derive(Debug, Default)]
struct Figures {
    primaries: CopyFigures,
    total: CopyFigures,
    /// A primary did not tell: what is known of its documents would be wrong.
    is_partial: bool,
}

async fn indices(call: Call) -> Result<Reply, ApiError> {
    if let Some(help) = Table::help(&COLUMNS, &call)? {
        return Ok(help);
    }
    let wanted = call.param("health").map(read_health).transpose()?;
    let view = View::of(&call.node);
    // Unlike the tables of shards and segments, this one shows hidden indices only to who asks for them.
    let options = call.all_names()?;
    let named = call.path.get("index").map(String::as_str);
    let mut meant = view.meant(&call.node, named, options)?;
    if named.is_none() && !options.expand_hidden {
        meant.retain(|id| !view.map.indices.get(id).is_some_and(is_hidden));
    }
    let view = view.only(&meant);
    let holders: std::collections::BTreeSet<_> =
        view.map.shards().flat_map(|(_, copies)| copies.present().values().map(|copy| copy.node)).collect();
    let survey = survey(&call.node, &view, |node| holders.contains(&node)).await?;
    let health = view.health(&*observed_if_any(&call).await?);
    let rows = health
        .indices
        .iter()
        .filter(|(_, index)| wanted.as_deref().is_none_or(|wanted| index.status.as_str() == wanted));
    let mut rows: Vec<(&str, Vec<Cell>)> =
        rows.map(|(id, index)| (index.name.as_str(), row(&view, &survey, id, index))).collect();
    rows.sort_by(|one, other| one.0.cmp(other.0));
    Table { columns: &COLUMNS, rows: rows.into_iter().map(|(_, row)| row).collect() }.show(&call)
}

/// Whether wildcards pass an index over.
fn is_hidden(entry: &IndexEntry) -> bool {
    part_of(entry, "settings")["hidden"] == "true" || part_of(entry, "data_stream").is_string()
}

/// A colour, in either case.
fn read_health(text: &str) -> Result<String, ApiError> {
    let colour = text.to_ascii_lowercase();
    if ["green", "yellow", "red"].contains(&colour.as_str()) {
        return Ok(colour);
    }
    Err(ApiError::argument(format!("unknown cluster health status [{text}]")))
}

fn row(view: &View, survey: &Survey, id: &IndexId, health: &IndexHealth) -> Vec<Cell> {
    let Figures { primaries, total, is_partial } = figures_in(view, survey, id);
    let entry = view.map.indices.get(id);
    let created = entry.and_then(|entry| part_of(entry, "created_millis").as_i64());
    let is_closed = entry.is_some_and(is_closed);
    // What a closed index holds is not looked at, as in Elasticsearch.
    let known = |cell: Cell| if is_partial || is_closed { Cell::Nothing } else { cell };
    let mut row = vec![
        health.status.as_str().into(),
        if is_closed { "close" } else { "open" }.into(),
        health.name.as_str().into(),
        id.0.as_str().into(),
        health.shards.len().into(),
        health.replicas.into(),
        known(primaries.documents.into()),
        known(primaries.deleted.into()),
        created.into(),
        created.map(shard::mapping::dates::show).into(),
        known(Cell::Bytes(total.bytes)),
        known(Cell::Bytes(primaries.bytes)),
        "false".into(),
    ];
    row.extend(
        figures_of(Of::Indices).flat_map(|figure| [&total, &primaries].map(|of| known((figure.cell)(of)))),
    );
    row
}

fn figures_in(view: &View, survey: &Survey, id: &IndexId) -> Figures {
    let mut figures = Figures::default();
    let shards = view.map.indices.get(id).map_or(0, |entry| entry.shards.len());
    for number in 0..shards {
        let copies_of = ShardId { index: id.clone(), number: number as u32 };
        let told = survey.copies_of(&view.map, &copies_of);
        figures.is_partial |= !told.first().is_some_and(|(is_primary, _)| *is_primary);
        for (is_primary, copy) in told {
            if is_primary {
                figures.primaries.add(copy);
            }
            figures.total.add(copy);
        }
    }
    figures
}
