//! `GET /{index}/_copies`: the copies of an index on the node that is asked, with a digest of what each holds, and how those stand
//! that are filled; and what the map says of each shard. For comparing copies; no other node is asked.

use std::sync::Arc;

use cluster::state::IndexId;
use futures::FutureExt;
use http::Method;
use serde_json::json;

use super::call::Call;
use super::envelope::Reply;
use super::router::{Route, route};
use crate::error::ApiError;
use crate::replication::copies_of;

pub(super) const ROUTES: &[Route] =
    &[route(&[Method::GET], "/{index}/_copies", &[], |call| copies(call).boxed())];

async fn copies(call: Call) -> Result<Reply, ApiError> {
    let node = Arc::clone(&call.node);
    let indices = node.indices.resolve(&call.part("index"), call.all_names()?)?;
    let digested = node.search_pool.run(move || {
        let replication = call.node.replication();
        let mut copies = Vec::new();
        let (mut recoveries, mut shards) = (Vec::new(), Vec::new());
        let map = call.node.coordinator.as_ref().map(|coordinator| coordinator.map());
        for index in &indices {
            copies.extend(copies_of(index, replication, &call.node.settings.node_name)?);
            let all = replication.map(|replication| replication.recoveries()).unwrap_or_default();
            recoveries.extend(all.into_iter().filter(|recovery| recovery.shard.index.0 == index.uuid));
            if let Some(entry) = map.as_ref().and_then(|map| map.indices.get(&IndexId(index.uuid.clone()))) {
                shards.extend(entry.shards.iter().map(|shard| json!({"index": index.name, "map": shard})));
            }
        }
        Ok(json!({"copies": copies, "recoveries": recoveries, "shards": shards}))
    });
    Ok(Reply::Json(200, digested.await?))
}
