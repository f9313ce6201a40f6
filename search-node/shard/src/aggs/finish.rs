//! The answer: buckets in their order, cut to size, as Elasticsearch shows them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value, json};

use super::field_formats::{ReadFormats, Shown};
use super::partial::{AggPartial, Bucket, Key, State, Sums};
use super::request::{
    AggError, AggRequest, DateHistogram, Histogram, Interval, Kind, Metric, Node, OrderBy, Terms,
    bound_millis,
};
use super::values::{date_bucket, order_f64, unorder_f64};
use crate::mapping::dates::{DateFormats, show};
use crate::mapping::{decode_version, show_ip};
use crate::query::QueryError;
use crate::search::Meter;

/// The answer of all aggregations of a request.
pub fn finish(request: &AggRequest, mut partial: AggPartial, now_millis: i64) -> Result<Value, AggError> {
    let formats =
        partial.formats.take().map_or_else(ReadFormats::default, |formats| ReadFormats::new(*formats));
    let meter = request.room.meter();
    let most = request.most_buckets();
    let mut finishing = Finishing { now: now_millis, most, left: most, formats, meter };
    finish_level(request, partial, &mut finishing).map(Value::Object)
}

/// What the making of an answer knows throughout.
struct Finishing {
    now: i64,
    /// How many buckets there may be.
    most: usize,
    /// How many more buckets there may be.
    left: usize,
    formats: ReadFormats,
    meter: Meter,
}

/// The name of what bounds buckets, as it is told.
const MAX_BUCKETS: &str = "search.max_buckets";

/// What a bucket or a figure takes as JSON, as a tree and as a text, about: measured, 700 with a key and a count.
const SHOWN_BYTES: usize = 768;

impl Finishing {
    /// Takes memory for what is made of the answer.
    fn take(&mut self, bytes: usize) -> Result<(), AggError> {
        self.meter.take(bytes).map_err(|_| QueryError {
            kind: "circuit_breaking_exception",
            reason: "there is no memory for the buckets of the answer".to_owned(),
        })
    }

    /// Counts buckets of the answer.
    fn count(&mut self, buckets: usize) -> Result<(), AggError> {
        self.left = self.left.checked_sub(buckets).ok_or_else(|| self.too_many())?;
        Ok(())
    }

    /// As Elasticsearch tells it, which counts them one by one.
    fn too_many(&self) -> AggError {
        let most = self.most;
        QueryError {
            kind: AggError::TOO_MANY_BUCKETS,
            reason: format!(
                "Trying to create too many buckets. Must be less than or equal to: [{most}] but was [{}]. This limit can be set by changing the [{MAX_BUCKETS}] cluster level setting.",
                most + 1
            ),
        }
    }
}

fn finish_level(
    request: &AggRequest,
    partial: AggPartial,
    finishing: &mut Finishing,
) -> Result<Map<String, Value>, AggError> {
    let mut states = partial.states.into_iter();
    let mut answer = Map::new();
    for node in &request.nodes {
        let mut body = finish_node(node, states.next(), finishing)?;
        if let Some(meta) = &node.meta {
            body.insert("meta".to_owned(), meta.clone());
        }
        answer.insert(node.name.clone(), Value::Object(body));
    }
    Ok(answer)
}

