//! Points in time that are held for clients: for a scroll, or for whoever opened one (`_pit`). Each node holds its shards of them, and the
//! client's id says where, so that any node can go on with them.
//!
//! ```text
//!  id       what the client is given
//!  limits   how many may be held, how much of them, and for how long
//!  message  what nodes ask one another about them
//!  asking   the nodes asked, all at the same time
//!  opening  opened in one copy of each shard
//!  untold   opened, and let go of where nobody is told
//!  closing  let go of on all nodes
//!  listing  all that clients have opened
//!  scroll   how far a scroll has come
//! ```

mod asking;
mod closing;
mod id;
mod limits;
mod listing;
mod message;
mod opening;
mod scroll;
mod untold;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use shard::Reader;

pub(in crate::action::search) use self::asking::ask_some;
pub(in crate::action::search) use self::closing::{Freed, close, close_all, let_go_of};
pub(in crate::action::search) use self::id::HeldId;
pub(crate) use self::limits::{HELD, HeldLimits};
pub(in crate::action::search) use self::listing::listed;
use self::message::Part;
pub(crate) use self::message::answer_held;
pub(in crate::action::search) use self::message::{Ask, ScrollAsked, read_answer};
pub(in crate::action::search) use self::opening::Opening;
use self::scroll::Scroll;
pub(crate) use self::untold::Untold;
use crate::error::ApiError;
use crate::indices::Index;

/// For what a point in time is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::action::search) enum Kind {
    PointInTime,
    Scroll,
}

/// The points in time that a node holds for clients, until they close them or do not ask for so long as they said.
#[derive(Default)]
pub(crate) struct HeldContexts {
    ledger: Mutex<Ledger>,
}

#[derive(Default)]
struct Ledger {
    by_number: HashMap<u64, Arc<Held>>,
    /// What was held of shards, by their index and number, and is no more.
    ended: HashMap<(String, usize), HeldFigures>,
    /// How many scrolls were refused for what they take.
    refused: u64,
}

/// How much memory scrolls take together, how much they may, and how many were refused for that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HeldBytes {
    pub(crate) held: u64,
    pub(crate) limit: u64,
    pub(crate) refused: u64,
}

/// What this node holds of one point in time.
pub(in crate::action::search) struct Held {
    kind: Kind,
    opened_millis: i64,
    keep_millis: AtomicI64,
    used_millis: AtomicI64,
    shards: Mutex<Vec<HeldShard>>,
    /// What is looked for, if it is a scroll.
    pub scroll: Option<Scroll>,
}

/// One shard at the point in time.
#[derive(Clone)]
pub(in crate::action::search) struct HeldShard {
    /// Its place among the shards of the whole when it was opened.
    pub place: usize,
    number: usize,
    pub index: Arc<Index>,
    /// What of it is meant, as JSON, where an alias says so.
    pub filter: Option<String>,
    pub reader: Reader,
}

/// How much was held of a shard, and is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HeldFigures {
    pub(crate) scrolls: HeldCount,
    pub(crate) points: HeldCount,
}

/// How often something was held to its end, for how long together, and how often it is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HeldCount {
    pub(crate) ended: u64,
    pub(crate) millis: u64,
    pub(crate) current: u64,
}

impl HeldFigures {
    /// How many are open.
    pub(crate) fn open(&self) -> u64 {
        self.scrolls.current + self.points.current
    }

    fn of_mut(&mut self, kind: Kind) -> &mut HeldCount {
        match kind {
            Kind::Scroll => &mut self.scrolls,
            Kind::PointInTime => &mut self.points,
        }
    }
}

impl std::ops::AddAssign for HeldFigures {
    fn add_assign(&mut self, other: Self) {
        for (count, other) in [(&mut self.scrolls, other.scrolls), (&mut self.points, other.points)] {
            count.ended += other.ended;
            count.millis += other.millis;
            count.current += other.current;
        }
    }
}

