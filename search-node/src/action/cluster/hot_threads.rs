//! Which threads of a node work: their processor time at the begin and at the end of an interval, as the kernel counts it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::state::NodeId;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use transport::Lane;

use super::view::View;
use crate::action::home::peer_of;
use crate::coordination::{Action, fault_of, read, write};
use crate::cpu_meter::process_ticks;
use crate::error::ApiError;
use crate::node::Node;

/// What an answer may take beyond the interval.
const GRACE: Duration = Duration::from_secs(5);

/// How a node is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HotThreadsWish {
    pub(crate) interval: Duration,
    /// How many threads are told.
    pub(crate) threads: usize,
    /// Whether threads that did nothing are left out.
    pub(crate) ignores_idle: bool,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HotThreads {
    pub(crate) at_millis: i64,
    /// How long was looked.
    pub(crate) looked: Duration,
    /// The busiest first.
    pub(crate) threads: Vec<HotThread>,
}

/// A thread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HotThread {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// The processor time that it had meanwhile.
    pub(crate) used: Duration,
    /// What it does now, as the kernel calls it: `R` runs, `S` sleeps, `D` waits for a disk.
    pub(crate) state: String,
}

/// Asks nodes at the same time. One that does not answer is told by why.
pub(crate) async fn hot_threads(
    node: &Arc<Node>,
    view: &View,
    nodes: impl IntoIterator<Item = NodeId>,
    wish: HotThreadsWish,
) -> Vec<(NodeId, Result<HotThreads, String>)> {
    join_all(nodes.into_iter().map(|asked| async move { (asked, of_node(node, view, asked, wish).await) }))
        .await
}

async fn of_node(
    node: &Node,
    view: &View,
    asked: NodeId,
    wish: HotThreadsWish,
) -> Result<HotThreads, String> {
    if asked == view.own {
        return Ok(HotThreads { at_millis: node.clock.now_millis(), ..look(wish).await });
    }
    let (Some(coordinator), Some(peer)) = (&node.coordinator, peer_of(&view.map, asked)) else {
        return Err("there is no way to it".to_owned());
    };
    let within = wish.interval + GRACE;
    let answer = coordinator.call(&peer, Lane::State, Action::HotThreads, write(&wish), within).await;
    let seen: HotThreads = match answer {
        Ok(answer) => read(&answer).map_err(|error| error.reason)?,
        Err(error) => {
            return Err(match fault_of(error) {
                crate::coordination::Fault::Failed(error) => error.reason,
                crate::coordination::Fault::NotLeader(_) => "it does not answer".to_owned(),
            });
        }
    };
    Ok(HotThreads { at_millis: node.clock.now_millis(), ..seen })
}

/// Answers another node.
pub(crate) async fn answer_hot_threads(body: &Bytes) -> Result<Bytes, ApiError> {
    Ok(write(&look(read(body)?).await))
}

/// Looks twice. The time between is what is measured over.
async fn look(wish: HotThreadsWish) -> HotThreads {
    let (before, began) = (ticks_of_threads(), Instant::now());
    tokio::time::sleep(wish.interval).await;
    let after = ticks_of_threads();
    HotThreads { at_millis: 0, looked: began.elapsed(), threads: compared(&before, after, wish) }
}

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    name: String,
    state: String,
    ticks: u64,
}

fn compared(
    before: &BTreeMap<u64, Seen>,
    after: BTreeMap<u64, Seen>,
    wish: HotThreadsWish,
) -> Vec<HotThread> {
    let a_tick =
        Duration::from_secs(1) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100);
    let mut threads: Vec<HotThread> = after
        .into_iter()
        .map(|(id, seen)| {
            // One that came meanwhile has done all of it since.
            let ticks = seen.ticks.saturating_sub(before.get(&id).map_or(0, |before| before.ticks));
            let used = a_tick * u32::try_from(ticks).unwrap_or(u32::MAX);
            HotThread { id, name: seen.name, used, state: seen.state }
        })
        .filter(|thread| !wish.ignores_idle || thread.used > Duration::ZERO)
        .collect();
    threads.sort_by(|one, other| other.used.cmp(&one.used).then(one.id.cmp(&other.id)));
    threads.truncate(wish.threads);
    threads
}

fn ticks_of_threads() -> BTreeMap<u64, Seen> {
    let folder = fs_err::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let seen = folder.filter_map(|thread| {
        let id = thread.file_name().to_str()?.parse().ok()?;
        // A thread may end while it is looked at.
        let stat = fs_err::read_to_string(thread.path().join("stat")).ok()?;
        Some((id, seen_in(&stat)?))
    });
    seen.collect()
}

fn seen_in(stat: &str) -> Option<Seen> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let state = rest.split_whitespace().next()?.to_owned();
    Some(Seen { name: name.to_owned(), state, ticks: process_ticks(stat)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, ticks: u64) -> Seen {
        Seen { name: name.to_owned(), state: "S".to_owned(), ticks }
    }

    #[test]
    fn the_busiest_threads_come_first_and_idle_ones_are_left_out() {
        let before = BTreeMap::from([(1, seen("main", 10)), (2, seen("merge", 5)), (3, seen("idle", 7))]);
        let after = BTreeMap::from([
            (1, seen("main", 12)),
            (2, seen("merge", 25)),
            (3, seen("idle", 7)),
            (4, seen("new", 1)),
        ]);
        let wish = |threads, ignores_idle| HotThreadsWish { interval: Duration::ZERO, threads, ignores_idle };
        for (wish, expected) in [
            (wish(9, true), vec!["merge", "main", "new"]),
            (wish(2, true), vec!["merge", "main"]),
            (wish(9, false), vec!["merge", "main", "new", "idle"]),
        ] {
            let threads = compared(&before, after.clone(), wish);

            let names: Vec<&str> = threads.iter().map(|thread| thread.name.as_str()).collect();
            assert_eq!(names, expected, "{wish:?}");
        }
    }

    #[tokio::test]
    async fn the_threads_of_this_process_are_seen() {
        let wish = HotThreadsWish { interval: Duration::from_millis(1), threads: 1000, ignores_idle: false };

        let seen = look(wish).await;

        assert!(!seen.threads.is_empty() && seen.looked >= Duration::from_millis(1), "{seen:?}");
        assert_eq!(seen_in("7 (a (b) c) R 1").map(|seen| seen.name), None);
    }
}
