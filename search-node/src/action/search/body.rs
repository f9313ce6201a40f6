//! The body of a search, read.

use serde_json::{Map, Value, json};
use shard::{
    AggRequest, Query, SearchRequest, Slice, SliceBy, Sliced, SortField, SortKey, SortValue, SourceFilter,
    SuggestRequest, json_kind, parse_aggs, parse_query,
};

use super::collapse::Collapse;
use super::filtered;
use super::inner_hits::InnerHits;
use super::point_in_time::Pit;
use super::query::Turn;
use super::rescore::Rescore;
use super::shows::Shows;
use super::sort::read_sort;
use crate::error::ApiError;
use crate::time_span::read_span;

/// Hits that are counted exactly unless the request says otherwise, as in Elasticsearch.
const TRACK_TOTAL_DEFAULT: u64 = 10_000;
const SIZE_DEFAULT: usize = 10;

/// How far the total is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrackTotal {
    All,
    UpTo(u64),
    No,
}

/// A search as it was asked.
#[derive(Debug, Clone)]
pub(crate) struct SearchBody {
    pub request: SearchRequest,
    pub from: usize,
    pub size: usize,
    pub track_total: TrackTotal,
    pub(super) shows: Shows,
    pub(super) rescore: Vec<Rescore>,
    pub(super) collapse: Option<Collapse>,
    /// What scores are multiplied by in an index, by its name, an alias or a pattern; the first that fits counts.
    pub indices_boost: Vec<(String, f32)>,
    /// The nested objects that are shown with each hit.
    pub inner_hits: Vec<InnerHits>,
    /// The point in time that is looked in.
    pub(super) pit: Option<Pit>,
    /// The part of the documents that is looked in.
    pub(super) slice: Option<Slice>,
    /// Whether hits are sorted by their places last, which nobody has asked for and is not shown.
    is_placed_last: bool,
    /// Whether nothing was asked for that they are sorted by.
    is_placed_alone: bool,
    /// What is to be suggested.
    pub suggest: SuggestRequest,
    /// Whether nothing else is asked: then there are no hits, as in Elasticsearch.
    pub is_suggest_only: bool,
    /// Whether it is told what the search took.
    pub profile: bool,
}

impl SearchBody {
    /// Reads the body of a search.
    pub(crate) fn read(body: &Value) -> Result<Self, ApiError> {
        let empty = Map::new();
        let object = match body {
            Value::Null => &empty,
            Value::Object(object) => object,
            _ => {
                return Err(ApiError::parsing("Expected [START_OBJECT] at the start of a search"));
            }
        };
        let mut search = Self {
            request: SearchRequest::of(Query::MatchAll, 0),
            from: 0,
            size: SIZE_DEFAULT,
            track_total: TrackTotal::UpTo(TRACK_TOTAL_DEFAULT),
            shows: Shows::default(),
            rescore: Vec::new(),
            collapse: None,
            indices_boost: Vec::new(),
            inner_hits: Vec::new(),
            pit: None,
            slice: None,
            is_placed_last: false,
            is_placed_alone: false,
            suggest: SuggestRequest::default(),
            is_suggest_only: false,
            profile: false,
        };
        for (key, value) in object {
            search.member(key, value)?;
        }
        search.is_suggest_only = object.contains_key("suggest")
            && !["query", "aggs", "aggregations"].iter().any(|key| object.contains_key(*key));
        search.order_in_point(body)?;
        search.cut(body)?;
        search.shows.check()?;
        search.collapse.as_ref().map_or(Ok(()), |collapse| collapse.check(&search))?;
        let asked = search.request.post_filter.iter().chain([&search.request.query]);
        search.inner_hits = InnerHits::read_all(asked)?;
        if search.request.search_after.as_ref().is_some_and(|after| after.len() != search.request.sort.len())
        {
            return Err(ApiError::argument(format!(
                "search_after has {} value(s) but sort has {}.",
                search.request.search_after.map_or(0, |after| after.len()),
                search.request.sort.len()
            )));
        }
        Ok(search)
    }

