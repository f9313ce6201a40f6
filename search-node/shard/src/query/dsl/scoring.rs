//! Queries that change what documents score.

use serde_json::Value;

use super::inside;
use super::members::Members;
use super::scripts::parse_script;
use crate::json_values::plain;
use crate::query::QueryError;
use crate::query::ast::{
    BoostMode, Decay, DecayMode, DecayShape, FeatureFunction, FunctionKind, FunctionMode, FunctionScore,
    Modifier, Query, ScoreFunction,
};

const FUNCTION_SCORE: &str = "function_score";

fn malformed(what: impl std::fmt::Display) -> QueryError {
    QueryError::parsing(format!("failed to parse [{FUNCTION_SCORE}] query. {what}"))
}

pub(super) fn parse_function_score(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of(FUNCTION_SCORE, body)?;
    let query = members.read("query", |value| inside(value, depth))?.unwrap_or(Query::MatchAll);
    let score_mode = members.read("score_mode", |value| {
        named(value, &SCORE_MODES, "illegal score_mode").map_err(QueryError::argument)
    })?;
    let boost_mode = members.read("boost_mode", |value| {
        named(value, &BOOST_MODES, "illegal boost_mode").map_err(QueryError::parsing)
    })?;
    let max_boost = members.number("max_boost")?.unwrap_or(f32::MAX);
    let min_score = members.number("min_score")?;
    let several = members.read("functions", |value| {
        let items = value.as_array().ok_or_else(|| malformed("[functions] must be an array"))?;
        items.iter().map(|item| parse_function(item, depth)).collect::<Result<Vec<_>, _>>()
    })?;
    let single = take_function(&mut members)?;
    let functions = match (several, single) {
        (Some(_), Some(_)) => {
            return Err(malformed(
                "already found [functions] array, now encountering a function of its own.",
            ));
        }
        (Some(several), None) => several,
        (None, Some(single)) => vec![single],
        (None, None) => Vec::new(),
    };
    let scored = FunctionScore {
        query,
        functions,
        score_mode: score_mode.unwrap_or_default(),
        boost_mode: boost_mode.unwrap_or_default(),
        max_boost,
        min_score,
    };
    members.end(Query::FunctionScore(Box::new(scored)))
}

fn parse_function(item: &Value, depth: usize) -> Result<ScoreFunction, QueryError> {
    let mut members = Members::of(FUNCTION_SCORE, item)?;
    let filter = members.read("filter", |value| inside(value, depth))?;
    let function = take_function(&mut members)?;
    members.done()?;
    match function {
        Some(function) => Ok(ScoreFunction { filter, ..function }),
        None => Err(malformed("an entry in functions list is missing a function.")),
    }
}

/// The function that stands among members, if there is one.
fn take_function(members: &mut Members<'_>) -> Result<Option<ScoreFunction>, QueryError> {
    let weight = members.number("weight")?;
    let mut kinds = Vec::new();
    for (name, parse) in FUNCTIONS {
        if let Some(body) = members.take(name) {
            kinds.push(parse(name, body)?);
        }
    }
    if kinds.len() > 1 {
        return Err(malformed(
            "already found a function, now encountering another one. Use [functions] array if you want to define several functions.",
        ));
    }
    let kind = match (kinds.pop(), weight) {
        (None, None) => return Ok(None),
        (kind, _) => kind.unwrap_or(FunctionKind::One),
    };
    Ok(Some(ScoreFunction { filter: None, weight, kind }))
}

