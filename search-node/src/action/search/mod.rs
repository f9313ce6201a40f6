//! Search and count: every shard asked where a copy of it is, answers joined, and only the winners' documents read.
//!
//! ```text
//!  body       the request, read
//!  sort       its order, read
//!  shows      what it wants to be shown of hits, read
//!  showing    what is shown of a hit or an inner hit: its values, its texts, why it has its score
//!  highlight  what of its hits' texts is to be marked, read
//!  collapse   the best hit of each group, and others of it
//!  rescore    the best hits in another order
//!  shards     which shards, and which copy of each is asked
//!  rank       which copy answers soonest, as far as can be told
//!  soonest    what this node knows for that of the others
//!  query      what one node finds in its copies, and the documents of hits it found
//!  look       what there is in one of them
//!  request_cache  which of their answers are kept for who asks the same, and under which names
//!  buckets    how many buckets an answer may have
//!  budget     the memory that all of that takes, promised before
//!  profile    what it took in each shard, where that is asked
//!  spread     asking the nodes, again elsewhere if one fails, and joining what they say; then for the documents (fetch)
//!  until      how long all of that goes on
//!  failed     what is told where shards have failed
//!  contexts   points in time that are kept between finding hits and reading their documents
//!  held       points in time that are held for clients
//!  point_in_time  opened by clients, searched in, closed
//!  scroll     all matches a batch at a time
//!  inner_hits the nested objects of a hit that are shown with it, its children and its parent
//!  named      which queries with names match a hit
//!  lookups    queries that name documents, which are read before any shard is asked
//!  suggest    what all nodes suggest, in one, and as the API shows it
//!  answer     the whole as the API shows it
//! ```

mod answer;
mod body;
mod buckets;
mod budget;
mod collapse;
mod contexts;
mod failed;
mod held;
mod highlight;
mod inner_hits;
mod look;
mod lookups;
mod named;
mod point_in_time;
mod profile;
mod query;
mod rank;
mod request_cache;
mod rescore;
mod scroll;
mod shards;
mod showing;
mod shows;
mod soonest;
mod sort;
mod spread;
mod suggest;
mod until;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shard::{Query, parse_query};

use self::answer::{show_score, show_shards, show_total};
pub(crate) use self::body::{SearchBody, TrackTotal, check_timeout, read_source, read_terminate_after};
pub(crate) use self::buckets::{BUCKETS, MAX_BUCKETS};
pub(crate) use self::contexts::Contexts;
pub(crate) use self::failed::{ShardFailure, phase_failed};
pub(crate) use self::held::{HELD, HeldBytes, HeldContexts, HeldFigures, HeldLimits, Untold, answer_held};
pub(crate) use self::lookups::{may_name_documents, with_documents};
pub(crate) use self::point_in_time::{
    OpenedPoint, check_in_point, close_all_points, close_points, list_points, open_point,
};
pub(crate) use self::query::{answer_fetch, answer_query};
pub(crate) use self::scroll::{clear_all_scrolls, clear_scrolls, go_on};
pub(crate) use self::shards::Target;
pub(crate) use self::soonest::Soonest;
pub(crate) use self::sort::read_sort;
use self::spread::{Documents, Spread};
pub(crate) use self::until::when_cancelled;
use crate::error::ApiError;
use crate::indices::{Index, NameOptions, Searched};
use crate::node::Node;
use crate::tasks::Task;

/// Which indices, and which type of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    pub indices: String,
    pub options: NameOptions,
    pub doc_type: Option<String>,
}

