//! The request: Elasticsearch's JSON to a tree of aggregations, refusing what it does not know.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::json_values::plain;
use crate::mapping::dates::{DateFormats, read_math, time_zone};
use crate::query::{Query, QueryError, parse_query};
use crate::search::{Room, Within};

/// Deeper aggregations are refused.
const DEPTH_MAX: usize = 16;
/// Buckets that an answer may hold where nobody says how many, as in Elasticsearch.
const BUCKETS_MAX: usize = 65_535;

const KNOWN: [&str; 12] = [
    "terms",
    "date_histogram",
    "histogram",
    "filter",
    "missing",
    "avg",
    "min",
    "max",
    "sum",
    "value_count",
    "stats",
    "cardinality",
];

/// A request that cannot be read, in Elasticsearch's words.
pub type AggError = QueryError;

/// The aggregations of one level.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AggRequest {
    pub(super) nodes: Vec<Node>,
    /// Where the memory of what they hold is asked for; of the outermost level only.
    pub(super) room: Within,
    /// How many buckets the answer may hold, if that is said; of the outermost level only.
    most_buckets: Option<usize>,
}

impl AggRequest {
    /// The same, with the memory for what they hold taken of a room.
    #[must_use]
    pub fn within(self, room: Arc<dyn Room>) -> Self {
        Self { room: Within::new(room), ..self }
    }

    /// The same, with so many buckets in the answer at most.
    #[must_use]
    pub fn with_most_buckets(self, most: usize) -> Self {
        Self { most_buckets: Some(most), ..self }
    }

