//! Conditions of processors: equals, contains, regexp, range, has_fields, and, or, not.

use event::{Event, FieldPath, Value};
use regex::Regex;

/// A condition on an event.
#[derive(Debug)]
pub(crate) enum Condition {
    Equals(Vec<(FieldPath, Value)>),
    Contains(Vec<(FieldPath, String)>),
    Matches(Vec<(FieldPath, Regex)>),
    Range(Vec<(FieldPath, Bound, f64)>),
    Has(Vec<FieldPath>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    Above,
    AtLeast,
    Below,
    AtMost,
}

const KNOWN: &str = "equals, contains, regexp, range, has_fields, and, or, not";

impl Condition {
    /// Reads `{equals: {field: value}}` and the like; the error is a reason for the person who wrote it.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        let members = value.as_object().filter(|members| members.len() == 1);
        let (kind, body) = members
            .and_then(|members| members.iter().next())
            .ok_or_else(|| format!("a condition is a map with one of {KNOWN}"))?;
        Ok(match kind.as_str() {
            "equals" => Self::Equals(pairs(body, |value| Ok(value.clone()))?),
            "contains" => Self::Contains(pairs(body, |value| Ok(plain(value)))?),
            "regexp" => {
                Self::Matches(pairs(body, |value| Regex::new(&plain(value)).map_err(|e| e.to_string()))?)
            }
            "range" => Self::Range(ranges(body)?),
            "has_fields" => Self::Has(texts(body).iter().map(|name| path(name)).collect::<Result<_, _>>()?),
            "and" => Self::All(list(body)?),
            "or" => Self::Any(list(body)?),
            "not" => Self::Not(Box::new(Self::parse(body)?)),
            other => return Err(format!("`{other}` is no condition; write one of {KNOWN}")),
        })
    }

    pub(crate) fn holds(&self, event: &Event) -> bool {
        match self {
            Self::Equals(wanted) => {
                wanted.iter().all(|(path, value)| event.get(path).is_some_and(|found| same(&found, value)))
            }
            Self::Contains(wanted) => wanted.iter().all(|(path, part)| match event.get(path) {
                Some(Value::String(text)) => text.contains(part.as_str()),
                Some(Value::Array(items)) => items.iter().any(|item| plain(item) == *part),
                _ => false,
            }),
            Self::Matches(wanted) => wanted
                .iter()
                .all(|(path, pattern)| event.get(path).is_some_and(|found| pattern.is_match(&plain(&found)))),
            Self::Range(wanted) => wanted.iter().all(|(path, bound, limit)| {
                event
                    .get(path)
                    .and_then(|found| found.as_f64())
                    .is_some_and(|found| bound.admits(found, *limit))
            }),
            Self::Has(paths) => paths.iter().all(|path| event.get(path).is_some()),
            Self::All(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(event)),
            Self::Not(part) => !part.holds(event),
        }
    }
}

impl Bound {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "gt" => Self::Above,
            "gte" => Self::AtLeast,
            "lt" => Self::Below,
            "lte" => Self::AtMost,
            _ => return None,
        })
    }

    fn admits(self, found: f64, limit: f64) -> bool {
        match self {
            Self::Above => found > limit,
            Self::AtLeast => found >= limit,
            Self::Below => found < limit,
            Self::AtMost => found <= limit,
        }
    }
}

fn same(found: &Value, wanted: &Value) -> bool {
    found == wanted || (!found.is_object() && !found.is_array() && plain(found) == plain(wanted))
}

fn list(body: &Value) -> Result<Vec<Condition>, String> {
    body.as_array().ok_or("`and` and `or` hold a list of conditions")?.iter().map(Condition::parse).collect()
}

/// Dotted keys were opened into nested maps when the file was read; the leaves are the conditions.
fn pairs<T>(body: &Value, read: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<(FieldPath, T)>, String> {
    let mut found = Vec::new();
    leaves(body, &mut Vec::new(), &mut |at, value| {
        found.push((path(&at.join("."))?, read(value)?));
        Ok(())
    })?;
    Ok(found)
}

fn ranges(body: &Value) -> Result<Vec<(FieldPath, Bound, f64)>, String> {
    let mut found = Vec::new();
    leaves(body, &mut Vec::new(), &mut |at, value| {
        let (last, field) = at.split_last().ok_or("`range` names a field")?;
        let bound =
            Bound::parse(last).ok_or_else(|| format!("`{last}` is no bound; write gt, gte, lt or lte"))?;
        let limit = value.as_f64().ok_or_else(|| format!("`{value}` is no number"))?;
        found.push((path(&field.join("."))?, bound, limit));
        Ok(())
    })?;
    Ok(found)
}

fn leaves<'a>(
    value: &'a Value,
    at: &mut Vec<&'a str>,
    visit: &mut impl FnMut(&[&str], &Value) -> Result<(), String>,
) -> Result<(), String> {
    let Value::Object(members) = value else {
        return visit(at, value);
    };
    for (key, child) in members {
        at.push(key);
        leaves(child, at, visit)?;
        at.pop();
    }
    Ok(())
}

pub(crate) fn path(text: &str) -> Result<FieldPath, String> {
    FieldPath::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Null => Vec::new(),
        one => vec![plain(one)],
    }
}
