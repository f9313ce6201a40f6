//! `_bulk`, typed and typeless. The body is done as it arrives, so that its size does not decide how much memory it takes.

mod answer;
mod awaited;
mod budget;
mod need;

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use futures::FutureExt;
use http::Method;

use self::answer::{Answer, Shape};
use self::awaited::Awaited;
use self::budget::Budget;
use self::need::{Need, SAMPLE_BYTES};
use super::body::BodyStream;
use super::call::Call;
use super::envelope::{Reply, is_pretty};
use super::filter_path::filter_path;
use super::get::source_parameters;
use super::router::{Route, streaming};
use crate::action::bulk::{Bulk, BulkOptions, Fed, Grant};
use crate::action::search::read_source;
use crate::action::visible::{Refresh, make_visible};
use crate::error::ApiError;
use crate::node::Node;
use crate::replication::ActiveCopies;

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
        active: call.active_wait()?,
    };
    let active = call.active_wait()?;
    let shape = Shape { paths: filter_path(&call.query), is_pretty: is_pretty(&call.query) };
    let is_cut = !shape.paths.is_empty();
    let node = Arc::clone(&call.node);
    let started = node.clock.now_millis();
    let chunk_bytes = node.settings.bulk_chunk_bytes;
    let leaves_it = active.copies == ActiveCopies::OfIndex;
    let waits = !active.is_usual() || (leaves_it && node.indices.wait_for_copies());
    let active = waits.then(|| Awaited::begin(active));
    let mut request =
        Running { bulk: Bulk::new(options), answer: Answer::new(shape), is_admitted: false, active };
    let mut unread = body.first(SAMPLE_BYTES).await?;
    let need = Need::of(&unread, body.expected(chunk_bytes), chunk_bytes, is_cut);
    let mut budget = match Budget::reserve(&node.memory, need, unread.len()).await {
        Ok(budget) => budget,
        Err(refused) => {
            drop(unread);
            return Err(body.pass_over(refused).await);
        }
    };
    while let Some(piece) = body.next().await.map_err(|error| request.bulk.after_others(error))? {
        let gathered = budget.gather(unread, &piece, body.expected(chunk_bytes)).await;
        unread = gathered.map_err(|error| request.bulk.after_others(error))?;
        if unread.len() >= chunk_bytes {
            (request, unread) = request.feed(&node, &mut budget, unread, false).await?;
            let (taken, expected) = (body.taken(), body.expected(chunk_bytes));
            let promised = budget.answered(request.answer.bytes(), taken, expected).await;
            promised.map_err(|error| request.bulk.after_others(error))?;
        }
    }
    (request, unread) = request.feed(&node, &mut budget, unread, true).await?;
    // Only the answer is left, which counts with what the process holds.
    drop((unread, budget));
    make_visible(&node, refresh, request.bulk.indices.clone()).await?;
    let took = node.clock.now_millis() - started;
    Ok(Reply::Pieces(200, request.answer.finish(took, request.bulk.errors)))
}

/// A bulk request and its answer so far.
struct Running {
    bulk: Bulk,
    answer: Answer,
    /// Whether the request has had a place in the pool: what was begun is not refused half-way.
    is_admitted: bool,
    /// The copies that have to be there before anything is written, where that was asked for.
    active: Option<Awaited>,
}

impl Running {
    /// Does what is whole in `bytes`, and returns the rest of them. A large document waits for its memory outside the pool, and
    /// alone fails if there is none.
    async fn feed(
        mut self,
        node: &Arc<Node>,
        budget: &mut Budget,
        mut bytes: BytesMut,
        is_end: bool,
    ) -> Result<(Self, BytesMut), ApiError> {
        if let Some(active) = &self.active {
            let left = active.wait(node, self.bulk.named(&bytes)).await;
            self.bulk.set_active(left);
        }
        let mut granted: Option<(u64, Grant)> = None;
        loop {
            let grant = granted.as_ref().map(|(_, grant)| grant.clone());
            let wanted;
            (self, bytes, wanted) = self.step(node, bytes, is_end, grant).await?;
            if let Some((need, Ok(()))) = granted.take() {
                budget.end_heavy(need);
            }
            let Some(need) = wanted else { return Ok((self, bytes)) };
            granted = Some((need, budget.begin_heavy(need).await));
        }
    }

    /// Does what can be done without more memory, and tells how much the next action wants.
    async fn step(
        mut self,
        node: &Arc<Node>,
        mut bytes: BytesMut,
        is_end: bool,
        mut grant: Option<Grant>,
    ) -> Result<(Self, BytesMut, Option<u64>), ApiError> {
        let worker = Arc::clone(node);
        let is_admitted = std::mem::replace(&mut self.is_admitted, true);
        let work = move || {
            loop {
                let mut items = Vec::new();
                let taken = match self.bulk.feed(&worker, &bytes, is_end, grant.take(), &mut items)? {
                    Fed::Took(taken) => taken,
                    Fed::Wants(need) => return Ok((self, bytes, Some(need))),
                };
                self.answer.push(items);
                bytes.advance(taken);
                if taken == 0 || bytes.is_empty() {
                    return Ok((self, bytes, None));
                }
            }
        };
        if is_admitted { node.write_pool.go_on(work).await } else { node.write_pool.run(work).await }
    }
}
