//! Where a task reads: every shard at one point in time, here if there is a copy, or else on a node that has one.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::state::NodeId;
use futures::future::join_all;
use shard::Slice;

use super::distant::{Distant, DistantFeed, ask};
use super::matches::{From, Matches};
use super::message::{Opened, Question, ShardAsked, unpack};
use super::plan::Wish;
use super::scans::KEPT_MILLIS;
use super::walk::{Feed, Part, Walk, sort_keys};
use crate::action::search::{Manner, Target};
use crate::coordination::Coordinator;
use crate::error::ApiError;
use crate::indices::Searched;
use crate::node::Node;

/// How often a scan is asked for while its task waits: some of these may be lost.
const KEEP_EVERY: Duration = Duration::from_millis(KEPT_MILLIS as u64 / 5);

/// What a task reads.
pub(super) struct Sources {
    here: Arc<Vec<Part>>,
    there: Vec<Arc<Distant>>,
    pub shards: usize,
}

/// Shards that are not open yet: for each, how many of its copies were tried, and why the last one failed.
type Left = BTreeMap<usize, (usize, Option<ApiError>)>;

/// Shards to open here, and on which other nodes.
type Groups = (Vec<usize>, BTreeMap<NodeId, Vec<usize>>);

impl Sources {
    /// Opens a copy of every shard of the indices, or of those that a routing value leads to. A task begins with all of them.
    pub(super) async fn open(node: &Arc<Node>, searched: &[Searched]) -> Result<Self, ApiError> {
        let targets = Target::all(node, searched, &Manner::default())?;
        Self::of(node, targets, false).await
    }

    /// Opens a copy of each of these shards; a whole one has everything that was let in before its
    /// index was blocked against writes, also what no search sees yet; the targets name primaries only then.
    pub(super) async fn of(node: &Arc<Node>, targets: Vec<Target>, is_whole: bool) -> Result<Self, ApiError> {
        let mut sources = Self { here: Arc::default(), there: Vec::new(), shards: targets.len() };
        let mut parts = Vec::new();
        let mut left: Left = (0..targets.len()).map(|place| (place, (0, None))).collect();
        while !left.is_empty() {
            let (here, there) = by_node(node, &targets, &mut left)?;
            let asked = there
                .into_iter()
                .map(|(holder, places)| open_there(node, &targets, holder, places, is_whole));
            for (holder, places, opened) in join_all(asked).await {
                sources.take(node, &targets, holder, places, opened, &mut left);
            }
            if !here.is_empty() {
                let wanted: Vec<Target> = here.iter().map(|place| targets[*place].clone()).collect();
                // Opening may read files, and refresh.
                let now = node.clock.now_millis();
                let open = move |target: &Target| {
                    let (index, number, filter) = (&target.index, target.number, target.filter());
                    match is_whole {
                        true => Part::open_whole(index, number, filter.as_deref(), now),
                        false => Part::open(index, number, filter.as_deref()),
                    }
                };
                let opened =
                    node.by_query_pool.go_on(move || Ok(wanted.iter().map(open).collect::<Vec<_>>()));
                for (place, part) in here.into_iter().zip(opened.await?) {
                    match part {
                        Ok(part) => {
                            parts.push(part);
                            left.remove(&place);
                        }
                        Err(error) => next_copy(&mut left, place, Some(error)),
                    }
                }
            }
        }
        sources.here = Arc::new(parts);
        Ok(sources)
    }

    fn take(
        &mut self,
        node: &Node,
        targets: &[Target],
        holder: NodeId,
        places: Vec<usize>,
        opened: Result<Opened, Option<ApiError>>,
        left: &mut Left,
    ) {
        let (opened, coordinator) = match (opened, &node.coordinator) {
            (Ok(opened), Some(coordinator)) => (opened, coordinator),
            (opened, _) => {
                let error = opened.err().flatten();
                places.iter().for_each(|place| next_copy(left, *place, error.clone()));
                return;
            }
        };
        let kept: Vec<usize> = opened.places.into_iter().filter(|place| places.contains(place)).collect();
        let shard = |place: &usize| (Arc::clone(&targets[*place].index), targets[*place].number);
        if let Some(scan) = opened.scan {
            let (coordinator, shards) = (Arc::clone(coordinator), kept.iter().map(shard).collect());
            self.there.push(Arc::new(Distant { coordinator, node: holder, scan, shards }));
        }
        let mut errors: BTreeMap<usize, Vec<u8>> = opened.failures.into_iter().collect();
        for place in places {
            if kept.contains(&place) {
                left.remove(&place);
            } else {
                let error = errors.remove(&place).and_then(|error| serde_json::from_slice(&error).ok());
                next_copy(left, place, error);
            }
        }
    }

