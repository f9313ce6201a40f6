//! What scripts compute of hits, to be shown with them (`script_fields`).

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{AskStop, Hit, SearchError, goes_on};
use crate::engine::View;
use crate::query::{QueryContext, QueryError, ScriptSort, Scripted};

/// What a script computes of each hit.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptField {
    /// As what it is shown.
    pub name: String,
    script: ScriptSort,
    /// Whether it is left out where it cannot be computed.
    ignore_failure: bool,
}

impl ScriptField {
    /// Reads the script.
    pub fn read(name: &str, script: &Value, ignore_failure: bool) -> Result<Self, QueryError> {
        Ok(Self { name: name.to_owned(), script: ScriptSort::read(script, false)?, ignore_failure })
    }
}

/// What a script has computed is there as a value and as a part of the answer, which doubles as it grows.
const SHOWN_TIMES: usize = 3;

/// The scripts of a search, each opened once for a segment.
pub struct ScriptFields<'a> {
    view: &'a Arc<View>,
    context: QueryContext<'a>,
    fields: &'a [ScriptField],
    opened: HashMap<u32, Vec<Scripted>>,
}

impl<'a> ScriptFields<'a> {
    pub(crate) fn new(view: &'a Arc<View>, context: QueryContext<'a>, fields: &'a [ScriptField]) -> Self {
        Self { view, context, fields, opened: HashMap::new() }
    }

    /// What they compute of a hit with this document. Whoever ends the search ends them, too.
    pub fn of(
        &mut self,
        hit: &Hit,
        source: &Value,
        stop: AskStop<'_>,
    ) -> Result<Map<String, Value>, SearchError> {
        let Self { view, context, fields, opened } = self;
        let mut shown = Map::new();
        let Some(reader) = view.searcher.segment_readers().get(hit.segment as usize) else {
            return Ok(shown);
        };
        let opened = opened.entry(hit.segment).or_insert_with(|| {
            let open =
                |field: &ScriptField| Scripted::open(&field.script, &view.layout, context, reader, stop);
            fields.iter().map(open).collect()
        });
        for (field, script) in fields.iter().zip(opened) {
            goes_on(stop)?;
            match script.value_beside(hit.document, hit.score.unwrap_or_default(), source) {
                Ok(value) => {
                    stop.take(SHOWN_TIMES * script::weight(&value))?;
                    drop(shown.insert(field.name.clone(), listed(value)));
                }
                Err(error) => {
                    // What was broken off is no failure of the script.
                    goes_on(stop)?;
                    if !field.ignore_failure {
                        return Err(error.into());
                    }
                }
            }
        }
        Ok(shown)
    }
}

/// A value as it is shown: always in a list.
fn listed(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        one => Value::Array(vec![plain(one)]),
    }
}

/// A moment is shown as a date.
fn plain(value: Value) -> Value {
    let millis = value.get("millis").filter(|_| value.get("dayOfYear").is_some()).and_then(Value::as_i64);
    match millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()) {
        Some(moment) => json!(format!("{moment:.3}")),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_in_lists_and_moments_are_dates() {
        for (value, shown) in [
            (json!(1.5), json!([1.5])),
            (json!(null), json!([null])),
            (json!(["a", "b"]), json!(["a", "b"])),
            (json!({"millis": 1_577_934_245_000_i64, "dayOfYear": 2}), json!(["2020-01-02T03:04:05.000Z"])),
            (json!({"millis": 3}), json!([{"millis": 3}])),
        ] {
            assert_eq!(listed(value.clone()), shown, "{value}");
        }
    }
}
