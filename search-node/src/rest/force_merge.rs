//! `_forcemerge`: segments merged because somebody asks, until what is asked is reached.

use std::sync::Arc;

use futures::FutureExt;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use shard::{EngineError, ForceMerge};

use super::call::Call;
use super::envelope::Reply;
use super::forward::Reach;
use super::parameters::read_int;
use super::router::{Route, route};
use crate::error::ApiError;
use crate::indices::Index;

const POST: &[Method] = &[Method::POST];

const NAMES: &[&str] = &[
    "max_num_segments",
    "only_expunge_deletes",
    "flush",
    "allow_no_indices",
    "expand_wildcards",
    "ignore_unavailable",
    "primary_only",
    "wait_for_completion",
];

pub(super) const ROUTES: &[Route] = &[
    route(POST, "/_forcemerge", NAMES, |call| force_merge(call).boxed()).reaching(Reach::Copies),
    route(POST, "/{index}/_forcemerge", NAMES, |call| force_merge(call).boxed()).reaching(Reach::Copies),
];

/// In a pool of its own: a merge may take hours, and writers must not wait behind it.
async fn force_merge(call: Call) -> Result<Reply, ApiError> {
    let wish = wish_of(&call)?;
    let is_flushed = call.maybe_flag("flush")?.unwrap_or(true);
    if call.maybe_flag("wait_for_completion")? == Some(false) {
        return Err(ApiError::argument(
            "[wait_for_completion] must be true: force merges are not kept as tasks; leave it out, and let the client wait",
        ));
    }
    // There are no copies but primaries.
    call.flag("primary_only")?;
    if !call.body.is_empty() {
        return Err(ApiError::argument(
            "request [POST /_forcemerge] does not support having a body; say what is asked in parameters",
        ));
    }
    let expression = call.path.get("index").map_or("_all", String::as_str);
    let indices = call.node.indices.resolve(expression, call.open_names()?)?;
    // A merge writes its segments anew before it gives up the old ones.
    indices.iter().try_for_each(|index| index.check_room())?;
    let pool = call.node.force_merge_pool.clone();
    let stopping = call.node.stopping.clone();
    let merge = move || Call::ok(merge_all(&indices, wish, is_flushed, &|| stopping.is_cancelled())?);
    pool.run(merge).await
}

/// As in Elasticsearch 7.10, a merge of deletes goes before a number of segments.
fn wish_of(call: &Call) -> Result<ForceMerge, ApiError> {
    let count_max = match call.param("max_num_segments") {
        None => None,
        // Nothing and less are what is due.
        Some(text) => usize::try_from(read_int("max_num_segments", text)?).ok().filter(|count| *count > 0),
    };
    if call.flag("only_expunge_deletes")? {
        return Ok(ForceMerge::Deletes);
    }
    match count_max {
        None => Ok(ForceMerge::Due),
        Some(count) => Ok(ForceMerge::Segments(count)),
    }
}

/// A node that stops begins with no further index: each would be opened first.
fn merge_all(
    indices: &[Arc<Index>],
    wish: ForceMerge,
    is_flushed: bool,
    is_stopping: &dyn Fn() -> bool,
) -> Result<Value, ApiError> {
    let mut total = 0;
    let mut failures = Vec::new();
    for index in indices {
        if is_stopping() {
            return Err(EngineError::Stopping.into());
        }
        for (number, outcome) in index.force_merge(wish, is_flushed).into_iter().enumerate() {
            total += 1;
            if let Err(error) = outcome {
                failures.push(failure(index, number, &error));
            }
        }
    }
    let mut shards = Map::new();
    shards.insert("total".to_owned(), json!(total));
    shards.insert("successful".to_owned(), json!(total - failures.len()));
    shards.insert("failed".to_owned(), json!(failures.len()));
    if !failures.is_empty() {
        shards.insert("failures".to_owned(), Value::Array(failures));
    }
    Ok(json!({"_shards": shards}))
}

fn failure(index: &Index, number: usize, error: &ApiError) -> Value {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let name = status.canonical_reason().unwrap_or_default().to_uppercase().replace(' ', "_");
    json!({"shard": number, "index": index.name, "status": name, "reason": error.to_item()})
}

#[cfg(test)]
mod tests {
    use daemon::clock::Clock;

    use super::*;
    use crate::indices::NameOptions;
    use crate::{Node, NodeSettings, SCHEMA, SilentHeap};

    /// The node waits for its requests when it stops, and used to wait for merges of hours.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_node_that_stops_ends_its_forced_merges() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "path.data: {0}/data\ndiscovery.registry: {0}/registry\ntransport.port: 0\nhttp.port: 0\n\
             cluster.routing.allocation.disk.threshold_enabled: false\n",
            folder.path().display()
        );
        let settings = settings::load_text(SCHEMA, "search-node.yml", &text, &[]).expect("loads");
        let settings = NodeSettings::read(&settings).expect("valid");
        let running = Node::start(settings, Clock::system(), Arc::new(SilentHeap)).await.expect("started");
        let node = Arc::clone(&running.node);
        let one = json!({"settings": {"number_of_replicas": 0}});
        tokio::task::block_in_place(|| node.indices.create("logs", &one)).expect("made");
        let indices = node.indices.resolve("logs", NameOptions::default()).expect("found");
        let merge = |node: &Node| {
            merge_all(&indices, ForceMerge::Segments(1), true, &|| node.stopping.is_cancelled())
        };
        assert_eq!(merge(&node).expect("merged")["_shards"]["successful"], 1);

        running.stop().await.expect("stopped");

        let error = merge(&node).expect_err("refused");
        assert_eq!((error.status, error.kind.as_str()), (503, "node_closed_exception"));
        // One that had begun with the index already.
        let begun = merge_all(&indices, ForceMerge::Segments(1), true, &|| false).expect("an answer");
        assert_eq!(begun["_shards"]["failures"][0]["reason"]["type"], "node_closed_exception");
    }
}
