//! Update, delete and reindex by query: every match of a query at one point in time, written in batches by a task.
//!
//! The node that is asked keeps the task. It reads the shards where copies of them are and writes to their primaries; here the
//! slices are started, braked and joined. Nothing grows with the number of matches: a walk holds its place, a batch is bounded,
//! and the first batch with a failure ends its slice. A node that goes away takes its part of the matches with it, which the answer
//! tells; the other parts are done.
//!
//! ```text
//!  plan       what was asked
//!  sources    a copy of every shard at one point in time
//!  walk       the matches in shards here
//!  scans      the same for other nodes, kept between their questions
//!  message    what nodes ask one another
//!  distant    the matches in shards of another node
//!  matches    all of them in one order
//!  change     what is written of a match
//!  carried    writes that are done where their primaries are
//!  batch      one batch
//!  whole      every document of some shards, for another one that is made of them
//! ```

mod batch;
mod carried;
mod change;
mod distant;
mod matches;
mod message;
mod plan;
mod scans;
mod sources;
mod walk;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use self::batch::{Batch, run_batch};
pub(crate) use self::carried::answer_writes;
pub(crate) use self::plan::{CopyRouting, Destination, Plan, Slices, Wish, Work};
pub(crate) use self::scans::{Scans, answer_scan};
use self::sources::Sources;
pub(crate) use self::whole::WholeShards;
use super::visible::{Refresh, make_visible};
use crate::error::ApiError;
use crate::indices::Index;
use crate::node::Node;
use crate::tasks::{Outcome, Progress, Registered, Shown, Task};

/// The most slices that `auto` makes; more would only compete for the same disk.
const AUTO_SLICES_MAX: usize = 20;

/// A task by query that was started.
pub(crate) struct Started {
    /// Its number among the tasks of the node.
    pub number: u64,
    handle: tokio::task::JoinHandle<Result<Answer, ApiError>>,
}

/// The answer of a task by query.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
}

/// What a task reads, and in how many slices.
struct Prepared {
    indices: Vec<Arc<Index>>,
    sources: Arc<Sources>,
    slices: u32,
}

/// How a slice ended.
struct End {
    failures: Vec<Value>,
    status: u16,
}

impl Started {
    /// Waits for its end.
    pub(crate) async fn answer(self) -> Result<Answer, ApiError> {
        self.handle.await.map_err(|error| ApiError::internal(format!("a task by query broke: {error}")))?
    }
}

/// Starts the task. `keep` tells that nobody waits, so that its outcome is to be kept.
pub(crate) async fn start(node: &Arc<Node>, plan: Plan, keep: bool) -> Result<Started, ApiError> {
    let limit = node.settings.by_query.size + node.settings.by_query.queue;
    let place = Arc::clone(&node.by_query_places)
        .try_acquire_owned()
        .map_err(|_| ApiError::too_busy("an operation by query", "thread_pool.by_query.queue_size", limit))?;
    let prepared = prepare(node, &plan).await;
    let Prepared { indices, sources, slices: count } = match prepared {
        Ok(prepared) => prepared,
        Err(error) if keep => return Ok(failed(node, &plan, error)),
        Err(error) => return Err(error),
    };
    let rate = plan.rate / f64::from(count);
    let numbers = (0..count).map(|number| (count > 1).then_some(number));
    let slices: Vec<Arc<Progress>> = numbers.map(|number| Arc::new(Progress::new(number, rate))).collect();
    let registered = node.tasks.register(plan.work.kind(), plan.description.clone(), None, slices.clone());
    let children = list_slices(node, &plan, &registered.task);
    let number = registered.task.number;
    let node = Arc::clone(node);
    let handle = tokio::spawn(async move {
        let started = node.clock.now_millis();
        let outcome = run(&node, Arc::new(plan), sources, indices, &registered.task, children).await;
        let answer = outcome.map(|(plan, ends)| {
            let took = node.clock.now_millis() - started;
            Answer::of(&plan, &registered.task, ends, took, node.clock.now_millis())
        });
        if keep {
            node.tasks.keep(&registered.task, &node.identity.node_id, kept(&answer));
        }
        drop(registered);
        drop(place);
        answer
    });
    Ok(Started { number, handle })
}

/// What the task will read, at this point in time, and in how many slices.
async fn prepare(node: &Arc<Node>, plan: &Plan) -> Result<Prepared, ApiError> {
    let routing: Vec<String> = plan.routing.iter().cloned().collect();
    let searched = node.indices.resolve_to_search(&plan.scope.indices, plan.scope.options, &routing)?;
    let indices: Vec<Arc<Index>> = searched.iter().map(|one| Arc::clone(&one.index)).collect();
    plan.check(node, &indices)?;
    let sources = Arc::new(Sources::open(node, &searched).await?);
    let slices = match plan.slices {
        Slices::Count(count) => count,
        Slices::Auto => u32::try_from(sources.shards.clamp(1, AUTO_SLICES_MAX)).unwrap_or(1),
    };
    Ok(Prepared { indices, sources, slices })
}

