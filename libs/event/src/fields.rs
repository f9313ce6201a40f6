//! The event itself: a moment, fields, and metadata that never reaches an index.

use serde_json::{Map, Value};

use crate::field_path::FieldPath;
use crate::timestamp::Timestamp;

const TIMESTAMP: &str = "@timestamp";
const METADATA: &str = "@metadata";

/// What happened once. `@timestamp` and `@metadata` are reached through paths like any field,
/// but are kept apart so that neither can be lost or indexed by accident.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its fields, nested as ECS nests them.
    pub fields: Map<String, Value>,
    /// `@metadata`: where to send it and under which id; never indexed.
    pub metadata: Map<String, Value>,
}

impl Event {
    /// An event of that moment without fields.
    pub fn at(timestamp: Timestamp) -> Self {
        Self { timestamp, fields: Map::new(), metadata: Map::new() }
    }

    /// From a JSON object as another program sent it; a missing or unreadable `@timestamp` becomes `now`.
    pub fn from_object(mut fields: Map<String, Value>, now: Timestamp) -> Self {
        let timestamp = fields
            .remove(TIMESTAMP)
            .and_then(|value| value.as_str().and_then(Timestamp::parse))
            .unwrap_or(now);
        let metadata = match fields.remove(METADATA) {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        Self { timestamp, fields, metadata }
    }

    /// The value at `path`. `@timestamp` answers as text.
    pub fn get(&self, path: &FieldPath) -> Option<Value> {
        match path.segments() {
            [only] if only == TIMESTAMP => Some(Value::String(self.timestamp.to_string())),
            [first, rest @ ..] if first == METADATA => descend(&self.metadata, rest).cloned(),
            segments => descend(&self.fields, segments).cloned(),
        }
    }

    /// A field's value without a copy; not for `@timestamp`, which is no field.
    pub fn field(&self, path: &FieldPath) -> Option<&Value> {
        match path.segments() {
            [first, rest @ ..] if first == METADATA => descend(&self.metadata, rest),
            segments => descend(&self.fields, segments),
        }
    }

    /// A field's text.
    pub fn text(&self, path: &FieldPath) -> Option<&str> {
        self.field(path).and_then(Value::as_str)
    }

    /// Puts a value, opening objects on the way; a value in the way is replaced.
    /// `@timestamp` takes RFC 3339 text and ignores anything else.
    pub fn put(&mut self, path: &FieldPath, value: Value) {
        match path.segments() {
            [only] if only == TIMESTAMP => {
                if let Some(moment) = value.as_str().and_then(Timestamp::parse) {
                    self.timestamp = moment;
                }
            }
            [first, rest @ ..] if first == METADATA => place(&mut self.metadata, rest, value),
            segments => place(&mut self.fields, segments, value),
        }
    }

    /// Puts a value at a dotted key that the program's own code writes; a key that is no path is kept whole.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        let path = FieldPath::parse(key).unwrap_or_else(|_| FieldPath::single(key));
        self.put(&path, value.into());
        self
    }

    /// Takes a value out. `@timestamp` stays.
    pub fn remove(&mut self, path: &FieldPath) -> Option<Value> {
        match path.segments() {
            [only] if only == TIMESTAMP => None,
            [first, rest @ ..] if first == METADATA => take(&mut self.metadata, rest),
            segments => take(&mut self.fields, segments),
        }
    }

    /// Adds a tag once.
    pub fn tag(&mut self, tag: &str) {
        let tags = self.fields.entry("tags").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::String(only) = tags {
            *tags = Value::Array(vec![Value::String(std::mem::take(only))]);
        }
        if let Value::Array(tags) = tags
            && !tags.iter().any(|known| known == tag)
        {
            tags.push(Value::String(tag.to_owned()));
        }
    }

    /// The document that is stored: the fields and `@timestamp`, without metadata.
    pub fn to_document(&self) -> Map<String, Value> {
        let mut document = Map::with_capacity(self.fields.len() + 1);
        document.insert(TIMESTAMP.to_owned(), Value::String(self.timestamp.to_string()));
        document.extend(self.fields.iter().map(|(key, value)| (key.clone(), value.clone())));
        document
    }

    /// What travels between programs: the document and its metadata.
    pub fn to_wire(&self) -> Map<String, Value> {
        let mut object = self.to_document();
        if !self.metadata.is_empty() {
            object.insert(METADATA.to_owned(), Value::Object(self.metadata.clone()));
        }
        object
    }
}

fn descend<'a>(fields: &'a Map<String, Value>, segments: &[String]) -> Option<&'a Value> {
    let (first, rest) = segments.split_first()?;
    rest.iter().try_fold(fields.get(first)?, |value, segment| match value {
        Value::Object(object) => object.get(segment),
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|at| items.get(at)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

fn place(fields: &mut Map<String, Value>, segments: &[String], value: Value) {
    match segments {
        [] => {}
        [last] => {
            fields.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let child = fields.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !child.is_object() {
                *child = Value::Object(Map::new());
            }
            if let Value::Object(object) = child {
                place(object, rest, value);
            }
        }
    }
}

fn take(fields: &mut Map<String, Value>, segments: &[String]) -> Option<Value> {
    match segments {
        [] => None,
        [last] => fields.shift_remove(last),
        [first, rest @ ..] => fields.get_mut(first)?.as_object_mut().and_then(|object| take(object, rest)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).expect(text)
    }

    fn event() -> Event {
        Event::at(Timestamp::from_nanos(0))
    }

    #[test]
    fn what_is_put_is_found_and_removed() {
        let mut event = event();

        event.put(&path("host.name"), json!("a"));

        assert_eq!(event.text(&path("[host][name]")), Some("a"));
        assert_eq!(event.remove(&path("host.name")), Some(json!("a")));
        assert_eq!(event.field(&path("host.name")), None);
    }

    #[test]
    fn metadata_stays_out_of_the_document() {
        let mut event = event();
        event.set("@metadata.pipeline", "p").set("message", "m");

        assert_eq!(
            Value::Object(event.to_document()),
            json!({"@timestamp": "1970-01-01T00:00:00.000Z", "message": "m"})
        );
        assert_eq!(event.to_wire()["@metadata"], json!({"pipeline": "p"}));
    }

    #[test]
    fn a_foreign_object_becomes_an_event_and_goes_back() {
        let object =
            json!({"@timestamp": "2026-01-02T03:04:05.678Z", "@metadata": {"_id": "x"}, "message": "m"});
        let Value::Object(fields) = object.clone() else { unreachable!("an object literal") };

        let event = Event::from_object(fields, Timestamp::from_nanos(0));

        assert_eq!(event.timestamp.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(Value::Object(event.to_wire()), object);
    }

    #[test]
    fn a_tag_is_added_once() {
        let mut event = event();

        event.tag("a");
        event.tag("a");
        event.tag("b");

        assert_eq!(event.fields["tags"], json!(["a", "b"]));
    }
}
