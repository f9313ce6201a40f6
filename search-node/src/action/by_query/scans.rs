//! Points in time that are kept for operations by query of other nodes, until they are closed or nobody asks any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use cluster::state::IndexId;
use daemon::CancellationToken;
use parking_lot::Mutex;
use shard::Slice;

use super::message::{Document, Opened, Page, Question, ShardAsked, pack, unpack};
use super::plan::Wish;
use super::walk::{Feed, Found, Part, Walk};
use crate::error::ApiError;
use crate::node::Node;
use crate::tasks::{Registered, TaskKind};

/// How long one is kept that nobody asks for, as in Elasticsearch. Whoever has opened it asks all the time, also while it waits.
pub(super) const KEPT_MILLIS: i64 = 300_000;
/// How many are kept, as in Elasticsearch. A point in time costs the files that were merged away meanwhile.
const SCANS_MAX: usize = 500;
/// An answer ends with the document that reaches so many bytes: it is in memory as a whole on both nodes.
const PAGE_BYTES: usize = 2 << 20;

/// Scans by their numbers.
#[derive(Default)]
pub(crate) struct Scans {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    by_number: HashMap<u64, Arc<KeptScan>>,
}

struct KeptScan {
    parts: Arc<Vec<Part>>,
    used_millis: AtomicI64,
    /// Those slices that were begun.
    slices: Mutex<HashMap<u32, Arc<KeptSlice>>>,
}

struct KeptSlice {
    /// What it is called as a task, and the task of the other node that it is a part of.
    about: String,
    task: String,
    feed: Mutex<Feed>,
}

impl KeptSlice {
    /// It is listed while it looks for documents, and ends when that task does, or its call.
    fn register(&self, node: &Node, cancelled: &CancellationToken) -> Registered {
        node.tasks.register_part(TaskKind::ByQueryPart, self.about.clone(), self.task.clone(), cancelled)
    }
}

impl Scans {
    /// Keeps shards as they are; the number of the scan.
    fn keep(&self, parts: Vec<Part>, now_millis: i64) -> Result<u64, ApiError> {
        self.expire(now_millis);
        let mut kept = self.kept.lock();
        if kept.by_number.len() >= SCANS_MAX {
            return Err(ApiError::new(
                429,
                "es_rejected_execution_exception",
                format!(
                    "Trying to create too many scroll contexts. Must be less than or equal to: [{SCANS_MAX}]; wait until operations by query have ended"
                ),
            ));
        }
        kept.last += 1;
        let number = kept.last;
        let (parts, used_millis) = (Arc::new(parts), AtomicI64::new(now_millis));
        kept.by_number.insert(number, Arc::new(KeptScan { parts, used_millis, slices: Mutex::default() }));
        Ok(number)
    }

    fn used(&self, number: u64, now_millis: i64) -> Result<Arc<KeptScan>, ApiError> {
        let scan = self
            .kept
            .lock()
            .by_number
            .get(&number)
            .cloned()
            .ok_or_else(|| ApiError::no_search_context(number))?;
        scan.used_millis.store(now_millis, Ordering::Release);
        Ok(scan)
    }

    fn close(&self, number: u64) {
        let closed = self.kept.lock().by_number.remove(&number);
        // Files are let go of outside of the lock.
        drop(closed);
    }

    /// Lets go of those that nobody has asked for in time.
    pub(crate) fn expire(&self, now_millis: i64) {
        let mut kept = self.kept.lock();
        let is_due = |scan: &KeptScan| now_millis - scan.used_millis.load(Ordering::Acquire) >= KEPT_MILLIS;
        let due: Vec<_> = kept.by_number.extract_if(|_, scan| is_due(scan)).collect();
        drop(kept);
        if !due.is_empty() {
            tracing::info!(count = due.len(), "let go of scans of operations by query that nobody asked for");
        }
    }

    /// Lets go of all: the node stops.
    pub(crate) fn clear(&self) {
        drop(std::mem::take(&mut self.kept.lock().by_number));
    }
}

