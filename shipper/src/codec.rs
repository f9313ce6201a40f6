//! Codecs of inputs: from a text to the fields of an event.

use event::{Event, Timestamp, Value};

/// How an input's text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// The text is the message (`plain` and `line`: the inputs of this program cut texts at line ends).
    Plain,
    /// The text is a JSON object (`json` and `json_lines`), or a list of them.
    Json,
}

impl Codec {
    /// By its name; none for a codec that only outputs have.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "plain" | "line" => Some(Self::Plain),
            "json" | "json_lines" => Some(Self::Json),
            _ => None,
        }
    }

    /// The events of one text. What is no JSON becomes a message with the tag `_jsonparsefailure`.
    pub fn decode(self, text: &str, now: Timestamp) -> Vec<Event> {
        if self == Self::Plain {
            return vec![message(text, now)];
        }
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => vec![Event::from_object(fields, now)],
            Ok(Value::Array(items)) if items.iter().all(Value::is_object) => items
                .into_iter()
                .filter_map(|item| match item {
                    Value::Object(fields) => Some(Event::from_object(fields, now)),
                    _ => None,
                })
                .collect(),
            Ok(_) | Err(_) => {
                let mut event = message(text, now);
                event.tag("_jsonparsefailure");
                vec![event]
            }
        }
    }

    /// Reads the message of an event that came from another program, and lays its fields over the event's own.
    pub fn enrich(self, event: &mut Event) {
        if self == Self::Plain {
            return;
        }
        let parsed = event.fields.get("message").and_then(Value::as_str).map(serde_json::from_str::<Value>);
        match parsed {
            Some(Ok(Value::Object(fields))) => {
                event.fields.shift_remove("message");
                let read = Event::from_object(fields, event.timestamp);
                event.timestamp = read.timestamp;
                event.fields.extend(read.fields);
            }
            Some(_) => event.tag("_jsonparsefailure"),
            None => {}
        }
    }
}

fn message(text: &str, now: Timestamp) -> Event {
    let mut event = Event::at(now);
    event.set("message", text);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_is_none_becomes_a_tagged_message() {
        let now = Timestamp::from_nanos(0);

        let events = Codec::Json.decode("{\"a\":", now);

        assert_eq!(events.len(), 1);
        assert_eq!(events[0].fields["message"], "{\"a\":");
        assert_eq!(events[0].fields["tags"], event::json!(["_jsonparsefailure"]));
        assert_eq!(Codec::Json.decode("[{\"a\":1},{\"a\":2}]", now).len(), 2);
    }

    #[test]
    fn a_message_of_json_is_laid_over_the_event() {
        let mut event = Event::at(Timestamp::from_nanos(0));
        event.set("host.name", "h").set("message", "{\"a\":1}");

        Codec::Json.enrich(&mut event);

        assert_eq!(Value::Object(event.fields), event::json!({"host": {"name": "h"}, "a": 1}));
    }
}
