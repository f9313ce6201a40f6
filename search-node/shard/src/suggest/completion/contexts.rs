//! The contexts that completions are wanted for, as the mapping reads them.

use serde_json::Value;

use super::beginnings::Wanted;
use crate::json_values::plain;
use crate::mapping::{
    Completions, ContextKind, Point, context_prefix, geohash_neighbours, geohash_of, read_point_text,
    read_precision,
};
use crate::query::QueryError;

/// The contexts of a request, which a field with contexts must have.
pub(super) fn wanted(
    completions: &Completions,
    asked: Option<&serde_json::Map<String, Value>>,
    path: &str,
) -> Result<Option<Vec<Wanted>>, QueryError> {
    if completions.contexts.is_empty() {
        return match asked {
            Some(_) => Err(QueryError::argument(format!("suggester [{path}] doesn't expect any context"))),
            None => Ok(None),
        };
    }
    let mut wanted = Vec::new();
    for (name, value) in asked.into_iter().flatten() {
        let known = completions.contexts.iter().position(|context| context.name == *name);
        let Some(at) = known else {
            let names: Vec<&str> = completions.contexts.iter().map(|of| of.name.as_str()).collect();
            return Err(QueryError::argument(format!(
                "Unknown context name [{name}], must be one of [{}]",
                names.join(", ")
            )));
        };
        let prefix = context_prefix(at);
        for item in items(value, completions.contexts[at].kind) {
            let read = match completions.contexts[at].kind {
                ContextKind::Category => vec![category(item)?],
                ContextKind::Geo { precision } => geo(item, precision)?,
            };
            let with_prefix = |of: Wanted| Wanted { context: format!("{prefix}{}", of.context), ..of };
            wanted.extend(read.into_iter().map(with_prefix));
        }
    }
    match wanted.is_empty() {
        true => Err(QueryError::argument("Missing mandatory contexts in context query")),
        false => Ok(Some(wanted)),
    }
}

/// One context, or each of a list; a pair of numbers is a point.
fn items(value: &Value, kind: ContextKind) -> Vec<&Value> {
    match (value, kind) {
        (Value::Array(pair), ContextKind::Geo { .. }) if pair.first().is_some_and(Value::is_number) => {
            vec![value]
        }
        (Value::Array(items), _) => items.iter().collect(),
        (one, _) => vec![one],
    }
}

fn unreadable(object: &str, key: &str) -> QueryError {
    QueryError {
        kind: "x_content_parse_exception",
        reason: format!("[{object}] failed to parse field [{key}]"),
    }
}

fn read_boost(object: &str, value: &Value) -> Result<f32, QueryError> {
    let boost = plain(value).parse::<i32>().map_err(|_| unreadable(object, "boost"))?;
    match boost > 0 {
        true => Ok(boost as f32),
        false => Err(QueryError::argument("boost must be greater than 0")),
    }
}

fn category(value: &Value) -> Result<Wanted, QueryError> {
    let members = match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => {
            return Ok(Wanted { context: plain(value), boost: 1.0, is_prefix: false });
        }
        Value::Object(members) => members,
        Value::Null | Value::Array(_) => {
            return Err(QueryError {
                kind: "parse_exception",
                reason: "category context must be an object, string, number or boolean".to_owned(),
            });
        }
    };
    let mut wanted = Wanted { context: String::new(), boost: 1.0, is_prefix: false };
    let mut is_said = false;
    for (key, value) in members {
        match key.as_str() {
            "context" if !value.is_object() && !value.is_array() && !value.is_null() => {
                wanted.context = plain(value);
                is_said = true;
            }
            "context" => return Err(unreadable("category", "context")),
            "boost" => wanted.boost = read_boost("category", value)?,
            "prefix" => {
                let flag = plain(value).parse().map_err(|_| unreadable("category", "prefix"));
                wanted.is_prefix = flag?;
            }
            other => return Err(unknown("category", other)),
        }
    }
    match is_said {
        true => Ok(wanted),
        false => Err(QueryError::argument("category must not be null")),
    }
}

fn unknown(object: &str, key: &str) -> QueryError {
    QueryError { kind: "x_content_parse_exception", reason: format!("[{object}] unknown field [{key}]") }
}

/// Letters of geohashes that are compared where the request does not say.
const PRECISION: usize = 6;

/// The cells that a place means, and those around it.
fn geo(value: &Value, kept: usize) -> Result<Vec<Wanted>, QueryError> {
    let (mut place, mut boost, mut precision, mut around) = (Some(value), 1.0, PRECISION, Vec::new());
    if let Value::Object(members) = value
        && !members.contains_key("lat")
    {
        place = None;
        for (key, value) in members {
            let letters = |value: &Value| read_precision(Some(value)).map_err(|_| unreadable("geo", key));
            match (key.as_str(), value) {
                ("context", value) => place = Some(value),
                ("boost", value) => boost = read_boost("geo", value)?,
                ("precision", value) => precision = letters(value)?,
                ("neighbours", Value::Array(items)) => {
                    around = items.iter().map(letters).collect::<Result<_, _>>()?;
                }
                ("neighbours", one) => around = vec![letters(one)?],
                (other, _) => return Err(unknown("geo", other)),
            }
        }
    }
    let place = place.ok_or_else(|| QueryError::argument("no context is provided"))?;
    let point = read_point(place)
        .ok_or_else(|| QueryError::argument(format!("[{place}] is no point that a geo context may be")))?;
    let own = geohash_of(point, kept.min(precision));
    let mut cells = vec![own.clone()];
    if around.is_empty() && own.len() == kept {
        cells.extend(geohash_neighbours(&own));
    }
    for letters in around.into_iter().filter(|letters| *letters < own.len()) {
        let coarser = &own[..letters];
        cells.push(coarser.to_owned());
        cells.extend(geohash_neighbours(coarser));
    }
    cells.sort_unstable();
    cells.dedup();
    let wanted = |context: String| Wanted { boost, is_prefix: context.len() < kept, context };
    Ok(cells.into_iter().map(wanted).collect())
}

fn read_point(value: &Value) -> Option<Point> {
    let point = match value {
        Value::String(text) => read_point_text(text)?,
        Value::Array(pair) => Point { lon: pair.first()?.as_f64()?, lat: pair.get(1)?.as_f64()? },
        Value::Object(members) => {
            let degrees = |name: &str| plain(members.get(name)?).parse().ok();
            Point { lat: degrees("lat")?, lon: degrees("lon")? }
        }
        _ => return None,
    };
    (point.lat.abs() <= 90.0 && point.lon.abs() <= 180.0).then_some(point)
}