/// How a search is carried out, beside what it looks for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Manner {
    /// Which copies are asked (`preference`).
    pub preference: Option<String>,
    /// Only the shards of these routing values.
    pub routing: Vec<String>,
    /// So many shards, at most, are searched without asking first in which of them anything can match.
    pub skip_beyond: Option<u64>,
    /// Whether what is found counts although a shard is missing.
    pub allows_partial: bool,
    /// After how long what was found so far is the answer.
    pub timeout: Option<Duration>,
    /// For how long all matches are held, to be asked for a batch at a time.
    pub scroll: Option<Duration>,
    /// Whether answers of shards are kept for who asks the same (`request_cache`); if nobody says so, their indices decide.
    pub request_cache: Option<bool>,
    /// Whether names in the answer say of what kind they are.
    pub typed_keys: bool,
    /// So many shards are asked together, and told what they have before others are, where somebody may look meanwhile (`batched_reduce_size`). If
    /// not said, all of a node are asked together.
    pub batch: Option<Batch>,
}

/// How a search is told of while it runs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Batch {
    /// After so many shards.
    pub shards: usize,
    /// What is computed of them is told in so many bytes at most.
    pub bytes_max: u64,
}

/// The names of what bounds points in time that are held for clients.
pub(crate) const MAX_OPEN_SCROLL_CONTEXT: &str = "search.max_open_scroll_context";
pub(crate) const MAX_OPEN_SCROLL_SIZE: &str = "search.max_open_scroll_size";
pub(crate) const MAX_OPEN_PIT_CONTEXT: &str = "search.max_open_pit_context";
pub(crate) const MAX_KEEP_ALIVE: &str = "search.max_keep_alive";
pub(crate) const DEFAULT_KEEP_ALIVE: &str = "search.default_keep_alive";

/// Searches, as a task. `json` is the body that was read.
pub(crate) fn search(
    node: &Node,
    scope: &Scope,
    json: &Value,
    manner: &Manner,
    totals_as_number: bool,
    task: &Task,
) -> Result<Value, ApiError> {
    let body = SearchBody::read(json)?;
    if let Some(keep) = manner.scroll {
        return scroll::begin(node, scope, (json, body), (manner, keep), totals_as_number, task);
    }
    let started = node.clock.now_millis();
    let (mut held, mut gone) = (None, Vec::new());
    let (searched, targets) = match &body.pit {
        Some(pit) => {
            let (targets, failures, asked) = point_in_time::looked_in(node, pit)?;
            (held, gone) = (Some(asked), failures);
            (searched_of(&targets), targets)
        }
        None => {
            if body.slice.is_some() {
                return Err(ApiError::argument(
                    "[slice] can only be used with [scroll] or [point-in-time] requests",
                ));
            }
            let searched = node.indices.resolve_to_search(&scope.indices, scope.options, &manner.routing)?;
            let targets = Target::all(node, &searched, manner)?;
            (searched, targets)
        }
    };
    check_window(node, &searched, &body)?;
    check_asked(node, &searched, &body)?;
    let mut spread =
        Spread::new(node, targets, (json, &body), scope.doc_type.as_deref(), started, manner, task);
    if let Some(held) = held {
        spread = spread.in_held(held).beside(gone);
    }
    let answer = found_answer(spread, (json, &body), (node, scope, manner, task), started, totals_as_number)?;
    Ok(match &body.pit {
        Some(pit) => scroll::with_id("pit_id", &pit.id, answer),
        None => answer,
    })
}

/// The indices of shards that nodes hold, each once.
fn searched_of(targets: &[Target]) -> Vec<Searched> {
    let mut indices: Vec<_> = targets.iter().map(|target| Arc::clone(&target.index)).collect();
    indices.dedup_by(|one, other| one.uuid == other.uuid);
    indices.into_iter().map(|index| Searched { index, filter: None, routing: None }).collect()
}