impl Held {
    /// A shard of it.
    fn shard(&self, index: &str, number: usize) -> Option<HeldShard> {
        let shards = self.shards.lock();
        shards.iter().find(|shard| shard.index.uuid == index && shard.number == number).cloned()
    }

    /// It was asked for now, and shall be kept for so long if that was said.
    pub(crate) fn touch(&self, now_millis: i64, keep_millis: Option<i64>) {
        self.used_millis.fetch_max(now_millis, Ordering::AcqRel);
        if let Some(keep) = keep_millis {
            self.keep_millis.store(keep, Ordering::Release);
        }
    }

    /// Whether nobody works with it, and nobody has asked for it in time.
    fn is_due(self: &Arc<Self>, now_millis: i64) -> bool {
        let unused = now_millis - self.used_millis.load(Ordering::Acquire);
        Arc::strong_count(self) == 1 && unused > self.keep_millis.load(Ordering::Acquire)
    }
}

impl HeldContexts {
    /// Holds a shard, if there is room for another one.
    fn hold(
        &self,
        (number, kind): (u64, Kind),
        shard: HeldShard,
        scroll: Option<&ScrollAsked>,
        (now_millis, keep_millis): (i64, i64),
        limits: &HeldLimits,
    ) -> Result<(), ApiError> {
        let mut ledger = self.ledger.lock();
        if let Some(asked) = scroll.filter(|_| !ledger.by_number.contains_key(&number)) {
            limits.check_bytes(ledger.scroll_bytes(), asked.bytes()).inspect_err(|_| ledger.refused += 1)?;
        }
        let of_kind = ledger.by_number.values().filter(|held| held.kind == kind);
        limits.check_room(kind, of_kind.map(|held| held.shards.lock().len()).sum())?;
        let held = ledger.by_number.entry(number).or_insert_with(|| {
            Arc::new(Held {
                kind,
                opened_millis: now_millis,
                keep_millis: AtomicI64::new(keep_millis),
                used_millis: AtomicI64::new(now_millis),
                shards: Mutex::default(),
                scroll: scroll.cloned().map(Scroll::new),
            })
        });
        held.shards.lock().push(shard);
        Ok(())
    }

    /// What is held under a number.
    pub(in crate::action::search) fn get(&self, number: u64) -> Result<Arc<Held>, ApiError> {
        let held = self.ledger.lock().by_number.get(&number).cloned();
        held.ok_or_else(|| ApiError::no_search_context(number))
    }

    /// A shard of what is held under a number, as long as its index is open.
    pub(in crate::action::search) fn shard(
        &self,
        number: u64,
        index: &str,
        shard: usize,
        is_open: impl Fn(&str) -> bool,
    ) -> Result<(Arc<Held>, HeldShard), ApiError> {
        let held = self.get(number)?;
        let found = held.shard(index, shard).filter(|shard| is_open(&shard.index.uuid));
        let found = found.ok_or_else(|| ApiError::no_search_context(number))?;
        Ok((held, found))
    }

    /// Lets go of what is held under these numbers; of how many shards for each.
    fn close(&self, numbers: &[u64], now_millis: i64) -> Vec<usize> {
        let mut ledger = self.ledger.lock();
        let mut closed = Vec::with_capacity(numbers.len());
        for number in numbers {
            let held = ledger.by_number.remove(number);
            closed.push(held.map(|held| ledger.end(&held, now_millis)).unwrap_or_default());
        }
        // Files are let go of outside of the lock.
        drop(ledger);
        closed.iter().map(Vec::len).collect()
    }

    /// Lets go of some shards, by their places, of what is held under a number; of how many.
    fn let_go(&self, number: u64, places: &[usize], now_millis: i64) -> usize {
        let mut ledger = self.ledger.lock();
        let Some(held) = ledger.by_number.get(&number).cloned() else { return 0 };
        let gone: Vec<HeldShard> =
            held.shards.lock().extract_if(.., |shard| places.contains(&shard.place)).collect();
        ledger.count(&held, &gone, now_millis);
        if held.shards.lock().is_empty() {
            ledger.by_number.remove(&number);
        }
        drop(ledger);
        gone.len()
    }

