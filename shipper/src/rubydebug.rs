//! The codec rubydebug: events as Logstash prints them for people.

use std::fmt::Write;

use event::{Event, Map, Value};

/// The event's text; with `metadata` where asked.
pub(crate) fn render(event: &Event, metadata: bool) -> String {
    let mut document = event.to_document();
    if metadata && !event.metadata.is_empty() {
        document.insert("@metadata".to_owned(), Value::Object(event.metadata.clone()));
    }
    let mut out = String::new();
    object(&mut out, &document, 0);
    out.push('\n');
    out
}

fn object(out: &mut String, fields: &Map<String, Value>, depth: usize) {
    let quoted: Vec<String> = fields.keys().map(|key| Value::String(key.clone()).to_string()).collect();
    let width = quoted.iter().map(|key| key.chars().count()).max().unwrap_or(0);
    out.push_str("{\n");
    for (at, (key, field)) in quoted.iter().zip(fields.values()).enumerate() {
        let indent = (depth + 1) * 4 + width;
        let _infallible = write!(out, "{key:>indent$} => ");
        value(out, field, depth + 1);
        out.push_str(if at + 1 < quoted.len() { ",\n" } else { "\n" });
    }
    out.push_str(&"    ".repeat(depth));
    out.push('}');
}

fn value(out: &mut String, field: &Value, depth: usize) {
    match field {
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Object(fields) => object(out, fields, depth),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push_str("[\n");
            for (at, item) in items.iter().enumerate() {
                let _infallible = write!(out, "{}[{at}] ", "    ".repeat(depth + 1));
                value(out, item, depth + 1);
                out.push_str(if at + 1 < items.len() { ",\n" } else { "\n" });
            }
            out.push_str(&"    ".repeat(depth));
            out.push(']');
        }
        Value::Null => out.push_str("nil"),
        scalar => {
            let _infallible = write!(out, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use event::{Timestamp, json};

    use super::*;

    #[test]
    fn fields_stand_right_aligned_as_logstash_prints_them() {
        let mut event = Event::at(Timestamp::from_nanos(0));
        event.set("message", "a \"b\"").set("host.name", "h").set("tags", json!(["x"]));

        assert_eq!(
            render(&event, false),
            "{\n    \"@timestamp\" => \"1970-01-01T00:00:00.000Z\",\n       \"message\" => \"a \\\"b\\\"\",\n          \"host\" => {\n        \"name\" => \"h\"\n    },\n          \"tags\" => [\n        [0] \"x\"\n    ]\n}\n"
        );
    }
}