type ParseFunction = fn(&'static str, &Value) -> Result<FunctionKind, QueryError>;

const FUNCTIONS: [(&str, ParseFunction); 6] = [
    ("field_value_factor", parse_field_value),
    ("random_score", parse_random),
    ("script_score", parse_script_function),
    ("gauss", parse_decay),
    ("exp", parse_decay),
    ("linear", parse_decay),
];

const SCORE_MODES: [(&str, FunctionMode); 6] = [
    ("multiply", FunctionMode::Multiply),
    ("sum", FunctionMode::Sum),
    ("avg", FunctionMode::Avg),
    ("first", FunctionMode::First),
    ("max", FunctionMode::Max),
    ("min", FunctionMode::Min),
];

const BOOST_MODES: [(&str, BoostMode); 6] = [
    ("multiply", BoostMode::Multiply),
    ("replace", BoostMode::Replace),
    ("sum", BoostMode::Sum),
    ("avg", BoostMode::Avg),
    ("max", BoostMode::Max),
    ("min", BoostMode::Min),
];

const MODIFIERS: [(&str, Modifier); 10] = [
    ("none", Modifier::None),
    ("log", Modifier::Log),
    ("log1p", Modifier::Log1p),
    ("log2p", Modifier::Log2p),
    ("ln", Modifier::Ln),
    ("ln1p", Modifier::Ln1p),
    ("ln2p", Modifier::Ln2p),
    ("square", Modifier::Square),
    ("sqrt", Modifier::Sqrt),
    ("reciprocal", Modifier::Reciprocal),
];

const DECAY_MODES: [(&str, DecayMode); 4] =
    [("min", DecayMode::Min), ("max", DecayMode::Max), ("avg", DecayMode::Avg), ("sum", DecayMode::Sum)];

/// What a name stands for.
fn named<T: Copy>(value: &Value, known: &[(&str, T)], otherwise: &str) -> Result<T, String> {
    let name = plain(value).to_ascii_lowercase();
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|(_, meant)| *meant).ok_or_else(|| format!("{otherwise} [{}]", plain(value)))
}

fn signed(query: &str, key: &str, value: &Value) -> Result<f64, QueryError> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number| number.is_finite()).ok_or_else(|| {
        QueryError::argument(format!("[{key}] of [{query}] must be a number, not [{}]", plain(value)))
    })
}

fn parse_field_value(name: &'static str, body: &Value) -> Result<FunctionKind, QueryError> {
    let mut members = Members::of(name, body)?;
    let field = members.text("field");
    let field =
        field.ok_or_else(|| QueryError::parsing(format!("[{name}] required field 'field' missing")))?;
    let factor = members.read("factor", |value| signed(name, "factor", value))?.unwrap_or(1.0) as f32;
    let modifier = members.read("modifier", |value| {
        named(value, &MODIFIERS, "no modifier is called").map_err(QueryError::argument)
    })?;
    let missing = members.read("missing", |value| signed(name, "missing", value))?;
    members.done()?;
    Ok(FunctionKind::FieldValue { field, factor, modifier: modifier.unwrap_or_default(), missing })
}

fn parse_random(name: &'static str, body: &Value) -> Result<FunctionKind, QueryError> {
    let mut members = Members::of(name, body)?;
    let seed =
        members.read("seed", |value| match value {
            Value::String(text) => Ok(java_hash(text)),
            Value::Number(number) => number
                .as_i64()
                .map(|number| {
                    if i32::try_from(number).is_ok() { number as i32 } else { (number ^ number >> 32) as i32 }
                })
                .ok_or_else(|| {
                    QueryError::parsing(format!("{name} seed must be an int or long, not '{number}'"))
                }),
            other => {
                Err(QueryError::parsing(format!("{name} seed must be an int/long or string, not '{other}'")))
            }
        })?;
    let field = members.text("field");
    members.done()?;
    Ok(FunctionKind::Random { seed, field })
}

/// What Java calls the hash code of a text.
pub(in crate::query) fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

fn parse_script_function(name: &'static str, body: &Value) -> Result<FunctionKind, QueryError> {
    let mut members = Members::of(name, body)?;
    let script = members.read("script", parse_script)?;
    let script = script.ok_or_else(|| QueryError::parsing(format!("{name} requires 'script' field")))?;
    members.done()?;
    Ok(FunctionKind::Script(script))
}

fn parse_decay(name: &'static str, body: &Value) -> Result<FunctionKind, QueryError> {
    let shape = match name {
        "exp" => DecayShape::Exp,
        "linear" => DecayShape::Linear,
        _ => DecayShape::Gauss,
    };
    let mut members = Members::of(name, body)?;
    let mode = members.read("multi_value_mode", |value| {
        named(value, &DECAY_MODES, "Illegal sort mode").map_err(QueryError::argument)
    })?;
    let Some((field, about)) = members.next() else {
        return Err(QueryError::parsing(format!(
            "malformed score function score parameters: [{name}] needs a field."
        )));
    };
    members.done()?;
    let mut inner = Members::of(name, about)?;
    let origin = inner.take("origin").cloned();
    let scale = inner.take("scale").cloned();
    let scale = scale
        .ok_or_else(|| QueryError::parsing("both [scale] and [origin] must be set for numeric fields."))?;
    let offset = inner.take("offset").cloned();
    let decay = inner.read("decay", |value| signed(name, "decay", value))?.unwrap_or(0.5);
    if !(decay > 0.0 && decay < 1.0) {
        return Err(QueryError {
            kind: "illegal_state_exception",
            reason: format!("{name} decay must be in the range [0..1], got [{decay:?}]"),
        });
    }
    inner.done()?;
    let (field, mode) = (field.to_owned(), mode.unwrap_or_default());
    Ok(FunctionKind::Decay(Box::new(Decay { field, shape, origin, scale, offset, decay, mode })))
}