    /// How many buckets the answer may hold.
    pub fn most_buckets(&self) -> usize {
        self.most_buckets.unwrap_or(BUCKETS_MAX)
    }

    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// One aggregation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) meta: Option<Value>,
    pub(super) subs: AggRequest,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Terms(Terms),
    DateHistogram(DateHistogram),
    Histogram(Histogram),
    Filter(Box<Query>),
    Missing { field: String },
    Metric { metric: Metric, field: String, missing: Option<f64>, format: Option<String> },
    Cardinality { field: String, precision: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Avg,
    Min,
    Max,
    Sum,
    ValueCount,
    Stats,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Terms {
    pub(super) field: String,
    pub(super) size: usize,
    pub(super) min_doc_count: u64,
    pub(super) order: Vec<(OrderBy, bool)>,
    pub(super) missing: Option<Value>,
    pub(super) format: Option<String>,
}

/// What buckets are ordered by; the flag beside it says ascending.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum OrderBy {
    Count,
    Key,
    /// A metric below, and which of its values if it has several.
    Sub(String, Option<String>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct DateHistogram {
    pub(super) field: String,
    pub(super) interval: Interval,
    pub(super) offset: i64,
    pub(super) zone: TimeZone,
    pub(super) min_doc_count: u64,
    pub(super) bounds: Option<(Value, Value)>,
    pub(super) format: Option<DateFormats>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interval {
    /// Milliseconds.
    Fixed(i64),
    /// A calendar unit: y q M w d h m s.
    Calendar(char),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) field: String,
    pub(super) interval: f64,
    pub(super) offset: f64,
    pub(super) min_doc_count: u64,
}

/// Reads the value of `aggs`.
pub fn parse(json: &Value) -> Result<AggRequest, AggError> {
    parse_level(json, 0)
}

fn parse_level(json: &Value, depth: usize) -> Result<AggRequest, AggError> {
    if depth > DEPTH_MAX {
        return Err(QueryError::argument(format!("aggregations are nested deeper than {DEPTH_MAX} levels")));
    }
    let object =
        json.as_object().ok_or_else(|| QueryError::parsing("Expected [START_OBJECT] under [aggs]"))?;
    let nodes = object.iter().map(|(name, body)| parse_node(name, body, depth)).collect::<Result<_, _>>()?;
    Ok(AggRequest { nodes, ..AggRequest::default() })
}

fn parse_node(name: &str, body: &Value, depth: usize) -> Result<Node, AggError> {
    if name.is_empty() || name.contains(['[', ']', '>']) {
        return Err(QueryError::parsing(format!(
            "Invalid aggregation name [{name}]. Aggregation names can contain any character except '[', ']', and '>'"
        )));
    }
    let members = body.as_object().ok_or_else(|| {
        QueryError::parsing(format!(
            "Aggregation definition for [{name}] starts with a value, expected a [START_OBJECT]."
        ))
    })?;
    let (mut kind, mut meta, mut subs) = (None, None, AggRequest::default());
    for (key, value) in members {
        match key.as_str() {
            "aggs" | "aggregations" => subs = parse_level(value, depth + 1)?,
            "meta" => meta = Some(value.clone()),
            _ if kind.is_some() => {
                return Err(QueryError::parsing(format!(
                    "Found two aggregation type definitions in [{name}]: [{key}]"
                )));
            }
            _ => kind = Some(parse_kind(name, key, value)?),
        }
    }
    let kind =
        kind.ok_or_else(|| QueryError::parsing(format!("Missing definition for aggregation [{name}]")))?;
    let is_metric = matches!(kind, Kind::Metric { .. } | Kind::Cardinality { .. });
    if is_metric && !subs.is_empty() {
        return Err(QueryError {
            kind: "aggregation_initialization_exception",
            reason: format!("Aggregator [{name}] cannot accept sub-aggregations"),
        });
    }
    Ok(Node { name: name.to_owned(), kind, meta, subs })
}

fn parse_kind(name: &str, kind: &str, body: &Value) -> Result<Kind, AggError> {
    let metric = match kind {
        "avg" => Metric::Avg,
        "min" => Metric::Min,
        "max" => Metric::Max,
        "sum" => Metric::Sum,
        "value_count" => Metric::ValueCount,
        "stats" => Metric::Stats,
        "filter" => return Ok(Kind::Filter(Box::new(parse_query(body)?))),
        _ => {
            let mut members = Members::of(kind, body)?;
            let parsed = match kind {
                "terms" => Kind::Terms(parse_terms(&mut members)?),
                "date_histogram" => Kind::DateHistogram(parse_date_histogram(&mut members)?),
                "histogram" => Kind::Histogram(parse_histogram(&mut members)?),
                "missing" => Kind::Missing { field: members.field()? },
                "cardinality" => {
                    let field = members.field()?;
                    let precision = members.integer("precision_threshold")?.unwrap_or(3000).clamp(0, 40_000);
                    Kind::Cardinality { field, precision: precision as usize }
                }
                _ => {
                    let known = KNOWN.iter().find(|known| known.contains(kind) || kind.contains(*known));
                    let hint = known.map_or(String::new(), |known| format!(" did you mean [{known}]?"));
                    return Err(QueryError::parsing(format!("Unknown aggregation type [{kind}]{hint}")));
                }
            };
            members.finish(name)?;
            return Ok(parsed);
        }
    };
    let mut members = Members::of(kind, body)?;
    let field = members.field()?;
    let missing = members.take("missing").and_then(|value| value.as_f64());
    let format = members.text("format");
    members.finish(name)?;
    Ok(Kind::Metric { metric, field, missing, format })
}

fn parse_terms(members: &mut Members) -> Result<Terms, AggError> {
    let order = match members.take("order") {
        None => vec![(OrderBy::Count, false)],
        Some(Value::Array(items)) => items.iter().map(parse_order).collect::<Result<Vec<_>, _>>()?.concat(),
        Some(one) => parse_order(&one)?,
    };
    for ignored in
        ["shard_size", "execution_hint", "collect_mode", "show_term_doc_count_error", "shard_min_doc_count"]
    {
        members.take(ignored);
    }
    let size = members.integer("size")?.unwrap_or(10);
    if size <= 0 {
        return Err(QueryError::argument(format!(
            "[size] must be greater than 0. Found [{size}] in [terms]"
        )));
    }
    Ok(Terms {
        field: members.field()?,
        size: size as usize,
        min_doc_count: members.integer("min_doc_count")?.unwrap_or(1).max(0) as u64,
        order,
        missing: members.take("missing"),
        format: members.text("format"),
    })
}

fn parse_order(value: &Value) -> Result<Vec<(OrderBy, bool)>, AggError> {
    let object = value
        .as_object()
        .ok_or_else(|| QueryError::parsing("Must specify at least one field for [order]"))?;
    object
        .iter()
        .map(|(key, direction)| {
            let ascending = match direction.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("asc") => true,
                Some("desc") => false,
                _ => {
                    return Err(QueryError::parsing(format!("Unknown order direction [{direction}]")));
                }
            };
            let by = match key.as_str() {
                "_count" => OrderBy::Count,
                "_key" | "_term" | "_time" => OrderBy::Key,
                path => match path.split_once('.') {
                    Some((name, value)) => OrderBy::Sub(name.to_owned(), Some(value.to_owned())),
                    None => OrderBy::Sub(path.to_owned(), None),
                },
            };
            Ok((by, ascending))
        })
        .collect()
}

fn parse_date_histogram(members: &mut Members) -> Result<DateHistogram, AggError> {
    let calendar = members.text("calendar_interval");
    let fixed = members.text("fixed_interval").or_else(|| members.text("interval"));
    let interval = match (calendar, fixed) {
        (Some(text), None) => Interval::Calendar(calendar_unit(&text)?),
        (None, Some(text)) => match calendar_unit(&text) {
            Ok(unit) if !text.starts_with(|c: char| c.is_ascii_digit()) => Interval::Calendar(unit),
            _ => Interval::Fixed(fixed_interval(&text)?),
        },
        _ => {
            return Err(QueryError::argument(
                "Invalid interval specified, must be non-null and non-empty: give one of calendar_interval and fixed_interval",
            ));
        }
    };
    let zone = match members.text("time_zone") {
        Some(text) => time_zone(&text).map_err(QueryError::argument)?,
        None => TimeZone::UTC,
    };
    let offset = match members.text("offset") {
        None => 0,
        Some(text) => match text.strip_prefix('-') {
            Some(back) => -fixed_interval(back)?,
            None => fixed_interval(text.trim_start_matches('+'))?,
        },
    };
    let bounds = members.take("extended_bounds").map(|bounds| {
        let member = |name: &str| bounds.get(name).cloned().unwrap_or(Value::Null);
        (member("min"), member("max"))
    });
    let format =
        members.text("format").map(|format| DateFormats::parse(&format).map_err(QueryError::argument));
    let format = format.transpose()?;
    members.take("keyed");
    members.take("order");
    Ok(DateHistogram {
        field: members.field()?,
        interval,
        offset,
        zone,
        min_doc_count: members.integer("min_doc_count")?.unwrap_or(0).max(0) as u64,
        bounds,
        format,
    })
}

fn calendar_unit(text: &str) -> Result<char, AggError> {
    Ok(match text {
        "second" | "1s" => 's',
        "minute" | "1m" => 'm',
        "hour" | "1h" => 'h',
        "day" | "1d" => 'd',
        "week" | "1w" => 'w',
        "month" | "1M" => 'M',
        "quarter" | "1q" => 'q',
        "year" | "1y" => 'y',
        _ => {
            return Err(QueryError::argument(format!(
                "The supplied interval [{text}] could not be parsed as a calendar interval."
            )));
        }
    })
}

fn fixed_interval(text: &str) -> Result<i64, AggError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    text[..digits]
        .parse::<i64>()
        .ok()
        .and_then(|count| count.checked_mul(unit))
        .filter(|millis| *millis > 0)
        .ok_or_else(|| {
            QueryError::argument(format!(
                "failed to parse setting [fixed_interval] with value [{text}] as a time value"
            ))
        })
}

/// A bound of `extended_bounds`, in milliseconds.
pub(super) fn bound_millis(value: &Value, now_millis: i64, histogram: &DateHistogram) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let usual = DateFormats::default();
            let formats = histogram.format.as_ref().unwrap_or(&usual);
            let read = |formats| read_math(text, formats, now_millis, &histogram.zone, false).ok();
            read(formats).or_else(|| read(&usual))
        }
        _ => None,
    }
}