fn finish_node(
    node: &Node,
    state: Option<State>,
    finishing: &mut Finishing,
) -> Result<Map<String, Value>, AggError> {
    match (&node.kind, state) {
        (Kind::Terms(terms), Some(State::Terms(buckets))) => {
            finishing.take(buckets.len() * size_of::<(Key, Bucket)>())?;
            finish_terms(node, terms, buckets.into_iter().collect(), finishing)
        }
        (Kind::Terms(terms), _) => finish_terms(node, terms, Vec::new(), finishing),
        (Kind::DateHistogram(histogram), Some(State::Histogram(buckets))) => {
            finish_dates(node, histogram, buckets, finishing)
        }
        (Kind::DateHistogram(histogram), _) => finish_dates(node, histogram, BTreeMap::new(), finishing),
        (Kind::Histogram(histogram), Some(State::Histogram(buckets))) => {
            finish_numbers(node, histogram, buckets, finishing)
        }
        (Kind::Histogram(_), _) => Ok(object(json!({"buckets": []}))),
        (Kind::Filter(_) | Kind::Missing { .. }, state) => {
            let bucket = if let Some(State::Single(bucket)) = state { bucket } else { Bucket::default() };
            let mut body = object(json!({"doc_count": bucket.count}));
            body.extend(finish_level(&node.subs, bucket.subs, finishing)?);
            Ok(body)
        }
        (Kind::Metric { metric, field, format, .. }, state) => {
            let sums = if let Some(State::Metric(sums)) = state { sums } else { Sums::default() };
            let shown = finishing.formats.shown(field, format.as_deref(), &TimeZone::UTC)?;
            Ok(finish_metric(*metric, sums, shown.as_ref()))
        }
        (Kind::Cardinality { .. }, Some(State::Distinct(counter))) => {
            Ok(object(json!({"value": counter.count()})))
        }
        (Kind::Cardinality { .. }, _) => Ok(object(json!({"value": 0}))),
    }
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}

fn finish_metric(metric: Metric, sums: Sums, shown: Option<&Shown>) -> Map<String, Value> {
    let average = sums.sum() / sums.count as f64;
    if metric == Metric::ValueCount {
        return object(json!({"value": sums.count}));
    }
    if metric == Metric::Stats {
        let all = [("min", sums.min), ("max", sums.max), ("avg", average), ("sum", sums.sum())];
        let mut body = object(json!({"count": sums.count}));
        for (name, value) in all {
            let value = if sums.count > 0 || name == "sum" { json!(value) } else { Value::Null };
            body.insert(name.to_owned(), value);
        }
        if let (Some(shown), 1..) = (shown, sums.count) {
            body.extend(
                all.map(|(name, value)| (format!("{name}_as_string"), json!(shown.date(value as i64)))),
            );
        }
        return body;
    }
    let value = match metric {
        Metric::Avg => average,
        Metric::Min => sums.min,
        Metric::Max => sums.max,
        Metric::Sum | Metric::ValueCount | Metric::Stats => sums.sum(),
    };
    if sums.count == 0 {
        return object(json!({"value": if metric == Metric::Sum { json!(value) } else { Value::Null }}));
    }
    let mut body = object(json!({"value": value}));
    if let Some(shown) = shown {
        body.insert("value_as_string".to_owned(), json!(shown.date(value as i64)));
    }
    body
}