/// Answers what another node asks about matches here; it ends early when that node waits no more.
pub(crate) fn answer_scan(
    node: &Node,
    message: &[u8],
    cancelled: &CancellationToken,
) -> Result<Bytes, ApiError> {
    let now = node.clock.now_millis();
    match unpack(message)? {
        Question::Open(shards) => Ok(pack(&open(node, &shards, now, false)?)),
        Question::OpenWhole(shards) => Ok(pack(&open(node, &shards, now, true)?)),
        Question::Begin { scan, slice, of, wish } => {
            let scan = node.scans.used(scan, now)?;
            let (mut wish, part) = (Wish::unpack(&wish)?, Slice { number: slice, of });
            let about = format!("slice {slice} of {of} in {} shards", scan.parts.len());
            let feed = Feed::new(Walk::open(Arc::clone(&scan.parts), &wish, part)?);
            let kept = KeptSlice { about, task: wish.task.clone(), feed: Mutex::new(feed) };
            let registered = kept.register(node, cancelled);
            wish.cancel = registered.task.cancel.clone();
            let total = Walk::count(&scan.parts, &wish, part)?;
            scan.slices.lock().insert(slice, Arc::new(kept));
            Ok(pack(&total))
        }
        Question::Next { scan: number, slice, most } => {
            let scan = node.scans.used(number, now)?;
            let kept =
                scan.slices.lock().get(&slice).cloned().ok_or_else(|| ApiError::no_search_context(number))?;
            let registered = kept.register(node, cancelled);
            let mut feed = kept.feed.lock();
            feed.end_with(registered.task.cancel.clone());
            let (found, is_over) = page(&mut feed, most)?;
            Ok(pack(&Page { documents: found.iter().map(Document::of).collect(), is_over }))
        }
        Question::Keep { scan } => node.scans.used(scan, now).map(|_| Bytes::new()),
        Question::Close { scan } => {
            node.scans.close(scan);
            Ok(Bytes::new())
        }
    }
}

fn open(node: &Node, shards: &[ShardAsked], now_millis: i64, is_whole: bool) -> Result<Opened, ApiError> {
    let (mut opened, mut parts) = (Opened::default(), Vec::new());
    for asked in shards {
        let index = node.indices.of_id(&IndexId(asked.index.clone()));
        let part = index.ok_or_else(|| ApiError::no_index(&asked.index)).and_then(|index| {
            index.check_copy(asked.number, asked.copy)?;
            let filter = asked.filter.as_deref();
            if is_whole {
                return Part::open_whole(&index, asked.number, filter, now_millis);
            }
            Part::open(&index, asked.number, filter)
        });
        match part {
            Ok(part) => {
                parts.push(part);
                opened.places.push(asked.place);
            }
            Err(error) => {
                opened.failures.push((asked.place, serde_json::to_vec(&error).unwrap_or_default()));
            }
        }
    }
    if !parts.is_empty() {
        opened.scan = Some(node.scans.keep(parts, now_millis)?);
    }
    Ok(opened)
}

/// The next documents, at least one if there is one, and whether there are no more.
fn page(feed: &mut Feed, most: usize) -> Result<(Vec<Found>, bool), ApiError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    while found.len() < most.max(1) && bytes < PAGE_BYTES {
        let Some(next) = feed.next(most - found.len())? else { return Ok((found, true)) };
        bytes += next.stored.source.len() + next.stored.uid.len();
        found.push(next);
    }
    Ok((found, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_are_bounded_closed_and_let_go_of_when_nobody_asks() {
        let scans = Scans::default();
        let first = scans.keep(Vec::new(), 0).expect("kept");
        for _ in 1..SCANS_MAX {
            scans.keep(Vec::new(), 1).expect("kept");
        }
        let error = scans.keep(Vec::new(), 1).expect_err("too many");
        assert_eq!((error.status, error.reason.contains("[500]")), (429, true), "{}", error.reason);

        scans.used(first, KEPT_MILLIS).expect("kept");
        scans.expire(KEPT_MILLIS + 1);
        assert_eq!(scans.kept.lock().by_number.len(), 1, "only the one that was asked for is left");

        scans.close(first);
        let error = scans.used(first, KEPT_MILLIS).err().expect("closed");
        assert_eq!(error.kind, "search_context_missing_exception");
    }
}
