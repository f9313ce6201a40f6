//! What indices hold and have done, and where: `_stats`, `_segments`, `_shard_stores`, `_search_shards`, `_disk_usage`. One page a file.

mod disk_usage;
mod search_shards;
mod sections;
mod segments;
mod shard_stores;
mod stats;

use std::collections::BTreeSet;

use cluster::health::{CopyRow, CopyState};
use cluster::state::{IndexId, NodeId};
use serde_json::{Value, json};

use super::call::Call;
use super::router::Route;
use crate::action::cluster::{CopyFigures, FiguresWish, Survey, View, survey_with};
use crate::error::ApiError;
use crate::indices::is_closed;
use crate::rest::cluster::observed_if_any;

pub(super) use sections::{Section, sections_of, stats_wish, total_of};
pub(super) use segments::name_of;

pub(super) const ROUTES: &[&[Route]] =
    &[stats::ROUTES, segments::ROUTES, shard_stores::ROUTES, search_shards::ROUTES, disk_usage::ROUTES];

/// The copies of the indices that a request means, with what their nodes tell of them.
pub(super) struct Told {
    pub(super) view: View,
    pub(super) rows: Vec<CopyRow>,
    pub(super) survey: Survey,
}

impl Told {
    pub(super) async fn of(call: &Call, wish: FiguresWish) -> Result<Self, ApiError> {
        let view = meant_open(call)?;
        let rows = view.rows(&*observed_if_any(call).await?);
        let holders: BTreeSet<NodeId> = rows.iter().filter_map(|row| row.node).collect();
        let survey = survey_with(&call.node, &view, wish, |node| holders.contains(&node)).await?;
        Ok(Self { view, rows, survey })
    }

    /// The figures of a copy that serves.
    pub(super) fn figures(&self, row: &CopyRow) -> Option<&CopyFigures> {
        let serves = matches!(row.state, CopyState::Started | CopyState::Relocating);
        self.survey.copy(row.node.filter(|_| serves)?, &row.shard).filter(|copy| !copy.is_failed)
    }

    /// How many copies there should be, and how many told; those that are filled yet count as neither.
    pub(super) fn shards_header(&self) -> Value {
        let told = self.rows.iter().filter(|row| self.figures(row).is_some()).count();
        let silent = self.rows.iter().filter(|row| {
            row.node.is_some_and(|node| self.survey.silent.contains_key(&node)) && self.figures(row).is_none()
        });
        json!({"total": self.rows.len(), "successful": told, "failed": silent.count()})
    }

    /// Where a copy is, as its page shows it.
    pub(super) fn routing(&self, row: &CopyRow) -> Value {
        let named = |node| self.view.node_id(node).to_owned();
        json!({
            "state": row.state.as_str(),
            "primary": row.is_primary,
            "node": row.node.map(named),
            "relocating_node": row.moves_to.map(named)
        })
    }
}

/// The same without closed indices, unless the request lets them in: the figures of what is not open are old.
fn meant_open(call: &Call) -> Result<View, ApiError> {
    if call.maybe_flag("forbid_closed_indices")? == Some(false) {
        return meant(call);
    }
    let view = View::of(&call.node);
    let Some(expression) = call.path.get("index") else {
        let is_open = |id: &&IndexId| !view.map.indices.get(*id).is_some_and(is_closed);
        let open: BTreeSet<IndexId> = view.map.indices.keys().filter(is_open).cloned().collect();
        return Ok(view.only(&open));
    };
    let indices = view.meant(&call.node, Some(expression), call.open_names()?)?;
    Ok(view.only(&indices))
}

/// The indices that a request means, and what is left of the map with them.
pub(super) fn meant(call: &Call) -> Result<View, ApiError> {
    let view = View::of(&call.node);
    let indices = view.meant(&call.node, call.path.get("index").map(String::as_str), call.name_options()?)?;
    Ok(view.only(&indices))
}