fn finish_terms(
    node: &Node,
    terms: &Terms,
    mut buckets: Vec<(Key, Bucket)>,
    finishing: &mut Finishing,
) -> Result<Map<String, Value>, AggError> {
    let least = terms.min_doc_count.max(1);
    buckets.retain(|(_, bucket)| bucket.count >= least);
    for (by, _) in &terms.order {
        check_order(node, by)?;
    }
    buckets.sort_by(|a, b| {
        terms
            .order
            .iter()
            .map(|(by, ascending)| {
                let order = compare_by(node, by, a, b);
                if *ascending { order } else { order.reverse() }
            })
            .find(|order| order.is_ne())
            .unwrap_or_else(|| a.0.cmp(&b.0))
    });
    let others: u64 = buckets.iter().skip(terms.size).map(|(_, bucket)| bucket.count).sum();
    buckets.truncate(terms.size);
    let shown = finishing.formats.shown(&terms.field, terms.format.as_deref(), &TimeZone::UTC)?;
    let buckets = show_buckets(node, buckets, shown.as_ref(), finishing)?;
    Ok(object(json!({"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets})))
}

fn check_order(node: &Node, by: &OrderBy) -> Result<(), AggError> {
    match by {
        OrderBy::Sub(name, _) if !node.subs.nodes.iter().any(|sub| sub.name == *name) => Err(QueryError {
            kind: "aggregation_execution_exception",
            reason: format!(
                "Invalid aggregation order path [{name}]. The provided aggregation [{name}] either does not exist, or is a pipeline aggregation and cannot be used to sort the buckets."
            ),
        }),
        _ => Ok(()),
    }
}

fn compare_by(node: &Node, by: &OrderBy, a: &(Key, Bucket), b: &(Key, Bucket)) -> Ordering {
    match by {
        OrderBy::Count => a.1.count.cmp(&b.1.count),
        OrderBy::Key => a.0.cmp(&b.0),
        OrderBy::Sub(name, value) => {
            let number = |bucket: &Bucket| sub_value(node, bucket, name, value.as_deref());
            number(&a.1).total_cmp(&number(&b.1))
        }
    }
}

/// A metric's value for ordering; a bucket without one comes last in a descending order.
fn sub_value(node: &Node, bucket: &Bucket, name: &str, value: Option<&str>) -> f64 {
    let Some(at) = node.subs.nodes.iter().position(|sub| sub.name == name) else {
        return f64::NEG_INFINITY;
    };
    match (&node.subs.nodes[at].kind, bucket.subs.states.get(at)) {
        (Kind::Metric { metric, .. }, Some(State::Metric(sums))) => match (metric, value) {
            (Metric::Avg, _) | (_, Some("avg")) if sums.count > 0 => sums.sum() / sums.count as f64,
            (Metric::Min, _) | (_, Some("min")) => sums.min,
            (Metric::Max, _) | (_, Some("max")) => sums.max,
            (Metric::Sum, _) | (_, Some("sum")) => sums.sum(),
            (Metric::ValueCount | Metric::Stats, _) => sums.count as f64,
            _ => f64::NEG_INFINITY,
        },
        (_, Some(State::Distinct(counter))) => counter.count() as f64,
        (_, Some(State::Single(bucket))) => bucket.count as f64,
        _ => f64::NEG_INFINITY,
    }
}

fn finish_dates(
    node: &Node,
    histogram: &DateHistogram,
    buckets: BTreeMap<Key, Bucket>,
    finishing: &mut Finishing,
) -> Result<Map<String, Value>, AggError> {
    let mut by_start: BTreeMap<i64, Bucket> = buckets
        .into_iter()
        .filter_map(|(key, bucket)| if let Key::Date(start) = key { Some((start, bucket)) } else { None })
        .collect();
    if histogram.min_doc_count == 0 {
        let now = finishing.now;
        let bound =
            |value: &Value| bound_millis(value, now, histogram).map(|millis| date_bucket(histogram, millis));
        let (low, high) =
            histogram.bounds.as_ref().map_or((None, None), |(low, high)| (bound(low), bound(high)));
        let first = by_start.keys().next().copied().into_iter().chain(low).min();
        let last = by_start.keys().next_back().copied().into_iter().chain(high).max();
        if let (Some(first), Some(last)) = (first, last) {
            fill(&mut by_start, first, last, |start| next_date(histogram, start), finishing)?;
        }
    }
    by_start.retain(|_, bucket| bucket.count >= histogram.min_doc_count);
    let buckets = by_start.into_iter().map(|(start, bucket)| (Key::Date(start), bucket)).collect();
    let shown = match &histogram.format {
        Some(format) => Some(Shown::new(format.clone(), histogram.zone.clone())),
        None => finishing.formats.shown(&histogram.field, None, &histogram.zone)?,
    };
    // Of a field that is no date the keys are dates nevertheless.
    let shown = shown.unwrap_or_else(|| Shown::new(DateFormats::default(), histogram.zone.clone()));
    Ok(object(json!({"buckets": show_buckets(node, buckets, Some(&shown), finishing)?})))
}

fn next_date(histogram: &DateHistogram, start: i64) -> Option<i64> {
    match histogram.interval {
        Interval::Fixed(interval) => start.checked_add(interval),
        Interval::Calendar(unit) => {
            let span = match unit {
                'y' => Span::new().years(1),
                'q' => Span::new().months(3),
                'M' => Span::new().months(1),
                'w' => Span::new().weeks(1),
                'd' => Span::new().days(1),
                'h' => Span::new().hours(1),
                'm' => Span::new().minutes(1),
                _ => Span::new().seconds(1),
            };
            let moment = Timestamp::from_millisecond(start - histogram.offset).ok()?;
            let next = moment.to_zoned_datetime(histogram.zone.clone()).checked_add(span).ok()?;
            Some(next.timestamp().as_millisecond() + histogram.offset)
        }
    }
}

/// Adds the empty buckets between two starts.
fn fill(
    buckets: &mut BTreeMap<i64, Bucket>,
    first: i64,
    last: i64,
    next: impl Fn(i64) -> Option<i64>,
    finishing: &Finishing,
) -> Result<(), AggError> {
    let mut start = first;
    for _ in 0..=finishing.left {
        if start > last {
            return Ok(());
        }
        buckets.entry(start).or_default();
        match next(start) {
            Some(following) if following > start => start = following,
            _ => return Ok(()),
        }
    }
    Err(finishing.too_many())
}

fn finish_numbers(
    node: &Node,
    histogram: &Histogram,
    buckets: BTreeMap<Key, Bucket>,
    finishing: &mut Finishing,
) -> Result<Map<String, Value>, AggError> {
    let number = |key: &Key| {
        if let Key::Float(bits) = key { unorder_f64(*bits) } else { 0.0 }
    };
    let step = |key: &Key| ((number(key) - histogram.offset) / histogram.interval).round() as i64;
    let mut by_step: BTreeMap<i64, Bucket> =
        buckets.into_iter().map(|(key, bucket)| (step(&key), bucket)).collect();
    let ends = by_step.keys().next().copied().zip(by_step.keys().next_back().copied());
    if let (0, Some((first, last))) = (histogram.min_doc_count, ends) {
        fill(&mut by_step, first, last, |step| step.checked_add(1), finishing)?;
    }
    by_step.retain(|_, bucket| bucket.count >= histogram.min_doc_count);
    let key = |step: i64| Key::Float(order_f64(step as f64 * histogram.interval + histogram.offset));
    let buckets = by_step.into_iter().map(|(step, bucket)| (key(step), bucket)).collect();
    Ok(object(json!({"buckets": show_buckets(node, buckets, None, finishing)?})))
}

fn show_buckets(
    node: &Node,
    buckets: Vec<(Key, Bucket)>,
    shown: Option<&Shown>,
    finishing: &mut Finishing,
) -> Result<Vec<Value>, AggError> {
    finishing.count(buckets.len())?;
    buckets
        .into_iter()
        .map(|(key, bucket)| {
            finishing.take((1 + node.subs.nodes.len()) * SHOWN_BYTES)?;
            let mut body = show_key(&key, shown);
            body.insert("doc_count".to_owned(), json!(bucket.count));
            body.extend(finish_level(&node.subs, bucket.subs, finishing)?);
            Ok(Value::Object(body))
        })
        .collect()
}

fn show_key(key: &Key, shown: Option<&Shown>) -> Map<String, Value> {
    object(match key {
        Key::Integer(number) => json!({"key": number}),
        Key::Unsigned(number) => json!({"key": number}),
        Key::Float(bits) => json!({"key": unorder_f64(*bits)}),
        Key::Bool(flag) => json!({"key": i32::from(*flag), "key_as_string": flag.to_string()}),
        Key::Date(millis) => {
            let text = shown.map_or_else(|| show(*millis), |shown| shown.date(*millis));
            json!({"key_as_string": text, "key": millis})
        }
        Key::Text(text) => json!({"key": text}),
        Key::Version(encoded) => json!({"key": decode_version(encoded)}),
        Key::Ip(address) => json!({"key": show_ip(*address)}),
    })
}
