//! What one node finds in its copies, and the documents of the hits that it found.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::state::{CopyId, IndexId};
use daemon::CancellationToken;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shard::{
    AggPartial, AskStop, Hit, Query, QueryContext, QueryRules, Reader, SearchAnswer, SearchError,
    SearchRequest, SortField, SortValue, Suggested, compare_hits, one_of_each_group, reduce_aggs, uid_parts,
};

use super::answer::{add_fields, add_sort_values, show_hit};
use super::body::{SearchBody, TrackTotal};
use super::budget::Budget;
use super::held::{Held, HeldLimits, HeldShard};
use super::inner_hits::{self, InnerSearches};
use super::named::NamedSearches;
use super::profile::Fetching;
use super::request_cache::RequestCache;
use super::showing::{self, Showing, Shown as Document};
use super::until::Until;
use super::{filtered, in_type, read_filter};
use crate::error::ApiError;
use crate::indices::{Index, NameOptions};
use crate::node::Node;
use crate::slow_log::{self, Timed};
use crate::tasks::TaskKind;

/// A hit as it is shown, or why its document cannot be read.
pub(super) type Shown = Result<Value, ApiError>;

/// What a node is asked to look for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Question {
    /// The body of the search, as JSON.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    pub doc_type: Option<String>,
    pub now_millis: i64,
    /// How many hits are wanted.
    pub hits: usize,
    pub shards: Vec<ShardAsked>,
    /// Whether the hits will be read.
    pub is_kept: bool,
    /// Whether shards may be left out in which nothing can match.
    pub may_skip: bool,
    /// The time that is left; what was found until then is the answer.
    pub within: Option<Duration>,
    /// The id of the task that the whole search is.
    pub task: String,
    /// What the node holds, if it shall look in that.
    pub held: Option<HeldAsked>,
    /// Whether answers are kept for who asks the same, if the request says so.
    pub request_cache: Option<bool>,
}

/// A point in time that nodes hold, which is looked in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct HeldAsked {
    pub number: u64,
    /// For how long it shall be held from now on, if that is said.
    pub keep_millis: Option<i64>,
    /// The turn of a scroll, if it is one.
    pub turn: Option<Turn>,
}

/// Which hits of a scroll are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Turn {
    First,
    Next,
}

/// A shard to look in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ShardAsked {
    /// Its place among the shards of the whole search.
    pub place: usize,
    pub index: String,
    pub number: usize,
    /// The copy that whoever asks knows on the node; none where a node agrees with itself.
    pub copy: Option<CopyId>,
    /// What of it is meant, as JSON, where an alias says so.
    pub filter: Option<String>,
}

/// What a node found in all of its shards together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Partial {
    pub total: u64,
    pub max_score: Option<f32>,
    pub hits: Vec<Hit>,
    pub aggs: AggPartial,
    pub suggested: Suggested,
    /// What was measured in each shard, as JSON.
    pub profiles: Vec<(usize, Vec<u8>)>,
    /// The shards in which it looked, or did not have to.
    pub answered: Vec<usize>,
    /// In how many of these it did not have to look.
    pub skipped: usize,
    /// The shards in which it could not look, and why, as JSON.
    pub failures: Vec<(usize, Vec<u8>)>,
    /// Whether the time was up before all matches were seen.
    pub is_timed_out: bool,
    /// Whether a shard had more matches than it was to look for.
    pub is_terminated: bool,
    /// How long the node worked on it.
    pub service: Duration,
    /// How many searches waited for a place on the node.
    pub queue: usize,
    /// Where the hits can be read, if they are kept.
    pub context: Option<u64>,
}

/// The hits whose documents are wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub context: u64,
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    pub hits: Vec<Hit>,
    /// The turn of a scroll, if they are of one.
    pub turn: Option<Turn>,
}

/// Hits as they are shown, in the order in which they were wanted.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Fetched {
    pub hits: Vec<Shown>,
    /// How long those of each shard took, and how many there are, where that is asked.
    #[serde(default)]
    pub took: Fetching,
}

/// One shard of a search at one point in time.
pub(super) struct Part {
    pub place: usize,
    /// The same as long as it is held, also when another one is gone.
    held_place: usize,
    pub number: usize,
    pub index: Arc<Index>,
    /// What of it is meant.
    filter: Option<Query>,
    rules: Arc<QueryRules>,
    /// What its scores are multiplied by.
    boost: f32,
    pub reader: Reader,
    /// What holds it for a client, if something does.
    held: Option<Arc<Held>>,
    /// When the search began, and the type of its path.
    asked: Asked,
}

