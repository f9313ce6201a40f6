//! Scrolls: all matches of a search, a batch at a time and as they were when it began.
//!
//! Nodes hold their shards and remember up to which hit they have handed out: any node can be asked for the next batch.

use std::time::Duration;

use serde_json::{Value, json};

use super::body::{SearchBody, TrackTotal};
use super::held::{
    Ask, Freed, HeldId, Kind, Opening, ScrollAsked, ask_some, close, close_all, let_go_of, read_answer,
};
use super::point_in_time::{millis, targets};
use super::query::{HeldAsked, Turn};
use super::shards::Target;
use super::spread::Spread;
use super::{Manner, Scope, check_asked, found_answer};
use crate::error::ApiError;
use crate::indices::Searched;
use crate::node::Node;
use crate::tasks::Task;

/// How long a node may take to say what a scroll looks for.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// Refuses what a scroll cannot do.
fn check(body: &SearchBody, json: &Value) -> Result<(), ApiError> {
    let is_counted_short = json.get("track_total_hits").is_some() && body.track_total != TrackTotal::All;
    let refused = [
        (is_counted_short, "disabling [track_total_hits] is not allowed in a scroll context"),
        (json.get("from").is_some() && body.from > 0, "using [from] is not allowed in a scroll context"),
        (body.size == 0, "[size] cannot be [0] in a scroll context"),
        (!body.rescore.is_empty(), "using [rescore] is not allowed in a scroll context"),
        (body.request.search_after.is_some(), "using [search_after] is not allowed in a scroll context"),
    ];
    let reasons = refused.iter().filter(|(is, _)| *is).map(|(_, reason)| (*reason).to_owned());
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        return Err(ApiError::validations(&reasons));
    }
    if body.collapse.is_some() {
        return Err(ApiError::argument("cannot use `collapse` in a scroll context"));
    }
    Ok(())
}

/// A batch is held in memory as a window is, and is bounded as one.
fn check_batch(node: &Node, searched: &[Searched], size: usize) -> Result<(), ApiError> {
    for Searched { index, .. } in searched {
        let most = index.settings().result_window_max.unwrap_or(node.settings.result_window_max);
        if size > most {
            return Err(ApiError::argument(format!(
                "Batch size is too large, size must be less than or equal to: [{most}] but was [{size}]. Scroll batch sizes cost as much memory as result windows so they are controlled by the [index.max_result_window] index level setting."
            ))
            .with("index", index.name.as_str()));
        }
    }
    Ok(())
}

/// Begins a scroll: its first hits, and the id by which it goes on.
pub(super) fn begin(
    node: &Node,
    scope: &Scope,
    (json, body): (&Value, SearchBody),
    (manner, keep): (&Manner, Duration),
    totals_as_number: bool,
    task: &Task,
) -> Result<Value, ApiError> {
    check(&body, json)?;
    let now_millis = node.clock.now_millis();
    let searched = node.indices.resolve_to_search(&scope.indices, scope.options, &manner.routing)?;
    check_batch(node, &searched, body.size)?;
    check_asked(node, &searched, &body)?;
    let chosen = Target::all(node, &searched, manner)?;
    let asked =
        ScrollAsked { body: json.to_string().into_bytes(), doc_type: scope.doc_type.clone(), now_millis };
    let opening = Opening {
        node,
        task,
        targets: &chosen,
        kind: Kind::Scroll,
        keep_millis: millis(keep),
        scroll: Some(asked),
        allows_partial: manner.allows_partial,
    };
    let (id, mut failures) = opening.open()?;
    let held = HeldAsked { number: id.number, keep_millis: None, turn: Some(Turn::First) };
    let body = body.in_scroll(Turn::First);
    let doc_type = scope.doc_type.as_deref();
    let (targets, gone) = targets(node, &id);
    failures.extend(gone);
    let spread = Spread::new(node, targets, (json, &body), doc_type, now_millis, manner, task);
    let spread = spread.in_held(held).beside(failures);
    let asked = (node, scope, manner, task);
    let answered = found_answer(spread, (json, &body), asked, now_millis, totals_as_number);
    // Nobody can go on with a scroll whose id was not told.
    let answer = answered.inspect_err(|_| let_go_of(node, &id))?;
    Ok(with_id("_scroll_id", &id.to_text(), answer))
}