    /// In a point in time hits have places, by which equals are told apart. Places are the same for each request only there.
    fn order_in_point(&mut self, body: &Value) -> Result<(), ApiError> {
        let SearchRequest { sort, search_after, .. } = &mut self.request;
        let is_place = |key: &SortKey| matches!(key.field, SortField::ShardDoc(_));
        if self.pit.is_none() {
            return match sort.iter().any(is_place) {
                true => Err(ApiError::validation(
                    "[_shard_doc] sort field cannot be used without [point in time]",
                )),
                false => Ok(()),
            };
        }
        let is_sorted = body.get("sort").is_some_and(|sort| *sort != json!([]) && !sort.is_null());
        if sort.is_empty() && is_sorted {
            sort.push(SortKey { descending: true, ..SortKey::of(SortField::Score) });
        }
        let is_said = search_after.as_ref().is_none_or(|after| after.len() == sort.len() + 1);
        if is_sorted && is_said && !sort.last().is_some_and(is_place) {
            sort.push(SortKey::of(SortField::ShardDoc(0)));
        }
        Ok(())
    }

    /// Only one slice is looked in.
    fn cut(&mut self, body: &Value) -> Result<(), ApiError> {
        let Some(value) = body.get("slice") else { return Ok(()) };
        let (slice, by) = read_slice(value)?;
        // Numbers of documents are the same for all slices of one point in time.
        let usual = if self.pit.is_some() { SliceBy::Document } else { SliceBy::Id };
        let slice_query = Query::Slice(Sliced { by: by.unwrap_or(usual), slice });
        let query = std::mem::replace(&mut self.request.query, Query::MatchAll);
        self.request.query = filtered(query, Some(&slice_query));
        self.slice = Some(slice);
        Ok(())
    }

    /// The search as a scroll goes through its hits: each has a place of its own, and what is computed over all is so once.
    pub(super) fn in_scroll(mut self, turn: Turn) -> Self {
        self.track_total = TrackTotal::All;
        let request = &mut self.request;
        if turn == Turn::Next {
            request.aggs = AggRequest::default();
            self.suggest = SuggestRequest::default();
        }
        if request.sort.is_empty() && request.has_one_score() {
            request.track_scores = true;
        } else if request.sort.is_empty() {
            request.sort.push(SortKey { descending: true, ..SortKey::of(SortField::Score) });
            self.is_placed_alone = true;
        }
        request.sort.push(SortKey::of(SortField::ShardDoc(0)));
        self.is_placed_last = true;
        self
    }

    /// The values by which a hit was sorted that are shown.
    pub(super) fn shown_of<'v>(&self, values: &'v [SortValue]) -> &'v [SortValue] {
        let most = if self.is_placed_alone {
            0
        } else {
            values.len().saturating_sub(usize::from(self.is_placed_last))
        };
        values.get(..most).unwrap_or_default()
    }

    fn member(&mut self, key: &str, value: &Value) -> Result<(), ApiError> {
        match key {
            "query" => self.request.query = parse_query(value)?,
            "post_filter" => self.request.post_filter = Some(parse_query(value)?),
            "from" => self.from = count(key, value)?,
            "size" => self.size = count(key, value)?,
            "sort" => self.request.sort = read_sort(value)?,
            "search_after" => {
                let items =
                    value.as_array().ok_or_else(|| ApiError::parsing("[search_after] must be an array"))?;
                let values = items.iter().map(SortValue::from_json).collect::<Option<Vec<_>>>();
                self.request.search_after =
                    Some(values.ok_or_else(|| ApiError::parsing("[search_after] takes plain values only"))?);
            }
            "aggs" | "aggregations" => self.request.aggs = parse_aggs(value)?,
            "min_score" => self.request.min_score = Some(read_score(key, value)?),
            "indices_boost" => self.indices_boost = read_boosts(value)?,
            "track_scores" => self.request.track_scores = flag(key, value)?,
            "track_total_hits" => self.track_total = read_track(value)?,
            "collapse" => {
                let collapse = Collapse::read(value)?;
                self.request.collapse = Some(collapse.field.clone());
                self.collapse = Some(collapse);
            }
            "rescore" => self.rescore = Rescore::read_all(value)?,
            "suggest" => self.suggest = SuggestRequest::parse(value)?,
            "terminate_after" => self.request.terminate_after = read_terminate_after(key, value)?,
            "timeout" => check_timeout(value)?,
            "stats" if value.is_array() => {}
            "pit" => self.pit = Some(Pit::read(value)?),
            "slice" => {}
            "profile" => self.profile = flag(key, value)?,
            other if self.shows.member(other, value)? => {}
            other => return Err(unknown_key(other, value)),
        }
        Ok(())
    }
}