fn parse_histogram(members: &mut Members) -> Result<Histogram, AggError> {
    let interval = members.take("interval").and_then(|value| value.as_f64()).unwrap_or(0.0);
    if interval <= 0.0 || !interval.is_finite() {
        return Err(QueryError::argument("[interval] must be >0 for histogram aggregation"));
    }
    let offset = members.take("offset").and_then(|value| value.as_f64()).unwrap_or(0.0);
    members.take("keyed");
    Ok(Histogram {
        field: members.field()?,
        interval,
        offset,
        min_doc_count: members.integer("min_doc_count")?.unwrap_or(0).max(0) as u64,
    })
}

/// The members of an aggregation's body, each taken once.
struct Members {
    kind: String,
    left: Map<String, Value>,
}

impl Members {
    fn of(kind: &str, body: &Value) -> Result<Self, AggError> {
        let left = body
            .as_object()
            .cloned()
            .ok_or_else(|| QueryError::parsing(format!("Expected [START_OBJECT] under [{kind}]")))?;
        Ok(Self { kind: kind.to_owned(), left })
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.left.shift_remove(key)
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.take(key).map(|value| plain(&value))
    }

    fn integer(&mut self, key: &str) -> Result<Option<i64>, AggError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        number.map(Some).ok_or_else(|| {
            QueryError::argument(format!("[{key}] of [{}] must be a whole number, not [{value}]", self.kind))
        })
    }

    fn field(&mut self) -> Result<String, AggError> {
        self.text("field").ok_or_else(|| {
            QueryError::argument(format!(
                "Required one of fields [field, script], but none were specified in [{}]",
                self.kind
            ))
        })
    }

    fn finish(self, name: &str) -> Result<(), AggError> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) => Err(QueryError::parsing(format!(
                "[{}] unknown field [{key}] in aggregation [{name}]",
                self.kind
            ))),
        }
    }
}
