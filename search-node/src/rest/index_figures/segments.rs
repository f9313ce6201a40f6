//! `_segments`: the segments of each copy.
//!
//! A segment is called by its place in the order of time; the name of its files stands among its attributes.

use futures::FutureExt;
use http::Method;
use serde_json::{Map, Value, json};
use shard::SegmentFigures;

use super::Told;
use crate::action::cluster::{CopyFigures, FiguresWish};
use crate::error::ApiError;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;
use crate::rest::router::{Route, route};

const PARAMS: &[&str] = &["allow_no_indices", "expand_wildcards", "ignore_unavailable", "verbose"];

pub(super) const ROUTES: &[Route] = &[
    route(&[Method::GET], "/_segments", PARAMS, |call| segments(call).boxed()),
    route(&[Method::GET], "/{index}/_segments", PARAMS, |call| segments(call).boxed()),
];

async fn segments(call: Call) -> Result<Reply, ApiError> {
    let told = Told::of(&call, FiguresWish::segments(true)).await?;
    let mut indices: Map<String, Value> = Map::new();
    for row in &told.rows {
        let shards = indices.entry(row.index.clone()).or_insert_with(|| json!({"shards": {}}));
        let Some(copy) = told.figures(row) else { continue };
        let mut shown = copy_shown(copy);
        shown["routing"] = json!({
            "state": row.state.as_str(), "primary": row.is_primary, "node": row.node.map(|node| told.view.node_id(node))
        });
        let copies = &mut shards["shards"][row.shard.number.to_string()];
        match copies.as_array_mut() {
            Some(copies) => copies.push(shown),
            None => *copies = json!([shown]),
        }
    }
    call.figures(json!({"_shards": told.shards_header(), "indices": indices}))
}

fn copy_shown(copy: &CopyFigures) -> Value {
    let segments = copy.file_segments.iter().enumerate();
    let shown = segments.map(|(generation, segment)| (name_of(generation), shown(generation, segment)));
    let committed = copy.file_segments.iter().filter(|segment| segment.is_committed).count();
    json!({
        "routing": {},
        "num_committed_segments": committed,
        "num_search_segments": copy.file_segments.len(),
        "segments": shown.collect::<Map<String, Value>>()
    })
}

fn shown(generation: usize, segment: &SegmentFigures) -> Value {
    json!({
        "generation": generation,
        "num_docs": segment.documents,
        "deleted_docs": segment.deleted,
        "size_in_bytes": segment.bytes(),
        "memory_in_bytes": 0,
        "committed": segment.is_committed,
        "search": true,
        "version": env!("CARGO_PKG_VERSION"),
        "compound": false,
        "attributes": {"id": segment.id}
    })
}

/// The name of a segment: its place with 36 digits.
pub(in crate::rest) fn name_of(generation: usize) -> String {
    let (mut left, mut digits) = (generation, Vec::new());
    loop {
        let digit = u32::try_from(left % 36).unwrap_or_default();
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        left /= 36;
        if left == 0 {
            return std::iter::once('_').chain(digits.into_iter().rev()).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_called_by_their_place() {
        for (generation, name) in [(0, "_0"), (9, "_9"), (35, "_z"), (36, "_10"), (1_296, "_100")] {
            assert_eq!(name_of(generation), name);
        }
    }
}