#[derive(Clone)]
struct Asked {
    /// The node that was asked.
    node: String,
    doc_type: String,
    now_millis: i64,
}

impl Part {
    pub(super) fn context(&self) -> QueryContext<'_> {
        QueryContext {
            index: &self.index.name,
            doc_type: &self.asked.doc_type,
            now_millis: self.asked.now_millis,
            rules: &self.rules,
        }
    }

    /// What scores are multiplied by, and what the index says about queries.
    pub(super) fn weighing(&self) -> (f32, &QueryRules) {
        (self.boost, &self.rules)
    }

    /// The node that has it.
    pub(super) fn node(&self) -> &str {
        &self.asked.node
    }

    /// Which copy it is of, as profiles name it.
    pub(super) fn id(&self) -> String {
        format!("[{}][{}][{}]", self.asked.node, self.index.name, self.number)
    }

    /// The search as it is in this part.
    pub(super) fn request<'a>(&self, request: &'a SearchRequest) -> Cow<'a, SearchRequest> {
        let after = self.held.as_ref().and_then(|held| held.scroll.as_ref()?.after());
        let is_by_place = request.sort.iter().any(|key| matches!(key.field, SortField::ShardDoc(_)));
        if self.filter.is_none() && self.boost == 1.0 && after.is_none() && !is_by_place {
            return Cow::Borrowed(request);
        }
        let mut own = request.clone();
        own.query = filtered(own.query, self.filter.as_ref()).boosted(self.boost);
        own.search_after = after.or(own.search_after);
        for key in &mut own.sort {
            if let SortField::ShardDoc(shard) = &mut key.field {
                *shard = u32::try_from(self.held_place).unwrap_or(u32::MAX);
            }
        }
        Cow::Owned(own)
    }

    fn can_match(&self, request: &SearchRequest) -> bool {
        self.reader.can_match(&self.request(request).query, &self.context())
    }
}

/// Looks in shards of this node, as the body `json` asks; an error where nobody wants to know any more.
pub(super) fn find_here(
    node: &Node,
    question: &Question,
    (json, body): (&Value, &SearchBody),
    until: &Until,
    budget: &Arc<Budget>,
) -> Result<(Partial, Vec<Part>), ApiError> {
    let begun = Instant::now();
    let mut request = body.request.clone();
    if !request.aggs.is_empty() {
        request.aggs = request.aggs.within(Arc::<Budget>::clone(budget));
    }
    request.hits = question.hits;
    request.counted_to = match body.track_total {
        TrackTotal::All => u64::MAX,
        TrackTotal::UpTo(most) => most,
        TrackTotal::No => 0,
    };
    // What was counted with the first hits need not be counted again.
    let is_going_on = question.held.is_some_and(|held| held.turn == Some(Turn::Next));
    if is_going_on {
        request.counted_to = 0;
    }
    request.query = in_type(request.query, question.doc_type.as_deref());
    // What is ordered anew may come from further down.
    let windows = body.rescore.iter().map(|rescore| rescore.window).filter(|_| question.hits > 0);
    request.hits = windows.fold(question.hits, usize::max);
    let mut partial = Partial::default();
    let mut parts = Vec::new();
    for asked in &question.shards {
        match part_of(node, asked, question, body) {
            Ok(part) if question.may_skip && !part.can_match(&request) => {
                partial.answered.push(part.place);
                partial.skipped += 1;
            }
            Ok(part) => parts.push(part),
            Err(error) => partial.failures.push((asked.place, written(&error))),
        }
    }
    let cache = RequestCache::of(question, body, json);
    for part in &parts {
        let timed = Timed::query(&part.index);
        let mut look = || part.look(&request, body, (until, budget), &mut partial.profiles);
        let hits = part.reader.documents().min(request.hits as u64);
        let found = budget.take_hits(hits, body).and_then(|()| {
            let found = match &cache {
                Some(cache) => {
                    let asked = question.shards.iter().find(|asked| asked.place == part.place);
                    cache.answer(part, asked, budget, look)
                }
                None => look(),
            };
            let found = budget.checked(found)?;
            match found.and_then(|found| part.add_suggested(found, body, &mut partial.suggested)) {
                // For another node: it looks for another copy then.
                Err(SearchError::Cancelled) if node.stopping.is_cancelled() => Err(ApiError::node_closed()),
                found => Ok(found?),
            }
        });
        let found = match found {
            // The time was up before there was memory to begin with.
            Err(error) if budget.is_late(&error) => {
                Ok(SearchAnswer { is_partial: true, ..SearchAnswer::default() })
            }
            Err(error) if error.kind == ApiError::TASK_CANCELLED && node.stopping.is_cancelled() => {
                Err(ApiError::node_closed())
            }
            found => found,
        };
        match found {
            Ok(answer) => {
                partial.is_terminated |= answer.is_terminated;
                timed.end_query(&part.index, part.number, answer.total, json);
                partial.is_timed_out |= answer.is_partial;
                partial.answered.push(part.place);
                partial.total += answer.total;
                partial.max_score = higher(partial.max_score, answer.max_score);
                partial.hits.extend(answer.hits.into_iter().map(|hit| Hit { shard: part.place, ..hit }));
                partial.aggs = reduce_aggs(&request.aggs, std::mem::take(&mut partial.aggs), answer.aggs);
                // What there was no room for is missing.
                budget.check()?;
                partial.is_timed_out |= budget.late().is_some();
            }
            Err(error) if is_over(&error) => return Err(error),
            Err(error) => {
                let error = error
                    .with("index", part.index.name.as_str())
                    .with("index_uuid", part.index.uuid.as_str());
                partial.failures.push((part.place, written(&error)));
            }
        }
    }
    if let Some(held) = parts.first().and_then(|part| part.held.as_ref()) {
        held.touch(node.clock.now_millis(), None);
        if let Some(scroll) = &held.scroll {
            (partial.total, partial.max_score) = scroll.counted(partial.total, partial.max_score);
        }
    }
    partial.hits.sort_by(|a, b| compare_hits(a, b, &request.sort));
    one_of_each_group(&mut partial.hits);
    partial.hits.truncate(question.hits);
    node.counters.copies_searched.inc_by(parts.len() as u64);
    partial.service = begun.elapsed();
    partial.queue = node.search_pool.queued() + node.carried_search_pool.queued();
    Ok((partial, parts))
}

