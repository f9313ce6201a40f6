//! Actions of a bulk request as they travel to the node with their primary, and what became of them there.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use shard::{Condition, SourceFilter};

use super::line::{Action, Head, Op};
use super::{Bulk, BulkOptions, Given};
use crate::action::condition::Demands;
use crate::action::home::{Home, home_of};
use crate::action::target::Target;
use crate::action::write::WriteOptions;
use crate::error::ApiError;
use crate::node::Node;
use crate::replication::ActiveWait;

/// One action. Its index is named as it is, whatever alias or stream the request had.
#[derive(Debug, Serialize, Deserialize)]
struct Carried<'a> {
    op: Op,
    index: &'a str,
    doc_type: &'a str,
    id: Option<&'a str>,
    routing: Option<&'a str>,
    condition: Condition,
    is_create: bool,
    is_new_id: bool,
    pipeline: Option<&'a str>,
    retries: usize,
    update_source: Option<SourceFilter>,
    #[serde(with = "serde_bytes")]
    source: &'a [u8],
}

/// What became of one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// Its item of the answer.
    Item {
        #[serde(with = "serde_bytes")]
        item: Vec<u8>,
        is_error: bool,
    },
    /// Nothing was done: its primary is on another node.
    Elsewhere,
}

/// Actions as a message, with what of the request's options counts where they are done.
pub(super) fn pack<'a>(actions: impl Iterator<Item = (&'a Head, &'a [u8])>, options: &BulkOptions) -> Bytes {
    let carried: Vec<Carried<'_>> = actions
        .map(|(head, source)| Carried {
            op: head.op,
            index: &head.target.index,
            doc_type: &head.target.doc_type,
            id: head.target.id.as_deref(),
            routing: head.target.routing.as_deref(),
            condition: head.options.condition,
            is_create: head.options.is_create,
            is_new_id: head.options.is_new_id,
            pipeline: head.options.pipeline.as_deref(),
            retries: head.retries,
            update_source: head.update_source.clone(),
            source,
        })
        .collect();
    // Plain values always can be written.
    postcard::to_allocvec(&(options.forces_refresh, options.active, carried)).unwrap_or_default().into()
}

/// What another node answered.
pub(super) fn unpack_outcomes(answer: &[u8]) -> Result<Vec<Outcome>, ApiError> {
    postcard::from_bytes(answer).map_err(|error| unreadable(&error))
}

/// Does actions that another node has carried here.
pub(crate) fn do_carried(node: &Node, message: &[u8]) -> Result<Bytes, ApiError> {
    let (forces_refresh, active, carried): (bool, ActiveWait, Vec<Carried<'_>>) =
        postcard::from_bytes(message).map_err(|error| unreadable(&error))?;
    let mut outcomes = vec![Outcome::Elsewhere; carried.len()];
    let (mut places, mut actions) = (Vec::new(), Vec::new());
    for (place, carried) in carried.into_iter().enumerate() {
        if is_here(node, &carried) {
            places.push(place);
            actions.push(carried.action());
        }
    }
    let mut bulk = Bulk::new(BulkOptions { forces_refresh, active, ..BulkOptions::default() });
    let mut places = places.into_iter();
    bulk.do_here(node, &actions, None, |given| {
        if let (Some(place), Given::Item { item, is_error }) = (places.next(), given) {
            outcomes[place] = Outcome::Item { item: item.to_vec(), is_error };
        }
    });
    Ok(postcard::to_allocvec(&outcomes).unwrap_or_default().into())
}

fn is_here(node: &Node, carried: &Carried<'_>) -> bool {
    let Some(coordinator) = &node.coordinator else { return true };
    let (Some(index), Some(id)) = (node.indices.get(carried.index), carried.id) else { return false };
    home_of(coordinator, &index, id, carried.routing) == Home::Here
}

fn unreadable(error: &postcard::Error) -> ApiError {
    ApiError::internal(format!(
        "actions from another node cannot be read: {error}; do both run the same build?"
    ))
}

impl<'a> Carried<'a> {
    fn action(self) -> Action<'a> {
        let target = Target {
            index: self.index.into(),
            doc_type: self.doc_type.into(),
            id: self.id.map(str::to_owned),
            routing: self.routing.map(str::to_owned),
        };
        let options = WriteOptions {
            condition: self.condition,
            is_create: self.is_create,
            is_new_id: self.is_new_id,
            require_alias: false,
            is_resolved: true,
            pipeline: self.pipeline.map(str::to_owned),
        };
        let head = Head {
            op: self.op,
            target,
            options,
            demands: Demands::default(),
            retries: self.retries,
            update_source: self.update_source,
            fault: None,
        };
        Action { head: Arc::new(head), source: self.source }
    }
}