/// What is found and shown, as the API shows it.
fn found_answer(
    mut spread: Spread<'_>,
    (json, body): (&Value, &SearchBody),
    (node, scope, manner, task): (&Node, &Scope, &Manner, &Task),
    started: i64,
    totals_as_number: bool,
) -> Result<Value, ApiError> {
    let found = spread.find(body.from + body.size)?;
    let suggested = suggest::joined(found.suggested.iter(), &body.suggest)?;
    let completed = suggested.hits().cloned().collect();
    let (mut found, documents) = spread.fetch(found, body.from, completed)?;
    let Documents { mut hits, beside: completed } = documents;
    if let Some(collapse) = &body.collapse {
        let of_group = |hit: &Value| hit["fields"][&collapse.field][0].clone();
        let groups: Vec<Value> = hits.iter().map(of_group).collect();
        let asked = (node, scope, manner, task);
        found.is_timed_out |= !collapse.expand(&mut hits, &groups, json, asked, spread.until())?;
    }
    let hits =
        if totals_as_number { hits.into_iter().map(inner_hits::with_plain_totals).collect() } else { hits };
    let mut shown = Map::new();
    if body.track_total != TrackTotal::No {
        shown.insert("total".to_owned(), show_total(found.total, body.track_total, totals_as_number));
    }
    let has_hits = !found.hits.is_empty() && body.size > 0;
    shown.insert(
        "max_score".to_owned(),
        found.max_score.filter(|_| has_hits || spread.goes_on()).map_or(Value::Null, show_score),
    );
    shown.insert("hits".to_owned(), Value::Array(hits));
    node.counters.searches.inc();
    let mut answer = json!({
        "took": node.clock.now_millis() - started,
        "timed_out": found.is_timed_out,
        "_shards": show_shards(&found),
        "hits": shown
    });
    if body.request.terminate_after.is_some() {
        answer["terminated_early"] = json!(found.is_terminated);
    }
    if !body.request.aggs.is_empty() {
        answer["aggregations"] = spread.finished(found.aggs, started)?;
    }
    if body.profile {
        answer["profile"] = profile::show(found.profiles, &found.fetching);
    }
    if !body.suggest.is_empty() {
        answer["suggest"] = suggest::show(suggested, completed, &body.suggest, manner.typed_keys);
    }
    task.promised.lock().extend(spread.for_text());
    Ok(answer)
}

/// How many shards a search looks in.
pub(crate) fn count_shards(node: &Node, scope: &Scope, manner: &Manner) -> Result<usize, ApiError> {
    let searched = node.indices.resolve_to_search(&scope.indices, scope.options, &manner.routing)?;
    Ok(Target::all(node, &searched, manner)?.len())
}

/// Counts, as a task.
pub(crate) fn count_matches(
    node: &Node,
    scope: &Scope,
    json: &Value,
    min_score: Option<f32>,
    terminate_after: Option<u64>,
    manner: &Manner,
    task: &Task,
) -> Result<Value, ApiError> {
    let mut body =
        Map::from_iter([("size".to_owned(), json!(0)), ("track_total_hits".to_owned(), json!(true))]);
    for (key, value) in json.as_object().into_iter().flatten() {
        match key.as_str() {
            "query" => {
                parse_query(value)?;
                body.insert("query".to_owned(), value.clone());
            }
            other => return Err(ApiError::parsing(format!("request does not support [{other}]"))),
        }
    }
    if let Some(score) = min_score {
        body.insert("min_score".to_owned(), json!(score));
    }
    if let Some(most) = terminate_after {
        body.insert("terminate_after".to_owned(), json!(most));
    }
    let searched = node.indices.resolve_to_search(&scope.indices, scope.options, &manner.routing)?;
    let targets = Target::all(node, &searched, manner)?;
    let (json, now) = (Value::Object(body), node.clock.now_millis());
    let body = SearchBody::read(&json)?;
    let mut spread = Spread::new(node, targets, (&json, &body), scope.doc_type.as_deref(), now, manner, task);
    let found = spread.find(0)?;
    let mut answer = json!({"count": found.total, "_shards": show_shards(&found)});
    if terminate_after.is_some() {
        answer["terminated_early"] = json!(found.is_terminated);
    }
    Ok(answer)
}

/// A query in one type of documents only.
pub(crate) fn in_type(query: Query, doc_type: Option<&str>) -> Query {
    let typed = doc_type.map(|doc_type| Query::Term {
        field: "_type".to_owned(),
        value: json!(doc_type),
        case_insensitive: false,
    });
    filtered(query, typed.as_ref())
}

