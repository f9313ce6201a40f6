//! `_bulk`, typed and typeless. The body is done as it arrives, so that its size does not decide how much memory it takes.

use std::sync::Arc;

use bytes::BytesMut;
use futures::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::body::{BodyStream, WHAT};
use super::call::Call;
use super::envelope::{Reply, filter, filter_path};
use super::get::source_parameters;
use super::router::{Route, streaming};
use super::visible::{Refresh, make_visible};
use crate::action::bulk::{Bulk, BulkOptions};
use crate::action::search::read_source;
use crate::error::ApiError;
use crate::node::Node;

const METHODS: &[Method] = &[Method::POST, Method::PUT];
const PARAMS: &[&str] = &[
    "refresh",
    "routing",
    "wait_for_active_shards",
    "require_alias",
    "pipeline",
    "timeout",
    "type",
    "_source",
    "_source_includes",
    "_source_excludes",
];

pub(super) const ROUTES: &[Route] = &[
    streaming(METHODS, "/_bulk", PARAMS, |call, body| run(call, body).boxed()),
    streaming(METHODS, "/{index}/_bulk", PARAMS, |call, body| run(call, body).boxed()),
    streaming(METHODS, "/{index}/{type}/_bulk", PARAMS, |call, body| run(call, body).boxed()),
];

async fn run(call: Call, mut body: BodyStream) -> Result<Reply, ApiError> {
    let refresh = call.refresh()?;
    let options = BulkOptions {
        index: call.path.get("index").map(|name| name.as_str().into()),
        doc_type: call.path.get("type").map(String::as_str).or(call.param("type")).unwrap_or("_doc").into(),
        routing: call.param("routing").map(str::to_owned),
        require_alias: call.flag("require_alias")?,
        pipeline: call.param("pipeline").map(str::to_owned),
        source: source_parameters(&call).map(|value| read_source(&value)).transpose()?,
        forces_refresh: refresh == Refresh::Now,
    };
    let node = Arc::clone(&call.node);
    let started = node.clock.now_millis();
    let mut request = Running {
        bulk: Bulk::new(options),
        items: Vec::new(),
        paths: filter_path(&call.query),
        is_admitted: false,
    };
    let mut unread = BytesMut::new();
    let mut reserved = None;
    while let Some(piece) = body.next().await.map_err(|error| request.bulk.after_others(error))? {
        match &mut reserved {
            None => reserved = Some(node.memory.reserve(node.settings.bulk_chunk_bytes as u64, WHAT)?),
            // Only a line that is longer than a chunk makes what is gathered grow beyond it.
            Some(reserved) if unread.len() + piece.len() > node.settings.bulk_chunk_bytes * 2 => {
                reserved.grow(piece.len() as u64, WHAT)?;
            }
            Some(_) => {}
        }
        unread.extend_from_slice(&piece);
        if unread.len() >= node.settings.bulk_chunk_bytes {
            (request, unread) = request.feed(&node, unread, false).await?;
        }
    }
    (request, _) = request.feed(&node, unread, true).await?;
    make_visible(&node, refresh, request.bulk.indices.clone()).await?;
    Ok(Reply::Written(200, request.answer(node.clock.now_millis() - started)))
}

/// A bulk request and its answer so far.
struct Running {
    bulk: Bulk,
    /// The outcomes as JSON, each with a comma in front.
    items: Vec<u8>,
    paths: Vec<String>,
    /// Whether the request has had a place in the pool: what was begun is not refused half-way.
    is_admitted: bool,
}

impl Running {
    async fn feed(
        mut self,
        node: &Arc<Node>,
        mut bytes: BytesMut,
        is_end: bool,
    ) -> Result<(Self, BytesMut), ApiError> {
        let worker = Arc::clone(node);
        let is_admitted = std::mem::replace(&mut self.is_admitted, true);
        let work = move || {
            let before = self.items.len();
            let taken = self.bulk.feed(&worker, &bytes, is_end, &mut self.items)?;
            self.cut(before);
            drop(bytes.split_to(taken));
            Ok((self, bytes))
        };
        if is_admitted { node.write_pool.go_on(work).await } else { node.write_pool.run(work).await }
    }

    /// Cuts the outcomes from `from` on to what the client wants to see, so that a long answer is never a tree as a whole.
    fn cut(&mut self, from: usize) {
        if self.paths.is_empty() || self.items.len() == from {
            return;
        }
        let text = [b"{\"items\":[", &self.items[from + 1..], b"]}"].concat();
        self.items.truncate(from);
        let items: Value = serde_json::from_slice(&text).unwrap_or_default();
        for item in filter(&items, &self.paths)["items"].as_array().into_iter().flatten() {
            self.items.push(b',');
            self.items.extend_from_slice(item.to_string().as_bytes());
        }
    }

    fn answer(self, took: i64) -> Vec<u8> {
        let head = json!({"took": took, "errors": self.bulk.errors});
        let head = if self.paths.is_empty() { head } else { filter(&head, &self.paths) };
        let mut body = head.to_string().into_bytes();
        let has_items = !self.items.is_empty() || self.paths.is_empty();
        if has_items {
            let has_head = head.as_object().is_some_and(|members| !members.is_empty());
            body.pop();
            body.extend_from_slice(if has_head { b",\"items\":[" } else { b"\"items\":[" });
            body.extend_from_slice(self.items.get(1..).unwrap_or_default());
            body.extend_from_slice(b"]}");
        }
        body
    }
}