/// Whether nobody wants to know any more, or not of this node.
fn is_over(error: &ApiError) -> bool {
    [ApiError::TASK_CANCELLED, ApiError::NODE_CLOSED].contains(&error.kind.as_str())
}

/// The higher of two scores that may not be there.
pub(super) fn higher(a: Option<f32>, b: Option<f32>) -> Option<f32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

/// Reads the documents of hits that were found in these parts, in the order in which they lie there.
/// A shard of which one cannot be read is not tried again for each of the others.
/// `source` is the body as it came.
pub(super) fn fetch_here(
    parts: &[Part],
    hits: &[Hit],
    body: &SearchBody,
    source: &Value,
    cancelled: &CancellationToken,
    budget: &Arc<Budget>,
) -> Fetched {
    let mut failed: BTreeMap<usize, ApiError> = BTreeMap::new();
    let mut took = Fetching::new();
    let mut searches = InnerSearches::new(cancelled, budget);
    let mut showing = BTreeMap::new();
    let mut named = NamedSearches::new(cancelled);
    let mut show = |hit: &Hit| {
        if let Some(error) = failed.get(&hit.shard) {
            return Err(error.clone());
        }
        // What is shown of one may take long.
        if cancelled.is_cancelled() {
            return Err(ApiError::task_cancelled("nobody waits for it"));
        }
        let begun = Instant::now();
        let made = (&mut searches, &mut showing, &mut named);
        let shown = fetch_one(parts, hit, body, made, (cancelled, budget))
            .map_err(|error| budget.refusal().unwrap_or(error))
            .inspect_err(|error| drop(failed.insert(hit.shard, error.clone())));
        let (spent, count) = took.entry(hit.shard).or_default();
        *spent += begun.elapsed();
        *count += 1;
        shown
    };
    let mut in_order: Vec<usize> = (0..hits.len()).collect();
    in_order.sort_by_key(|at| (hits[*at].shard, hits[*at].segment, hits[*at].document));
    let mut shown: Vec<(usize, Shown)> = in_order.into_iter().map(|at| (at, show(&hits[at]))).collect();
    shown.sort_by_key(|(at, _)| *at);
    for part in parts.iter().filter(|part| slow_log::times_fetch(&part.index)) {
        if let Some((took, _)) = took.get(&part.place) {
            slow_log::end_fetch(&part.index, part.number, *took, source);
        }
    }
    let took = if body.profile { took } else { Fetching::new() };
    Fetched { hits: shown.into_iter().map(|(_, shown)| shown).collect(), took }
}

