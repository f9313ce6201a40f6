//! The nested objects of a hit that are shown with it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use daemon::CancellationToken;
use serde_json::{Map, Value, json};
use shard::{
    Ending, Hit, InnerAnswer, InnerHit, InnerHitsAsked, InnerSearch, Query, SearchRequest, SortValue,
    SourceFilter, StoredDocument, filter_source, uid_parts,
};

use super::answer::{add_fields, add_sort, show_hit, show_score};
use super::body::{SearchBody, count, flag};
use super::budget::Budget;
use super::named::NamedSearches;
use super::query::Part;
use super::showing::{Showing, Shown, add_explanation};
use super::shows::Shows;
use super::sort::read_sort;
use crate::action::get::stored_fields;
use crate::error::ApiError;

const SIZE_DEFAULT: usize = 3;

/// Which nested objects are shown, and how.
#[derive(Debug, Clone)]
pub(crate) struct InnerHits {
    name: String,
    /// Whether the request gives the name.
    is_named: bool,
    path: String,
    /// Whether it is documents that are joined with the hit, and then whether they are its children.
    of_children: Option<bool>,
    request: SearchRequest,
    from: usize,
    shows: Shows,
    /// What is shown of objects that are nested in these.
    inner: Vec<InnerHits>,
}

impl InnerHits {
    /// Those that queries ask for.
    pub(super) fn read_all<'q>(queries: impl Iterator<Item = &'q Query>) -> Result<Vec<Self>, ApiError> {
        let mut all: Vec<Self> = Vec::new();
        for asked in queries.flat_map(Query::inner_hits) {
            let read = Self::read(&asked)?;
            if all.iter().any(|known| known.name == read.name) {
                let name = &read.name;
                return Err(ApiError::argument(format!(
                    "[inner_hits] already contains an entry for key [{name}]"
                )));
            }
            all.push(read);
        }
        Ok(all)
    }

    fn read(asked: &InnerHitsAsked<'_>) -> Result<Self, ApiError> {
        let mut inner_hits = Self {
            name: asked.path.to_owned(),
            is_named: false,
            path: asked.path.to_owned(),
            of_children: asked.of_children,
            request: SearchRequest::of(asked.query.clone(), SIZE_DEFAULT),
            from: 0,
            shows: Shows::default(),
            inner: Self::read_all([asked.query].into_iter())?,
        };
        for (key, value) in asked.body {
            inner_hits.member(key, value)?;
        }
        inner_hits.request.hits = inner_hits.request.hits.saturating_add(inner_hits.from);
        Ok(inner_hits)
    }

    fn member(&mut self, key: &str, value: &Value) -> Result<(), ApiError> {
        match key {
            "name" => {
                let name = value.as_str().filter(|name| !name.is_empty());
                let name = name.ok_or_else(|| ApiError::argument("[inner_hits] [name] must be a text"))?;
                (self.name, self.is_named) = (name.to_owned(), true);
            }
            "from" => self.from = count(key, value)?,
            "size" => self.request.hits = count(key, value)?,
            "sort" => self.request.sort = read_sort(value)?,
            "track_scores" => self.request.track_scores = flag(key, value)?,
            "ignore_unmapped" => drop(flag(key, value)?),
            other if self.shows.member(other, value)? => {}
            other => {
                let reason = format!("[inner_hits] unknown field [{other}]");
                return Err(ApiError::malformed(reason));
            }
        }
        Ok(())
    }
}

/// Refuses inner hits that lie further down than an index allows.
pub(super) fn check_windows(all: &[InnerHits], most: usize) -> Result<(), ApiError> {
    for inner_hits in all {
        let window = inner_hits.request.hits;
        if window > most {
            let name = if inner_hits.is_named { inner_hits.name.as_str() } else { "null" };
            return Err(ApiError::argument(format!(
                "Inner result window is too large, the inner hit definition's [{name}]'s from + size must be less than or equal to: [{most}] but was [{window}]. This limit can be set by changing the [index.max_inner_result_window] index level setting."
            )));
        }
        check_windows(&inner_hits.inner, most)?;
    }
    Ok(())
}

