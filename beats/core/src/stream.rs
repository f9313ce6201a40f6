//! The data stream of an event: `<type>-<dataset>-<namespace>`, carried in `data_stream.*` and `event.*`.

use event::{Event, Map, Value};

/// The parts of a data stream's name, ready to be stamped on events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    kind: String,
    dataset: String,
    namespace: String,
}

/// A name that no data stream may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{part}` cannot be part of a data stream's name: write lower-case letters, digits, `.` and `_` only, e.g. nginx.access"
)]
pub struct StreamError {
    part: String,
}

impl Stream {
    /// Checks the parts, which must not be empty nor hold what an index name may not hold.
    pub fn new(kind: &str, dataset: &str, namespace: &str) -> Result<Self, StreamError> {
        for part in [dataset, namespace] {
            let fits = !part.is_empty()
                && part.len() <= 100
                && part
                    .chars()
                    .all(|c| !c.is_uppercase() && !"\\/*?\"<>| ,#:-".contains(c) && !c.is_control());
            if !fits {
                return Err(StreamError { part: part.to_owned() });
            }
        }
        Ok(Self { kind: kind.to_owned(), dataset: dataset.to_owned(), namespace: namespace.to_owned() })
    }

    /// Puts `data_stream.*` and `event.{dataset,module}` on an event, keeping other members of `event`.
    pub fn stamp(&self, event: &mut Event) {
        let mut parts = Map::with_capacity(3);
        parts.insert("type".to_owned(), self.kind.clone().into());
        parts.insert("dataset".to_owned(), self.dataset.clone().into());
        parts.insert("namespace".to_owned(), self.namespace.clone().into());
        event.fields.insert("data_stream".to_owned(), Value::Object(parts));
        let module = self.dataset.split('.').next().unwrap_or(&self.dataset);
        let place = event.fields.entry("event").or_insert_with(|| Value::Object(Map::with_capacity(2)));
        if let Value::Object(members) = place {
            members.insert("dataset".to_owned(), self.dataset.clone().into());
            members.insert("module".to_owned(), module.into());
        }
    }

    /// The name of the stream.
    pub fn name(&self) -> String {
        format!("{}-{}-{}", self.kind, self.dataset, self.namespace)
    }
}

/// The index an event goes to: the one its source named, or its data stream.
pub fn index_of(event: &Event) -> Option<String> {
    if let Some(Value::String(index)) = event.metadata.get("raw_index") {
        return Some(index.clone());
    }
    let stream = event.fields.get("data_stream")?;
    let part = |name: &str| stream.get(name).and_then(Value::as_str);
    Some(format!("{}-{}-{}", part("type")?, part("dataset")?, part("namespace")?))
}

#[cfg(test)]
mod tests {
    use event::Timestamp;

    use super::*;

    #[test]
    fn a_stamped_event_goes_to_its_stream() {
        let mut event = Event::at(Timestamp::from_nanos(0));
        event.set("event.duration", 5);

        Stream::new("logs", "nginx.access", "default").expect("a good name").stamp(&mut event);

        assert_eq!(index_of(&event).as_deref(), Some("logs-nginx.access-default"));
        assert_eq!(
            event.fields["event"],
            event::json!({"duration": 5, "dataset": "nginx.access", "module": "nginx"})
        );
    }

    #[test]
    fn a_name_that_an_index_may_not_have_is_refused() {
        for bad in ["", "Upper", "a-b", "a b", "a*"] {
            assert!(Stream::new("logs", bad, "default").is_err(), "{bad}");
        }
    }
}