pub(super) fn parse_script_filter(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("script", body)?;
    let script = members.read("script", parse_script)?;
    let script =
        script.ok_or_else(|| QueryError::parsing("script must be provided with a [script] query"))?;
    if script.program.needs_score() {
        return Err(QueryError {
            kind: "script_exception",
            reason: format!("compile error: cannot resolve symbol [_score], in script [{}]", script.source),
        });
    }
    members.end(Query::Script(script))
}

pub(super) fn parse_script_score(body: &Value, depth: usize) -> Result<Query, QueryError> {
    let mut members = Members::of("script_score", body)?;
    let query = members.read("query", |value| inside(value, depth))?;
    let query = query.ok_or_else(|| QueryError::argument("Required [query]"))?;
    let script = members.read("script", parse_script)?;
    let script = script.ok_or_else(|| QueryError::argument("Required [script]"))?;
    let min_score = members.number("min_score")?;
    members.end(Query::ScriptScore { query: Box::new(query), script, min_score })
}

pub(super) fn parse_rank_feature(body: &Value) -> Result<Query, QueryError> {
    const NAME: &str = "rank_feature";
    let mut members = Members::of(NAME, body)?;
    let field = members.text("field").ok_or_else(|| QueryError::argument("Required [field]"))?;
    let mut functions = Vec::new();
    let positive = |inner: &mut Members<'_>, key: &'static str| -> Result<Option<f32>, QueryError> {
        match inner.number(key)? {
            Some(number) if number <= 0.0 => {
                Err(QueryError::argument(format!("{key} must be > 0, got: {number:?}")))
            }
            other => Ok(other),
        }
    };
    let required = |number: Option<f32>, key: &str| {
        number.ok_or_else(|| QueryError::argument(format!("Required [{key}]")))
    };
    for name in ["saturation", "log", "sigmoid", "linear"] {
        let Some(inner) = members.take(name) else { continue };
        let mut inner = Members::of(NAME, inner)?;
        functions.push(match name {
            "saturation" => FeatureFunction::Saturation(positive(&mut inner, "pivot")?),
            "log" => {
                let factor = required(inner.number("scaling_factor")?, "scaling_factor")?;
                if factor < 1.0 {
                    return Err(QueryError::argument(format!("scalingFactor must be >= 1, got: {factor:?}")));
                }
                FeatureFunction::Log(factor)
            }
            "sigmoid" => FeatureFunction::Sigmoid {
                pivot: required(positive(&mut inner, "pivot")?, "pivot")?,
                exponent: required(positive(&mut inner, "exponent")?, "exponent")?,
            },
            _ => FeatureFunction::Linear,
        });
        inner.done()?;
    }
    if functions.len() > 1 {
        return Err(QueryError {
            kind: "x_content_parse_exception",
            reason: "Failed to build [feature] after last required field arrived: Can only specify one of [log], [saturation], [sigmoid] and [linear]".to_owned(),
        });
    }
    let function = functions.pop().unwrap_or(FeatureFunction::Saturation(None));
    members.end(Query::RankFeature { field, function })
}

pub(super) fn parse_distance_feature(body: &Value) -> Result<Query, QueryError> {
    let mut members = Members::of("distance_feature", body)?;
    let field = members.text("field").ok_or_else(|| QueryError::argument("Required [field]"))?;
    let origin = members.take("origin").cloned();
    let origin = origin.ok_or_else(|| QueryError::argument("Required [origin]"))?;
    let pivot = members.text("pivot").ok_or_else(|| QueryError::argument("Required [pivot]"))?;
    members.end(Query::DistanceFeature { field, origin, pivot })
}