/// The searches for the inner hits of many hits, each made ready once for a part of the search.
pub(super) struct InnerSearches<'a> {
    /// Ends them. The time of a search is that of looking for hits: what was found in time is shown as a whole.
    cancelled: &'a CancellationToken,
    budget: &'a Arc<Budget>,
    /// By the place of the part, and by where it is said what is shown.
    searches: HashMap<(usize, *const InnerHits), Option<InnerSearch<'a>>>,
    named: NamedSearches<'a>,
    /// What shows their fields and texts, by the same.
    showing: HashMap<(usize, *const InnerHits), Showing<'a>>,
}

impl<'a> InnerSearches<'a> {
    pub(super) fn new(cancelled: &'a CancellationToken, budget: &'a Arc<Budget>) -> Self {
        let (searches, showing) = (HashMap::new(), HashMap::new());
        Self { cancelled, budget, searches, named: NamedSearches::new(cancelled), showing }
    }

    /// An error where nobody waits for them any more: what is shown of one may take long.
    fn check(&self) -> Result<(), ApiError> {
        match self.cancelled.is_cancelled() {
            true => Err(ApiError::task_cancelled("nobody waits for it")),
            false => Ok(()),
        }
    }

    /// Ends what is read for them.
    fn stop(&self) -> Ending {
        self.budget.ending_if_cancelled(self.cancelled)
    }

    /// Adds what is wanted of an inner hit's values and texts.
    fn add(
        &mut self,
        shown: &mut Map<String, Value>,
        inner_hits: &'a InnerHits,
        (part, hit): (&'a Part, &Hit),
        document: Shown<'_>,
    ) -> Result<(), ApiError> {
        let stop = self.stop();
        let showing = self.showing.entry((part.place, std::ptr::from_ref(inner_hits))).or_default();
        let by = (&inner_hits.shows, &inner_hits.request.query);
        showing.add(shown, (part, hit), by, document, &stop)
    }

    /// What there is among the objects of a hit in a part; `outer` is the nested path of the hit, if it is no document.
    fn find(
        &mut self,
        inner_hits: &'a InnerHits,
        part: &'a Part,
        outer: Option<&'a str>,
        hit: &Hit,
    ) -> Result<Option<InnerAnswer>, ApiError> {
        let key = (part.place, std::ptr::from_ref(inner_hits));
        let search = match self.searches.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(entry) => {
                let InnerHits { path, request, .. } = inner_hits;
                entry.insert(part.reader.inner_search(path, outer, request, part.context())?)
            }
        };
        let Some(search) = search else { return Ok(None) };
        let stop = self.budget.ending_if_cancelled(self.cancelled);
        Ok(Some(search.of_hit(hit, &stop)?))
    }
}

/// A hit and the document that it is, or is in.
struct Around<'a, 'd> {
    part: &'a Part,
    /// The nested path of the hit, if it is no document.
    path: Option<&'a str>,
    hit: &'d Hit,
    stored: &'d StoredDocument,
    source: &'d Value,
}

/// Adds the inner hits of a document to how it is shown.
pub(super) fn add<'a>(
    shown: &mut Value,
    part: &'a Part,
    (hit, stored): (&Hit, &StoredDocument),
    body: &'a SearchBody,
    searches: &mut InnerSearches<'a>,
) -> Result<(), ApiError> {
    if body.inner_hits.is_empty() {
        return Ok(());
    }
    searches.budget.take_tree(&stored.source)?;
    let source: Value = serde_json::from_slice(&stored.source).unwrap_or_default();
    let around = Around { part, hit, path: None, stored, source: &source };
    add_to(shown, &body.inner_hits, &around, searches)
}

fn add_to<'a>(
    shown: &mut Value,
    all: &'a [InnerHits],
    around: &Around<'a, '_>,
    searches: &mut InnerSearches<'a>,
) -> Result<(), ApiError> {
    let mut by_name = Map::new();
    for inner_hits in all {
        if let Some(found) = find(inner_hits, around, searches)? {
            by_name.insert(inner_hits.name.clone(), found);
        }
    }
    if !by_name.is_empty() {
        shown["inner_hits"] = Value::Object(by_name);
    }
    Ok(())
}