/// The next hits of a scroll, and the last ones where it is not said for how long it goes on.
pub(crate) fn go_on(
    node: &Node,
    text: &str,
    keep: Option<Duration>,
    totals_as_number: bool,
    task: &Task,
) -> Result<Value, ApiError> {
    let started = node.clock.now_millis();
    let id = read_id(text)?;
    let scope = Scope::default();
    let manner = Manner { allows_partial: true, ..Manner::default() };
    let asked = asked_of(node, &id, task)?;
    let json: Value =
        serde_json::from_slice(&asked.body).map_err(|error| ApiError::internal(error.to_string()))?;
    let body = SearchBody::read(&json)?.in_scroll(Turn::Next);
    let held = HeldAsked { number: id.number, keep_millis: keep.map(millis), turn: Some(Turn::Next) };
    let (targets, gone) = targets(node, &id);
    let doc_type = asked.doc_type.as_deref();
    let spread = Spread::new(node, targets, (&json, &body), doc_type, asked.now_millis, &manner, task);
    let spread = spread.in_held(held).beside(gone);
    let answer =
        found_answer(spread, (&json, &body), (node, &scope, &manner, task), started, totals_as_number)?;
    if keep.is_none() {
        close(node, &[id]);
    }
    Ok(with_id("_scroll_id", text, answer))
}

/// What a scroll looks for, as any node tells that holds a part of it.
fn asked_of(node: &Node, id: &HeldId, task: &Task) -> Result<ScrollAsked, ApiError> {
    let own = node.coordinator.as_ref().map(|coordinator| coordinator.origin.process);
    let mut holders = id.nodes();
    holders.sort_by_key(|holder| Some(*holder) != own);
    for holder in holders {
        // Another one may still hold its part.
        let asks = vec![(holder, Ask::Scroll(id.number))];
        if let Some((_, Ok(answer))) = ask_some(node, asks, TOLD_WITHIN, &task.cancel).pop() {
            return read_answer(&answer);
        }
        if task.cancel.is_cancelled() {
            return Err(task.cancelled_error());
        }
    }
    if id.shards.is_empty() {
        let body = json!({"size": 0}).to_string().into_bytes();
        return Ok(ScrollAsked { body, doc_type: None, now_millis: node.clock.now_millis() });
    }
    Err(missing(id))
}

/// Nobody holds it.
fn missing(id: &HeldId) -> ApiError {
    let failures: Vec<super::ShardFailure> = id
        .shards
        .iter()
        .map(|place| super::ShardFailure {
            index: place.index.1.clone(),
            number: place.shard,
            node: None,
            error: ApiError::no_search_context(id.number),
        })
        .collect();
    super::phase_failed("all shards failed", &failures)
}

fn read_id(text: &str) -> Result<HeldId, ApiError> {
    HeldId::read(text, Kind::Scroll).ok_or_else(|| ApiError::argument("Cannot parse scroll id"))
}

/// Ends scrolls: of how many shards something was let go, and whether all nodes have that hold some. Blocks.
pub(crate) fn clear_scrolls(node: &Node, ids: &[String]) -> Result<(usize, bool), ApiError> {
    let ids = ids.iter().map(|id| read_id(id)).collect::<Result<Vec<_>, _>>()?;
    let freed = close(node, &ids);
    Ok((freed.iter().map(|freed| freed.shards).sum(), freed.iter().all(|freed| freed.is_whole)))
}

/// Ends all scrolls: of how many shards something was let go, and whether all nodes have. Blocks.
pub(crate) fn clear_all_scrolls(node: &Node) -> (usize, bool) {
    let Freed { shards, is_whole } = close_all(node, Kind::Scroll);
    (shards, is_whole)
}

/// An answer that begins with the id by which one goes on.
pub(super) fn with_id(name: &str, id: &str, answer: Value) -> Value {
    let mut shown = json!({name: id});
    if let (Value::Object(shown), Value::Object(answer)) = (&mut shown, answer) {
        shown.extend(answer);
    }
    shown
}