/// `slice`, and what decides if that is said.
fn read_slice(value: &Value) -> Result<(Slice, Option<SliceBy>), ApiError> {
    let Value::Object(members) = value else { return Err(unknown_key("slice", value)) };
    let (mut id, mut max, mut by) = (None, None, None);
    for (key, value) in members {
        let wrong = |reason: &str| {
            ApiError::malformed(format!("[slice] failed to parse field [{key}]"))
                .caused_by("illegal_argument_exception", reason)
        };
        let number = || {
            let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
            let number = number.filter(|number| i32::try_from(*number).is_ok());
            number.ok_or_else(|| wrong("it must be a whole number"))
        };
        match (key.as_str(), value) {
            ("id", _) => {
                let number = u32::try_from(number()?);
                id = Some(number.map_err(|_| wrong("id must be greater than or equal to 0"))?);
            }
            ("max", _) => {
                let number = u32::try_from(number()?).ok().filter(|max| *max > 1);
                let number = number.ok_or_else(|| wrong("max must be greater than 1"))?;
                if id.is_some_and(|id| id >= number) {
                    return Err(wrong("max must be greater than id"));
                }
                max = Some(number);
            }
            ("field", Value::String(field)) => {
                by = Some(match field.as_str() {
                    "_id" => SliceBy::Id,
                    "_doc" => SliceBy::Document,
                    field => SliceBy::Field(field.to_owned()),
                });
            }
            ("field", _) => {
                let kind = json_kind(value);
                return Err(ApiError::malformed(format!(
                    "[slice] field doesn't support values of type: {kind}"
                )));
            }
            (other, _) => return Err(ApiError::malformed(format!("[slice] unknown field [{other}]"))),
        }
    }
    match (id, max) {
        (Some(number), Some(of)) if number < of => Ok((Slice { number, of }, by)),
        (Some(_), Some(_)) => Err(ApiError::argument("max must be greater than id")),
        (None, _) => Err(ApiError::argument("id must be greater than or equal to 0")),
        (_, None) => Err(ApiError::argument("max must be greater than 1")),
    }
}

pub(super) fn unknown_key(key: &str, value: &Value) -> ApiError {
    ApiError::parsing(format!("Unknown key for a {} in [{key}].", json_kind(value)))
}

/// A member that is true or false, or a text that says so.
pub(super) fn flag(key: &str, value: &Value) -> Result<bool, ApiError> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        Value::String(text) => Err(ApiError::argument(format!(
            "Failed to parse value [{text}] as only [true] or [false] are allowed."
        ))),
        _ => Err(unknown_key(key, value)),
    }
}

/// `[{"logs-*": 1.5}, …]`, or an object of them.
fn read_boosts(value: &Value) -> Result<Vec<(String, f32)>, ApiError> {
    let malformed = || {
        ApiError::parsing(
            "[indices_boost] must be an object, or an array of objects of one index each, with numbers",
        )
    };
    let entry = |(name, boost): (&String, &Value)| {
        let boost = boost.as_f64().or_else(|| boost.as_str()?.parse().ok());
        boost.map(|boost| (name.clone(), boost as f32)).ok_or_else(malformed)
    };
    match value {
        Value::Object(members) => members.iter().map(entry).collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| match item.as_object() {
                Some(members) if members.len() == 1 => {
                    members.iter().next().map_or_else(|| Err(malformed()), entry)
                }
                _ => Err(malformed()),
            })
            .collect(),
        _ => Err(malformed()),
    }
}