/// A query among the documents only that a filter lets through.
pub(crate) fn filtered(query: Query, filter: Option<&Query>) -> Query {
    match filter {
        None => query,
        Some(filter) => Query::Bool {
            must: vec![query],
            filter: vec![filter.clone()],
            should: vec![],
            must_not: vec![],
            minimum_should_match: None,
        },
    }
}

/// What an alias says of its index, as a query. It was read when the alias was made.
pub(crate) fn read_filter(filter: Option<&str>) -> Result<Option<Query>, ApiError> {
    let Some(text) = filter else { return Ok(None) };
    let json: Value = serde_json::from_str(text).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Some(parse_query(&json)?))
}

/// Refuses more than an index allows to be asked of its hits.
fn check_shows(index: &Index, body: &SearchBody) -> Result<(), ApiError> {
    let (settings, asked) = (index.settings(), body.shows.doc_values.len());
    if asked > settings.doc_value_fields_max {
        let most = settings.doc_value_fields_max;
        return Err(ApiError::argument(format!(
            "Trying to retrieve too many docvalue_fields. Must be less than or equal to: [{most}] but was [{asked}]. This limit can be set by changing the [index.max_docvalue_fields_search] index level setting."
        )));
    }
    let (asked, most) = (body.shows.scripts.len(), settings.script_fields_max);
    if asked > most {
        return Err(ApiError::argument(format!(
            "Trying to retrieve too many script_fields. Must be less than or equal to: [{most}] but was [{asked}]. This limit can be set by changing the [index.max_script_fields] index level setting."
        )));
    }
    if let Some(rescore) = body.rescore.iter().find(|rescore| rescore.window > settings.rescore_window_max) {
        let (window, most) = (rescore.window, settings.rescore_window_max);
        return Err(ApiError::argument(format!(
            "Rescore window [{window}] is too large. It must be less than [{most}]. This prevents allocating massive heaps for storing the results to be rescored. This limit can be set by changing the [index.max_rescore_window] index level setting."
        )));
    }
    if !body.rescore.is_empty() && !body.request.sort.is_empty() {
        return Err(ApiError::argument("Cannot use [sort] option in conjunction with [rescore]."));
    }
    Ok(())
}

/// Refuses a boost for an index that is not there.
fn check_boosts(node: &Node, body: &SearchBody) -> Result<(), ApiError> {
    body.indices_boost
        .iter()
        .try_for_each(|(name, _)| node.indices.resolve_to_search(name, NameOptions::default(), &[]).map(drop))
}

/// Refuses more than indices allow to be asked.
fn check_asked(node: &Node, searched: &[Searched], body: &SearchBody) -> Result<(), ApiError> {
    for Searched { index, .. } in searched {
        check_shows(index, body)?;
        inner_hits::check_windows(&body.inner_hits, index.settings().inner_window_max)?;
        let most = index.settings().slices_max;
        if let Some(slice) = body.slice.filter(|slice| slice.of as usize > most) {
            return Err(ApiError::argument(format!(
                "The number of slices [{}] is too large. It must be less than [{most}]. This limit can be set by changing the [index.max_slices_per_scroll] index level setting.",
                slice.of
            )));
        }
    }
    check_boosts(node, body)
}

fn check_window(node: &Node, searched: &[Searched], body: &SearchBody) -> Result<(), ApiError> {
    let window = body.from.saturating_add(body.size);
    for Searched { index, .. } in searched {
        let most = index.settings().result_window_max.unwrap_or(node.settings.result_window_max);
        if window > most {
            return Err(ApiError::argument(format!(
                "Result window is too large, from + size must be less than or equal to: [{most}] but was [{window}]. See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting."
            ))
            .with("index", index.name.as_str()));
        }
    }
    if body.from > 0 && body.request.search_after.is_some() {
        return Err(ApiError::argument("`from` parameter must be set to 0 when `search_after` is used"));
    }
    Ok(())
}
