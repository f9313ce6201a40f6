//! `human`: beside each amount of bytes and each span of time, the same as people read it.
//!
//! It is for figures alone, and never done to what may hold documents, whose members may have any name.

use serde_json::{Map, Value, json};

use crate::rest::cat::{bytes_shown, span_shown};

/// Moments, whose names end as those of spans do.
const MOMENTS: [&str; 3] = ["start_time", "stop_time", "timestamp"];

/// Figures with what people read.
pub(super) fn for_people(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut shown = Map::new();
            for (name, member) in members {
                if let Some((name, text)) = text_of(&name, &member) {
                    shown.insert(name, json!(text));
                }
                shown.insert(name, for_people(member));
            }
            Value::Object(shown)
        }
        Value::Array(items) => items.into_iter().map(for_people).collect(),
        scalar => scalar,
    }
}

fn text_of(name: &str, value: &Value) -> Option<(String, String)> {
    let number = value.as_i64()?;
    if let Some(short) = name.strip_suffix("_in_bytes") {
        return Some((short.to_owned(), bytes_shown(u64::try_from(number).ok()?)));
    }
    let short = name.strip_suffix("_in_millis").or_else(|| name.strip_suffix("_millis"))?;
    let text = match MOMENTS.contains(&short) {
        true => shard::mapping::dates::show(number),
        false => span_shown(number),
    };
    Some((short.to_owned(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_spans_are_told_twice() {
        let figures = json!({
            "store": {"size_in_bytes": 2048, "count": 3},
            "nodes": [{"uptime_in_millis": 61_000, "start_time_in_millis": 0, "free_in_bytes": null}]
        });
        let shown = json!({
            "store": {"size": "2kb", "size_in_bytes": 2048, "count": 3},
            "nodes": [{
                "uptime": "1m", "uptime_in_millis": 61_000,
                "start_time": "1970-01-01T00:00:00.000Z", "start_time_in_millis": 0, "free_in_bytes": null
            }]
        });
        assert_eq!(for_people(figures), shown);
    }
}