    /// Begins a slice; its matches, and how many there are. Blocks.
    pub(super) fn begin(&self, wish: &Wish, slice: Slice) -> Result<(Matches, u64), ApiError> {
        let runtime = tokio::runtime::Handle::current();
        // Where it ends early, nobody waits for the others.
        let unwanted = wish.cancel.child_token();
        let _until_begun = unwanted.clone().drop_guard();
        let asked: Vec<_> = self
            .there
            .iter()
            .map(|distant| {
                let (distant, wish) =
                    (Arc::clone(distant), Wish { cancel: unwanted.clone(), ..wish.clone() });
                runtime.spawn(async move { (distant.begin(&wish, slice).await, distant) })
            })
            .collect();
        let mut total = 0;
        let mut feeds = Vec::new();
        if !self.here.is_empty() {
            total += Walk::count(&self.here, wish, slice)?;
            feeds.push(From::Here(Feed::new(Walk::open(Arc::clone(&self.here), wish, slice)?)));
        }
        let (mut failures, mut status) = (Vec::new(), 200);
        for begun in asked {
            let begun = runtime.block_on(begun);
            match begun.map_err(|error| ApiError::internal(format!("a part of a task broke: {error}")))? {
                (Ok(count), distant) => {
                    total += count;
                    let cancel = wish.cancel.clone();
                    feeds.push(From::There(DistantFeed::new(distant, slice, cancel)));
                }
                // What is wrong with the request is wrong everywhere, and what nobody wants is no failure of a shard.
                (Err(error), _) if error.status == 400 || wish.cancel.is_cancelled() => return Err(error),
                (Err(error), distant) => {
                    failures.extend(distant.failures(&error));
                    status = error.status;
                }
            }
        }
        let mut matches = Matches::new(sort_keys(wish), feeds);
        (matches.failures, matches.status) = (failures, status);
        Ok((matches, total))
    }

    /// Keeps what other nodes keep, for as long as this is awaited.
    pub(super) async fn keep(&self) -> Infallible {
        loop {
            tokio::time::sleep(KEEP_EVERY).await;
            join_all(self.there.iter().map(|distant| distant.keep())).await;
        }
    }
}

/// The shards that are left by the nodes that are asked for them now. A shard whose copies were all tried is why there is no task.
fn by_node(node: &Node, targets: &[Target], left: &mut Left) -> Result<Groups, ApiError> {
    let own = node.coordinator.as_ref().map(|coordinator| coordinator.origin.process);
    let (mut here, mut there) = (Vec::new(), BTreeMap::<NodeId, Vec<usize>>::new());
    for (place, (tried, error)) in left.iter_mut() {
        let target = &targets[*place];
        match target.nodes.get(*tried) {
            Some(holder) if Some(*holder) == own => here.push(*place),
            Some(holder) => there.entry(*holder).or_default().push(*place),
            // A node that agrees with itself has all shards.
            None if own.is_none() && *tried == 0 => here.push(*place),
            None => return Err(error.take().unwrap_or_else(|| no_copy(target))),
        }
    }
    Ok((here, there))
}

async fn open_there(
    node: &Node,
    targets: &[Target],
    holder: NodeId,
    places: Vec<usize>,
    is_whole: bool,
) -> (NodeId, Vec<usize>, Result<Opened, Option<ApiError>>) {
    let asked = |place: &usize| {
        let target = &targets[*place];
        let copy = target.copy_on(Some(holder));
        ShardAsked {
            place: *place,
            index: target.index.uuid.clone(),
            number: target.number,
            copy,
            filter: target.filter(),
        }
    };
    let asked = places.iter().map(asked).collect();
    let question = if is_whole { Question::OpenWhole(asked) } else { Question::Open(asked) };
    let answer = match &node.coordinator {
        Some(coordinator) => ask_to_open(coordinator, holder, &question).await,
        None => Err(None),
    };
    (holder, places, answer)
}

async fn ask_to_open(
    coordinator: &Arc<Coordinator>,
    holder: NodeId,
    question: &Question,
) -> Result<Opened, Option<ApiError>> {
    let answer: Bytes = ask(coordinator, holder, question).await?;
    unpack(&answer).map_err(Some)
}

fn next_copy(left: &mut Left, place: usize, error: Option<ApiError>) {
    if let Some((tried, last)) = left.get_mut(&place) {
        *tried += 1;
        *last = error.or(last.take());
    }
}

fn no_copy(target: &Target) -> ApiError {
    let (name, number) = (&target.index.name, target.number);
    let reason = format!("no node has a copy of shard [{number}] of [{name}] that can be read");
    ApiError::new(503, "no_shard_available_action_exception", reason)
        .with("index", name.as_str())
        .with("index_uuid", target.index.uuid.as_str())
        .with("shard", number.to_string())
}