fn fetch_one<'a>(
    parts: &'a [Part],
    hit: &Hit,
    body: &'a SearchBody,
    (searches, showing, named): (
        &mut InnerSearches<'a>,
        &mut BTreeMap<usize, Showing<'a>>,
        &mut NamedSearches<'a>,
    ),
    (cancelled, budget): (&CancellationToken, &Arc<Budget>),
) -> Shown {
    let part = parts.iter().find(|part| part.place == hit.shard);
    let part = part.ok_or_else(|| ApiError::internal("a hit is of no shard that was searched"))?;
    let stored = part.reader.fetch(hit)?;
    budget.take_tree(&stored.source)?;
    let stop = budget.ending_if_cancelled(cancelled);
    let shows = &body.shows;
    let mut shown = show_hit(&part.index.name, hit, &stored, (shows, part.reader.mapping()))?;
    let showing = showing.entry(part.place).or_default();
    let needs_none = shows.fields.is_empty() && shows.highlight.is_none() && shows.scripts.is_empty();
    let source = match needs_none {
        true => Value::Null,
        false => serde_json::from_slice(&stored.source).unwrap_or_default(),
    };
    let document = Document { id: uid_parts(&stored.uid).1, source: &source, nested: None };
    showing.add(&mut shown, (part, hit), (shows, &body.request.query), document, &stop)?;
    if let (Some(collapse), Some(group)) = (&body.collapse, &hit.group)
        && *group != SortValue::Null
    {
        let of_group = Map::from_iter([(collapse.field.clone(), json!([group.to_json()]))]);
        add_fields(&mut shown, of_group);
    }
    add_sort_values(&mut shown, body.shown_of(&hit.sort));
    if shows.explain {
        add_explanation(&mut shown, part, hit, body, &stop)?;
    }
    let mut shown = Value::Object(shown);
    named.add(&mut shown, part, hit, body)?;
    inner_hits::add(&mut shown, part, (hit, &stored), body, searches)?;
    Ok(shown)
}

/// Why a hit has its score.
fn add_explanation(
    shown: &mut Map<String, Value>,
    part: &Part,
    hit: &Hit,
    body: &SearchBody,
    stop: AskStop<'_>,
) -> Result<(), ApiError> {
    let query = in_type(
        body.request.query.clone(),
        Some(&part.asked.doc_type).filter(|name| !name.is_empty()).map(String::as_str),
    );
    let query = filtered(query, part.filter.as_ref());
    let explained = part.reader.explain(hit, &query, &part.context(), stop)?;
    showing::add_explanation(shown, part, hit, explained);
    Ok(())
}

fn part_of(
    node: &Node,
    asked: &ShardAsked,
    question: &Question,
    body: &SearchBody,
) -> Result<Part, ApiError> {
    let Looked { held_place, index, reader, filter, held } = looked_in(node, asked, question)?;
    let (place, number) = (asked.place, asked.number);
    let filter = read_filter(filter.as_deref())?;
    let asked = Asked {
        node: node.identity.node_id.clone(),
        doc_type: question.doc_type.clone().unwrap_or_default(),
        now_millis: question.now_millis,
    };
    let rules = Arc::clone(&index.settings().query);
    let boost = boost_of(node, &index, body)?;
    Ok(Part { place, held_place, number, filter, rules, boost, reader, held, index, asked })
}

/// What is looked in: a shard as it is, or as it is held.
struct Looked {
    held_place: usize,
    index: Arc<Index>,
    reader: Reader,
    filter: Option<String>,
    held: Option<Arc<Held>>,
}

fn looked_in(node: &Node, asked: &ShardAsked, question: &Question) -> Result<Looked, ApiError> {
    if let Some(HeldAsked { number, keep_millis, .. }) = question.held {
        let is_open = |index: &str| node.has_open(index);
        let (held, shard) = node.held.shard(number, &asked.index, asked.number, is_open)?;
        if let Some(keep_millis) = keep_millis {
            HeldLimits::of(node).check_keep(keep_millis)?;
        }
        held.touch(node.clock.now_millis(), keep_millis);
        let HeldShard { place: held_place, index, filter, reader, .. } = shard;
        return Ok(Looked { held_place, index, reader, filter, held: Some(held) });
    }
    let index = node.indices.of_id(&IndexId(asked.index.clone()));
    let index = index.ok_or_else(|| ApiError::no_index(&asked.index))?;
    // Another one may be filled here by now, and not have everything yet.
    index.check_copy(asked.number, asked.copy)?;
    let reader = index.shard_to_search(asked.number)?.reader();
    Ok(Looked { held_place: asked.place, index, reader, filter: asked.filter.clone(), held: None })
}