/// After how many matches a shard looks for no more; none for 0.
pub(crate) fn read_terminate_after(key: &str, value: &Value) -> Result<Option<u64>, ApiError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(ApiError::argument("terminateAfter must be > 0")),
        Ok(number) => Ok(u64::try_from(number).ok().filter(|number| *number > 0)),
        Err(_) => {
            Err(ApiError::argument(format!("Failed to parse int parameter [{key}] with value [{text}]"))
                .caused_by("number_format_exception", format!("For input string: \"{text}\"")))
        }
    }
}

fn read_score(key: &str, value: &Value) -> Result<f32, ApiError> {
    match value {
        Value::String(text) => text.parse().map_err(|_| {
            ApiError::new(400, "number_format_exception", format!("For input string: \"{text}\""))
        }),
        other => other.as_f64().map(|score| score as f32).ok_or_else(|| unknown_key(key, value)),
    }
}

/// A `timeout` in a body: a time span with a unit.
pub(crate) fn check_timeout(value: &Value) -> Result<(), ApiError> {
    match value {
        Value::String(text) => read_span("timeout", text).map(drop),
        Value::Number(_) | Value::Bool(_) => read_span("timeout", &value.to_string()).map(drop),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(unknown_key("timeout", value)),
    }
}

pub(super) fn count(key: &str, value: &Value) -> Result<usize, ApiError> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.parse::<i64>() {
        Ok(number) if number >= 0 => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        Ok(number) => {
            Err(ApiError::argument(format!("[{key}] parameter cannot be negative, found [{number}]")))
        }
        Err(_) => {
            Err(ApiError::argument(format!("Failed to parse int parameter [{key}] with value [{text}]"))
                .caused_by("number_format_exception", format!("For input string: \"{text}\"")))
        }
    }
}

/// `track_total_hits`: true, false, or a number.
pub(crate) fn read_track(value: &Value) -> Result<TrackTotal, ApiError> {
    match value {
        Value::Bool(true) => Ok(TrackTotal::All),
        Value::Bool(false) => Ok(TrackTotal::No),
        Value::String(text) if text == "true" => Ok(TrackTotal::All),
        Value::String(text) if text == "false" => Ok(TrackTotal::No),
        other => {
            let number = other.as_i64().or_else(|| other.as_str()?.parse().ok());
            match number {
                Some(-1) => Ok(TrackTotal::No),
                Some(number) if number < 0 => Err(ApiError::argument(format!(
                    "[track_total_hits] parameter must be positive or equals to -1, got {number}"
                ))),
                _ => count("track_total_hits", other).map(|number| TrackTotal::UpTo(number as u64)),
            }
        }
    }
}

/// `_source`: true, false, a pattern, patterns, or includes and excludes.
pub(crate) fn read_source(value: &Value) -> Result<SourceFilter, ApiError> {
    let patterns = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            Value::String(text) => text.split(',').map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    };
    Ok(match value {
        Value::Bool(true) => SourceFilter::All,
        Value::Bool(false) => SourceFilter::None,
        Value::String(_) | Value::Array(_) => {
            SourceFilter::Fields { includes: patterns(value), excludes: Vec::new() }
        }
        Value::Object(object) => {
            if let Some(unknown) = object
                .keys()
                .find(|key| !matches!(key.as_str(), "include" | "includes" | "exclude" | "excludes"))
            {
                return Err(ApiError::parsing(format!("Unknown key for a VALUE in [_source]: [{unknown}]")));
            }
            let either =
                |a: &str, b: &str| object.get(a).or_else(|| object.get(b)).map(patterns).unwrap_or_default();
            let (includes, excludes) = (either("includes", "include"), either("excludes", "exclude"));
            if let Some(both) = includes.iter().find(|entry| excludes.contains(entry)) {
                return Err(ApiError::argument(format!(
                    "The same entry [{both}] cannot be both included and excluded in _source."
                )));
            }
            SourceFilter::Fields { includes, excludes }
        }
        Value::Null | Value::Number(_) => {
            return Err(ApiError::parsing(format!(
                "Expected one of [VALUE_BOOLEAN, START_OBJECT] but found [{}] in [_source]",
                json_kind(value)
            )));
        }
    })
}
