//! `_shrink`, `_split` and `_clone`: an index made with the documents of another one.
//!
//! ```text
//!  PUT /logs/_shrink/small ─▶ indices::resizing: the map has [small], whose shards have no copy
//!        whoever leads ─▶ a place for the first copy of each
//!        fill, a few at a time ─▶ documents of the source, read where its primaries are ─▶ a shard that nobody knows ─▶ committed ─▶ it has its name
//!        the map: in sync ─▶ it is primary, and other copies are filled from it like those of any index
//! ```
//!
//! What breaks off leaves a folder without a name, which is emptied before it is used again: a copy is whole or it is none.

mod fill;
mod turns;
mod unfilled;
mod writer;

use std::sync::Arc;

use cluster::state::{IndexId, ShardId};

pub(crate) use self::fill::fill_shards;
use super::cluster::{View, survey};
use crate::error::ApiError;
use crate::indices::{Index, ResizeWish};
use crate::node::Node;

/// Makes the index that a request asks for. Its shards are filled later.
pub(crate) async fn resize(node: &Arc<Node>, wish: ResizeWish) -> Result<Arc<Index>, ApiError> {
    if node.coordinator.is_none() {
        return Err(ApiError::argument("a node that takes part in no cluster cannot resize an index"));
    }
    let source = node.indices.resize_source(&wish)?;
    let documents = documents(node, &source).await?;
    let worker = Arc::clone(node);
    node.write_pool.run(move || worker.indices.resize(&wish, &documents)).await
}

/// How many documents each shard has, as far as the nodes with the primaries tell.
async fn documents(node: &Arc<Node>, source: &Index) -> Result<Vec<u64>, ApiError> {
    let view = View::of(node);
    let survey = survey(node, &view, |_| true).await?;
    let count = |number: usize| {
        let shard = ShardId { index: IndexId(source.uuid.clone()), number: number as u32 };
        survey.copies_of(&view.map, &shard).first().map_or(0, |(_, copy)| copy.documents)
    };
    Ok((0..source.number_of_shards()).map(count).collect())
}