/// The hits of a scroll are handed out: those that follow are wanted next.
pub(super) fn note_handed_out(parts: &[Part], hits: &[Hit]) {
    let held = parts.first().and_then(|part| part.held.as_ref());
    // Documents of suggestions stand beside the hits and have no place among them.
    let last = hits.iter().rev().find(|hit| !hit.sort.is_empty());
    if let (Some(scroll), Some(last)) = (held.and_then(|held| held.scroll.as_ref()), last) {
        scroll.go_on_after(&last.sort);
    }
}

/// What the scores of an index are multiplied by.
fn boost_of(node: &Node, index: &Index, body: &SearchBody) -> Result<f32, ApiError> {
    for (name, boost) in &body.indices_boost {
        let meant = node.indices.resolve_to_search(name, NameOptions::default(), &[])?;
        if meant.iter().any(|searched| searched.index.uuid == index.uuid) {
            return Ok(*boost);
        }
    }
    Ok(1.0)
}

pub(super) fn written(error: &ApiError) -> Vec<u8> {
    serde_json::to_vec(error).unwrap_or_default()
}

/// Answers the question of another node, which has waited since it arrived and is a task meanwhile.
pub(crate) fn answer_query(
    node: &Node,
    message: &[u8],
    arrived: Instant,
    cancelled: &CancellationToken,
) -> Result<Bytes, ApiError> {
    let question: Question = postcard::from_bytes(message).map_err(|error| unreadable(&error))?;
    let about = format!("query in {} shards", question.shards.len());
    let registered = node.tasks.register_part(TaskKind::SearchPart, about, question.task.clone(), cancelled);
    let until = Until::since(arrived, question.within, registered.task.cancel.clone());
    if question.is_kept {
        node.contexts.check_room(node.clock.now_millis())?;
    }
    let (json, body) = body_of(&question.body, question.held.and_then(|held| held.turn))?;
    let budget = Arc::new(Budget::new(&node.memory, until.clone()));
    let (mut partial, parts) = find_here(node, &question, (&json, &body), &until, &budget)?;
    let has_hits = !partial.hits.is_empty() || partial.suggested.hits().next().is_some();
    if question.is_kept && has_hits {
        partial.context = Some(node.contexts.keep(Arc::new(parts), node.clock.now_millis())?);
    }
    Ok(postcard::to_allocvec(&partial).map_err(|error| unreadable(&error))?.into())
}

/// Reads the documents that another node wants.
pub(crate) fn answer_fetch(
    node: &Node,
    message: &[u8],
    cancelled: &CancellationToken,
) -> Result<Bytes, ApiError> {
    let wanted: Wanted = postcard::from_bytes(message).map_err(|error| unreadable(&error))?;
    let parts =
        node.contexts.take(wanted.context).ok_or_else(|| ApiError::no_search_context(wanted.context))?;
    // Whoever wants no hits lets go of them.
    if wanted.hits.is_empty() {
        return Ok(Bytes::new());
    }
    let (json, body) = body_of(&wanted.body, wanted.turn)?;
    let budget = Arc::new(Budget::new(&node.memory, Until::new(None, cancelled.clone())));
    let fetched = fetch_here(&parts, &wanted.hits, &body, &json, cancelled, &budget);
    note_handed_out(&parts, &wanted.hits);
    Ok(serde_json::to_vec(&fetched).map_err(|error| ApiError::internal(error.to_string()))?.into())
}

/// A body on its way: as JSON, and read.
fn body_of(bytes: &[u8], turn: Option<Turn>) -> Result<(Value, SearchBody), ApiError> {
    let json: Value = serde_json::from_slice(bytes).map_err(|error| ApiError::internal(error.to_string()))?;
    let body = SearchBody::read(&json)?;
    let body = match turn {
        Some(turn) => body.in_scroll(turn),
        None => body,
    };
    Ok((json, body))
}

pub(super) fn unreadable(error: &postcard::Error) -> ApiError {
    ApiError::internal(format!(
        "a part of a search cannot be read: {error}; do all nodes run the same build?"
    ))
}