fn find<'a>(
    inner_hits: &'a InnerHits,
    around: &Around<'a, '_>,
    searches: &mut InnerSearches<'a>,
) -> Result<Option<Value>, ApiError> {
    if let Some(of_children) = inner_hits.of_children {
        return find_joined(inner_hits, of_children, around, searches);
    }
    let Some(found) = searches.find(inner_hits, around.part, around.path, around.hit)? else {
        return Ok(None);
    };
    let mut shown = Vec::new();
    for inner in found.hits.iter().skip(inner_hits.from) {
        searches.check()?;
        let mut hit = show(inner_hits, inner, around, searches)?;
        let by = (&inner_hits.request.query, Some(inner_hits.path.as_str()));
        searches.named.add_inner(&mut hit, around.part, &inner.hit, by)?;
        let around = Around { hit: &inner.hit, path: Some(&inner_hits.path), ..*around };
        add_to(&mut hit, &inner_hits.inner, &around, searches)?;
        shown.push(hit);
    }
    let max_score = found.max_score.filter(|_| !found.hits.is_empty());
    Ok(Some(show_all(found.total, max_score, shown)))
}

/// Inner hits as they are shown together.
fn show_all(total: u64, max_score: Option<f32>, shown: Vec<Value>) -> Value {
    let total = json!({"value": total, "relation": "eq"});
    let max_score = max_score.map_or(Value::Null, show_score);
    json!({"hits": {"total": total, "max_score": max_score, "hits": shown}})
}

/// The children of a hit, or its parent: they are in the same shard.
fn find_joined<'a>(
    inner_hits: &'a InnerHits,
    of_children: bool,
    around: &Around<'a, '_>,
    searches: &mut InnerSearches<'a>,
) -> Result<Option<Value>, ApiError> {
    let Around { part, hit, stored, .. } = *around;
    let named = (inner_hits.path.as_str(), of_children);
    let none = || Ok(Some(show_all(0, None, Vec::new())));
    let Some(query) = part.reader.join_query(hit, stored, named, &inner_hits.request.query)? else {
        return none();
    };
    let request = SearchRequest { query, ..inner_hits.request.clone() };
    let stop = searches.stop();
    let answer = part.reader.search_until(&request, &part.context(), &stop)?;
    let mut shown = Vec::new();
    for hit in answer.hits.iter().skip(inner_hits.from) {
        searches.check()?;
        let stored = part.reader.fetch(hit)?;
        searches.budget.take_tree(&stored.source)?;
        let source: Value = serde_json::from_slice(&stored.source).unwrap_or_default();
        let mut joined = show_joined(inner_hits, part, hit, (&stored, &source), searches)?;
        searches.named.add_inner(&mut joined, part, hit, (&inner_hits.request.query, None))?;
        let around = Around { part, path: None, hit, stored: &stored, source: &source };
        add_to(&mut joined, &inner_hits.inner, &around, searches)?;
        shown.push(joined);
    }
    let max_score = answer.max_score.filter(|_| !answer.hits.is_empty());
    Ok(Some(show_all(answer.total, max_score, shown)))
}

fn show_joined<'a>(
    inner_hits: &'a InnerHits,
    part: &'a Part,
    hit: &Hit,
    (stored, source): (&StoredDocument, &Value),
    searches: &mut InnerSearches<'a>,
) -> Result<Value, ApiError> {
    let shows = &inner_hits.shows;
    let mut shown = show_hit(&part.index.name, hit, stored, (shows, part.reader.mapping()))?;
    let query = &inner_hits.request.query;
    let document = Shown { id: uid_parts(&stored.uid).1, source, nested: None };
    searches.add(&mut shown, inner_hits, (part, hit), document)?;
    add_sort(&mut shown, hit);
    if shows.explain {
        let explained = part.reader.explain(hit, query, &part.context(), &searches.stop())?;
        add_explanation(&mut shown, part, hit, explained);
    }
    Ok(Value::Object(shown))
}

