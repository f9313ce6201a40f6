//! What nodes ask one another about the matches of an operation by query.

use bytes::Bytes;
use cluster::state::CopyId;
use serde::{Deserialize, Serialize};
use shard::{Hit, Slice, SortValue, StoredDocument};

use super::carried::unreadable;
use super::plan::{Sent, Wish};
use super::walk::Found;
use crate::error::ApiError;
use crate::indices::Routing;

/// What a node is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Question {
    /// To keep shards as they are now.
    Open(Vec<ShardAsked>),
    /// To begin one slice of what a scan keeps; it answers how many documents that has.
    Begin { scan: u64, slice: u32, of: u32, wish: Vec<u8> },
    /// The next documents of a slice.
    Next { scan: u64, slice: u32, most: usize },
    /// To keep a scan for longer.
    Keep { scan: u64 },
    /// To let go of a scan.
    Close { scan: u64 },
    /// To keep shards of which the node is primary, whose index takes no more writes: with everything that was let in, also what no
    /// search sees yet.
    OpenWhole(Vec<ShardAsked>),
}

/// A shard that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShardAsked {
    /// Its place among the shards of the whole operation.
    pub place: usize,
    pub index: String,
    pub number: usize,
    /// The copy that whoever asks knows on the node.
    pub copy: Option<CopyId>,
    /// What of it is meant, as JSON, where an alias says so.
    pub filter: Option<String>,
}

/// What a node keeps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Opened {
    /// Its number, if any shard is kept.
    pub scan: Option<u64>,
    pub places: Vec<usize>,
    /// The shards that cannot be kept, and why, as JSON.
    pub failures: Vec<(usize, Vec<u8>)>,
}

/// Documents of a slice, in order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub documents: Vec<Document<'a>>,
    /// Whether there are no more.
    pub is_over: bool,
}

/// A match on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Document<'a> {
    /// Its shard's number among those that the scan keeps.
    part: usize,
    sort: Vec<SortValue>,
    uid: &'a str,
    routing: Option<&'a str>,
    source: &'a [u8],
    seq_no: u64,
    term: u64,
    version: u64,
}

/// A wish on its way, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct WishSent {
    sent: Sent,
    doc_type: Option<String>,
    only: Option<(u32, u32)>,
    /// Shards, places, and the number of the shard that is meant.
    routed: Option<(usize, usize, usize)>,
    /// Over how many places documents of one routing value are spread there.
    spread: usize,
    now_millis: i64,
    /// The id of the task.
    task: String,
}

impl Wish {
    pub(super) fn pack(&self) -> Vec<u8> {
        let sent = WishSent {
            sent: self.sent.clone(),
            doc_type: self.doc_type.clone(),
            only: self.only.map(|only| (only.number, only.of)),
            routed: self.routed.map(|(routing, number)| (routing.shards(), routing.places(), number)),
            spread: self.routed.map_or(1, |(routing, _)| routing.spread()),
            now_millis: self.now_millis,
            task: self.task.clone(),
        };
        // Plain values always can be written.
        serde_json::to_vec(&sent).unwrap_or_default()
    }

    pub(super) fn unpack(bytes: &[u8]) -> Result<Self, ApiError> {
        let sent: WishSent =
            serde_json::from_slice(bytes).map_err(|error| ApiError::internal(error.to_string()))?;
        let mut wish = Self { task: sent.task, ..Self::all(sent.doc_type, sent.now_millis) };
        wish.only = sent.only.map(|(number, of)| Slice { number, of });
        let routing = |shards, places| Routing::new(shards, places).spread_over(sent.spread);
        wish.routed = sent.routed.map(|(shards, places, number)| (routing(shards, places), number));
        if !sent.sent.query.is_null() {
            wish.set_query(&sent.sent.query)?;
        }
        if !sent.sent.sort.is_null() {
            wish.set_sort(&sent.sent.sort)?;
        }
        Ok(wish)
    }
}

impl<'a> Document<'a> {
    pub(super) fn of(found: &'a Found) -> Self {
        let Found { hit, stored } = found;
        Self {
            part: hit.shard,
            sort: hit.sort.clone(),
            uid: &stored.uid,
            routing: stored.routing.as_deref(),
            source: &stored.source,
            seq_no: stored.seq_no,
            term: stored.term,
            version: stored.version,
        }
    }

    pub(super) fn found(self) -> Found {
        let hit =
            Hit { shard: self.part, segment: 0, document: 0, score: None, sort: self.sort, group: None };
        let stored = StoredDocument {
            uid: self.uid.to_owned(),
            routing: self.routing.map(str::to_owned),
            source: self.source.to_vec(),
            // Nobody is shown it.
            ignored: Vec::new(),
            seq_no: self.seq_no,
            term: self.term,
            version: self.version,
        };
        Found { hit, stored }
    }
}

pub(super) fn pack(message: &impl Serialize) -> Bytes {
    // Plain values always can be written.
    postcard::to_allocvec(message).unwrap_or_default().into()
}

pub(super) fn unpack<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ApiError> {
    postcard::from_bytes(bytes).map_err(|error| unreadable(&error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wish_and_a_document_arrive_as_they_were_sent() {
        let mut wish = Wish::all(Some("t".to_owned()), 7);
        wish.set_query(&json!({"term": {"a": "b"}})).expect("a query");
        wish.set_sort(&json!([{"n": "desc"}])).expect("an order");
        wish.only = Some(Slice { number: 1, of: 3 });
        wish.routed = Some((Routing::new(4, 8).spread_over(2), 3));
        wish.task = "node:7".to_owned();

        let arrived = Wish::unpack(&wish.pack()).expect("readable");

        assert_eq!((&arrived.query, arrived.sort.len()), (&wish.query, 1));
        assert_eq!((arrived.routed, arrived.task), (wish.routed, wish.task));
        assert_eq!((arrived.only, arrived.now_millis, arrived.doc_type), (wish.only, 7, wish.doc_type));

        let stored = StoredDocument {
            uid: "1".to_owned(),
            routing: Some("r".to_owned()),
            source: vec![0, 255, 7],
            ignored: Vec::new(),
            seq_no: 1,
            term: 2,
            version: 3,
        };
        let sort = vec![SortValue::Null];
        let found =
            Found { hit: Hit { shard: 2, segment: 5, document: 6, score: None, sort, group: None }, stored };
        let page = pack(&Page { documents: vec![Document::of(&found)], is_over: true });

        let mut page: Page<'_> = unpack(&page).expect("readable");

        let arrived = page.documents.remove(0).found();
        assert_eq!((arrived.hit.shard, &arrived.stored.source), (2, &found.stored.source));
        assert_eq!((&arrived.stored.routing, arrived.stored.version), (&found.stored.routing, 3));
        assert_eq!(arrived.hit.sort.len(), 1);
        assert!(unpack::<Page<'_>>(&[1]).is_err(), "what is cut off is refused");
    }
}
