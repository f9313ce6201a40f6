//! The points in time that clients have opened, put together of what each node holds.

use std::collections::HashMap;

use daemon::CancellationToken;

use super::asking::{all_nodes, ask_some};
use super::id::Place;
use super::message::Part;
use super::{Ask, HeldId, Kind, read_answer};
use crate::node::Node;

/// How long a node may take to say what it holds.
const LISTED_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// A point in time that is held on some nodes.
#[derive(Debug, Clone)]
pub(in crate::action::search) struct Listed {
    pub id: HeldId,
    pub opened_millis: i64,
    pub keep_millis: i64,
}

/// Those that clients have opened and not closed, the oldest first, and whether all nodes have said what they hold. Blocks.
pub(in crate::action::search) fn listed(node: &Node) -> (Vec<Listed>, bool) {
    let asks = all_nodes(node).into_iter().map(|other| (other, Ask::List)).collect();
    let mut all: HashMap<u64, (Listed, Vec<(usize, Place)>)> = HashMap::new();
    let mut is_whole = true;
    for (holder, said) in ask_some(node, asks, LISTED_WITHIN, &CancellationToken::new()) {
        let parts = said.ok().and_then(|said| read_answer::<Vec<Part>>(&said).ok());
        is_whole &= parts.is_some();
        for part in parts.unwrap_or_default() {
            let (listed, places) = all.entry(part.number).or_insert_with(|| {
                let id = HeldId { kind: Kind::PointInTime, number: part.number, shards: Vec::new() };
                let (opened_millis, keep_millis) = (part.opened_millis, part.keep_millis);
                (Listed { id, opened_millis, keep_millis }, Vec::new())
            });
            listed.opened_millis = listed.opened_millis.min(part.opened_millis);
            let shards = part.shards.into_iter();
            places.extend(shards.map(|(place, index, shard)| (place, Place { node: holder, index, shard })));
        }
    }
    let mut all: Vec<Listed> = all
        .into_values()
        .map(|(mut listed, mut places)| {
            places.sort_by_key(|(place, _)| *place);
            listed.id.shards = places.into_iter().map(|(_, place)| place).collect();
            listed
        })
        .collect();
    all.sort_by_key(|listed| (listed.opened_millis, listed.id.number));
    (all, is_whole)
}