fn show<'a>(
    inner_hits: &'a InnerHits,
    inner: &InnerHit,
    around: &Around<'a, '_>,
    searches: &mut InnerSearches<'a>,
) -> Result<Value, ApiError> {
    let Around { stored, part, .. } = *around;
    let (doc_type, id) = uid_parts(&stored.uid);
    let shows = &inner_hits.shows;
    let mut shown = Map::new();
    shown.insert("_index".to_owned(), json!(part.index.name));
    shown.insert("_type".to_owned(), json!(doc_type));
    shown.insert("_id".to_owned(), json!(id));
    let nested = inner.place.iter().rev().fold(Value::Null, |below, (field, offset)| {
        let mut place = json!({"field": field, "offset": offset});
        if !below.is_null() {
            place["_nested"] = below;
        }
        place
    });
    shown.insert("_nested".to_owned(), nested);
    if shows.version {
        shown.insert("_version".to_owned(), json!(stored.version));
    }
    if shows.seq_no {
        shown.insert("_seq_no".to_owned(), json!(stored.seq_no));
        shown.insert("_primary_term".to_owned(), json!(stored.term));
    }
    shown.insert("_score".to_owned(), inner.hit.score.map_or(Value::Null, show_score));
    let object = object_at(around.source, &inner.place);
    // Of one document there may be many, each of which is shown with a part of it.
    searches.budget.take_inner()?;
    if let Some(source) = source_of(object.clone(), &inner.place, shows.source()) {
        shown.insert("_source".to_owned(), source);
    }
    if !shows.stored().is_empty()
        || !shows.fields.is_empty()
        || shows.highlight.is_some()
        || !shows.doc_values.is_empty()
    {
        let whole = wrapped(object.clone(), &inner.place);
        let stored = stored_fields(part.reader.mapping(), whole.to_string().as_bytes(), shows.stored())?;
        add_fields(&mut shown, stored);
        let nested = Some((inner_hits.path.as_str(), &object));
        let document = Shown { id, source: &whole, nested };
        searches.add(&mut shown, inner_hits, (part, &inner.hit), document)?;
    }
    if !inner.hit.sort.is_empty() {
        let sort = inner.hit.sort.iter().map(SortValue::to_json).collect();
        shown.insert("sort".to_owned(), Value::Array(sort));
    }
    if shows.explain {
        let (query, path) = (&inner_hits.request.query, inner_hits.path.as_str());
        let explained =
            part.reader.explain_nested(&inner.hit, path, query, &part.context(), &searches.stop())?;
        add_explanation(&mut shown, part, &inner.hit, explained);
    }
    Ok(Value::Object(shown))
}

/// The object at a place of a document.
fn object_at(source: &Value, place: &[(String, usize)]) -> Value {
    let object = place.iter().try_fold(source, |around, (field, offset)| {
        let mut objects = Vec::new();
        objects_at(around, field, &mut objects);
        objects.get(*offset).copied()
    });
    object.cloned().unwrap_or_else(|| json!({}))
}

/// An object in what leads to it.
fn wrapped(object: Value, place: &[(String, usize)]) -> Value {
    let names = place.iter().flat_map(|(field, _)| field.split('.'));
    names.rev().fold(object, |below, name| json!({name: below}))
}

/// What is shown of an object at a place of a document; filters say paths from the document on.
fn source_of(object: Value, place: &[(String, usize)], filter: &SourceFilter) -> Option<Value> {
    let SourceFilter::Fields { includes, excludes } = filter else {
        return (*filter == SourceFilter::All).then_some(object);
    };
    let mut filtered = filter_source(&wrapped(object, place), includes, excludes);
    for name in place.iter().flat_map(|(field, _)| field.split('.')) {
        filtered = filtered.get_mut(name).map_or_else(|| json!({}), Value::take);
    }
    Some(filtered)
}

/// The objects at a path, through objects, lists and names with dots, in the order in which a document has them.
fn objects_at<'v>(value: &'v Value, path: &str, objects: &mut Vec<&'v Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| objects_at(item, path, objects)),
        Value::Object(_) if path.is_empty() => objects.push(value),
        Value::Object(members) => {
            for (name, child) in members {
                match path.strip_prefix(name.as_str()) {
                    Some("") => objects_at(child, "", objects),
                    Some(rest) => {
                        if let Some(rest) = rest.strip_prefix('.') {
                            objects_at(child, rest, objects);
                        }
                    }
                    None => {}
                }
            }
        }
        _ => {}
    }
}

/// A hit whose inner hits are counted by a number alone.
pub(super) fn with_plain_totals(mut hit: Value) -> Value {
    make_plain(&mut hit);
    hit
}

fn make_plain(hit: &mut Value) {
    for found in
        hit.get_mut("inner_hits").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
    {
        let hits = &mut found["hits"];
        hits["total"] = hits["total"]["value"].take();
        hits["hits"].as_array_mut().into_iter().flatten().for_each(make_plain);
    }
}