    /// What is held under a number, as it is listed.
    fn part(&self, number: u64) -> Option<Part> {
        let held = self.get(number).ok()?;
        let shards = held.shards.lock();
        let shard = |shard: &HeldShard| {
            (shard.place, (shard.index.uuid.clone(), shard.index.name.clone()), shard.number)
        };
        Some(Part {
            number,
            opened_millis: held.opened_millis,
            keep_millis: held.keep_millis.load(Ordering::Acquire),
            shards: shards.iter().map(shard).collect(),
        })
    }

    /// The numbers of one kind.
    fn numbers(&self, kind: Kind) -> Vec<u64> {
        let ledger = self.ledger.lock();
        ledger.by_number.iter().filter(|(_, held)| held.kind == kind).map(|(number, _)| *number).collect()
    }

    /// Lets go of those that nobody has asked for in time, and of shards whose indices are open no more.
    pub(crate) fn expire(&self, now_millis: i64, is_open: impl Fn(&str) -> bool) {
        let mut ledger = self.ledger.lock();
        let due: Vec<_> =
            ledger.by_number.extract_if(|_, held| held.is_due(now_millis)).map(|(_, held)| held).collect();
        let mut doomed: Vec<HeldShard> = due.iter().flat_map(|held| ledger.end(held, now_millis)).collect();
        let all: Vec<Arc<Held>> = ledger.by_number.values().cloned().collect();
        for held in all {
            let gone: Vec<HeldShard> =
                held.shards.lock().extract_if(.., |shard| !is_open(&shard.index.uuid)).collect();
            ledger.count(&held, &gone, now_millis);
            doomed.extend(gone);
        }
        ledger.by_number.retain(|_, held| !held.shards.lock().is_empty());
        ledger.ended.retain(|(index, _), _| is_open(index));
        drop(ledger);
        if !due.is_empty() {
            tracing::debug!(count = due.len(), "let go of points in time that nobody asked for");
        }
    }

    /// Lets go of all: the node stops.
    pub(crate) fn clear(&self) {
        drop(std::mem::take(&mut self.ledger.lock().by_number));
    }

    /// How much memory scrolls take.
    pub(crate) fn bytes(&self, limits: &HeldLimits) -> HeldBytes {
        let ledger = self.ledger.lock();
        HeldBytes { held: ledger.scroll_bytes(), limit: limits.scroll_bytes_max, refused: ledger.refused }
    }

    /// How much is and was held of each shard, by its index and number.
    pub(crate) fn figures(&self) -> HashMap<(String, usize), HeldFigures> {
        let ledger = self.ledger.lock();
        let mut figures = ledger.ended.clone();
        for held in ledger.by_number.values() {
            for shard in held.shards.lock().iter() {
                let figures = figures.entry((shard.index.uuid.clone(), shard.number)).or_default();
                figures.of_mut(held.kind).current += 1;
            }
        }
        figures
    }
}

impl Ledger {
    fn scroll_bytes(&self) -> u64 {
        self.by_number.values().filter_map(|held| held.scroll.as_ref()).map(Scroll::bytes).sum()
    }

    /// Counts the shards of what is held no more, and takes them.
    fn end(&mut self, held: &Held, now_millis: i64) -> Vec<HeldShard> {
        let shards = std::mem::take(&mut *held.shards.lock());
        self.count(held, &shards, now_millis);
        shards
    }

    fn count(&mut self, held: &Held, shards: &[HeldShard], now_millis: i64) {
        let millis = u64::try_from(now_millis - held.opened_millis).unwrap_or(0);
        for shard in shards {
            let figures = self.ended.entry((shard.index.uuid.clone(), shard.number)).or_default();
            let count = figures.of_mut(held.kind);
            count.ended += 1;
            count.millis += millis;
        }
    }
}

#[cfg(test)]
mod tests;