/// Whoever does not wait gets a task in any case, and the error as its outcome.
fn failed(node: &Node, plan: &Plan, error: ApiError) -> Started {
    let progress = vec![Arc::new(Progress::new(None, plan.rate))];
    let registered = node.tasks.register(plan.work.kind(), plan.description.clone(), None, progress);
    let number = registered.task.number;
    let answer = Err(error);
    node.tasks.keep(&registered.task, &node.identity.node_id, kept(&answer));
    Started { number, handle: tokio::spawn(async { answer }) }
}

fn kept(answer: &Result<Answer, ApiError>) -> Outcome {
    match answer {
        Ok(answer) => Ok(answer.body.clone()),
        Err(error) => Err(error.to_body()["error"].clone()),
    }
}

/// Each slice is listed as a task below its parent; a single one is the task itself.
fn list_slices(node: &Node, plan: &Plan, task: &Task) -> Vec<Option<Registered>> {
    let of = task.slices.len();
    let listed = task.slices.iter().enumerate().map(|(number, progress)| {
        (of > 1).then(|| {
            let description = format!("{} [slice {number} of {of}]", plan.description);
            node.tasks.register(plan.work.kind(), description, Some(task), vec![Arc::clone(progress)])
        })
    });
    listed.collect()
}

/// Runs every slice to its end, then refreshes what was written to, if that was asked for.
async fn run(
    node: &Arc<Node>,
    plan: Arc<Plan>,
    sources: Arc<Sources>,
    indices: Vec<Arc<Index>>,
    task: &Arc<Task>,
    children: Vec<Option<Registered>>,
) -> Result<(Arc<Plan>, Vec<End>), ApiError> {
    let of = u32::try_from(task.slices.len()).unwrap_or(1);
    let mut running = Vec::new();
    for ((number, progress), child) in task.slices.iter().enumerate().zip(children) {
        let slice = shard::Slice { number: number as u32, of };
        let work = run_slice(
            Arc::clone(node),
            Arc::clone(&plan),
            Arc::clone(&sources),
            slice,
            Arc::clone(progress),
            Arc::clone(task),
        );
        running.push(async move {
            let end = work.await;
            drop(child);
            end
        });
    }
    let ends = tokio::select! {
        ends = futures::future::try_join_all(running) => ends?,
        never = sources.keep() => match never {},
    };
    if plan.refresh {
        make_visible(node, Refresh::Now, plan.written_indices(node, indices)).await?;
    }
    Ok((plan, ends))
}

async fn run_slice(
    node: Arc<Node>,
    plan: Arc<Plan>,
    sources: Arc<Sources>,
    slice: shard::Slice,
    progress: Arc<Progress>,
    task: Arc<Task>,
) -> Result<End, ApiError> {
    let most = plan.share(slice);
    let (cancel, task_id) = (task.cancel.clone(), format!("{}:{}", node.identity.node_id, task.number));
    let (wish, counted) = (Wish { cancel, task: task_id, ..plan.wish.clone() }, Arc::clone(&progress));
    let begun = node.by_query_pool.go_on(move || {
        let (matches, total) = sources.begin(&wish, slice)?;
        counted.set_total(total.min(most));
        Ok(matches)
    });
    let mut end = End { failures: Vec::new(), status: 200 };
    let mut matches = match begun.await {
        Err(_) if task.cancel.is_cancelled() => return Ok(end),
        begun => begun?,
    };
    let mut left = most;
    while left > 0 && !task.cancel.is_cancelled() {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(plan.batch);
        let begun = node.clock.now_millis();
        let (worker, asked, counted) = (Arc::clone(&node), Arc::clone(&plan), Arc::clone(&progress));
        let work = node.by_query_pool.go_on(move || {
            let batch = run_batch(&worker, &asked, &mut matches, size, &counted)?;
            Ok((matches, batch))
        });
        let (walked, batch) = match work.await {
            Err(_) if task.cancel.is_cancelled() => return Ok(end),
            worked => worked?,
        };
        matches = walked;
        let Batch { documents, failures, status } = batch;
        if documents == 0 {
            break;
        }
        if !failures.is_empty() {
            (end.failures, end.status) = (failures, status);
            break;
        }
        left -= documents as u64;
        if left == 0 {
            break;
        }
        let now = node.clock.now_millis();
        let spent = Duration::from_millis(u64::try_from(now - begun).unwrap_or(0));
        progress.brake(documents, spent, now, &task.cancel).await;
    }
    end.status = end.status.max(matches.status);
    end.failures.append(&mut matches.failures);
    Ok(end)
}

impl Answer {
    fn of(plan: &Plan, task: &Task, ends: Vec<End>, took: i64, now_millis: i64) -> Self {
        let is_delete = matches!(plan.work, Work::Delete);
        let shown = Shown { updated: !is_delete, created: matches!(plan.work, Work::Reindex(_)) };
        let mut body = Map::new();
        body.insert("took".to_owned(), json!(took));
        body.insert("timed_out".to_owned(), json!(false));
        body.extend(Progress::show_all(&task.slices, now_millis, shown));
        if let Some(reason) = task.cancel_reason.lock().as_deref() {
            body.insert("canceled".to_owned(), json!(reason));
        }
        let status = ends.iter().map(|end| end.status).max().unwrap_or(200);
        let failures = ends.into_iter().flat_map(|end| end.failures).collect();
        body.insert("failures".to_owned(), Value::Array(failures));
        Self { status, body: Value::Object(body) }
    }
}
