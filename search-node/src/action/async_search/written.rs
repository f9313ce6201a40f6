//! What came of a search, written once, and shown from then on as it was written.

use bytes::Bytes;
use serde_json::{Map, Value};

/// An answer as text, with what is asked of it without a look at all of it.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(super) text: Bytes,
    pub(super) shards: Value,
}

impl Written {
    /// Writes an answer, which may be large: nothing for a thread that others wait for.
    pub(crate) fn new(answer: &Value) -> Self {
        Self { text: Bytes::from(answer.to_string()), shards: answer["_shards"].clone() }
    }

    /// Whether not every shard has answered.
    pub(super) fn is_partial(&self) -> bool {
        self.shards["failed"].as_u64().is_some_and(|failed| failed > 0)
    }
}

/// A search as clients see it: what is told of it, and its answer as it was written.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub status: u16,
    pub members: Map<String, Value>,
    pub response: Bytes,
    /// Why there is no answer.
    pub error: Option<Value>,
}

impl Shown {
    /// The pieces of the text, one after the other.
    pub(crate) fn pieces(self) -> [Bytes; 3] {
        let head = Value::Object(self.members).to_string();
        let head = head.strip_suffix('}').unwrap_or(&head);
        let between = if head.len() > 1 { "," } else { "" };
        let tail = self.error.map_or_else(|| "}".to_owned(), |error| format!(",\"error\":{error}}}"));
        [Bytes::from(format!("{head}{between}\"response\":")), self.response, Bytes::from(tail)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_are_the_same_as_the_whole() {
        for (members, error, whole) in [
            (json!({"id": "x", "n": 1}), None, r#"{"id":"x","n":1,"response":{"hits":[1,2]}}"#),
            (json!({}), None, r#"{"response":{"hits":[1,2]}}"#),
            (
                json!({"id": "x"}),
                Some(json!({"type": "t"})),
                r#"{"id":"x","response":{"hits":[1,2]},"error":{"type":"t"}}"#,
            ),
        ] {
            let Value::Object(members) = members else { panic!("an object") };
            let response = Bytes::from_static(b"{\"hits\":[1,2]}");
            let shown = Shown { status: 200, members, response, error };

            assert_eq!(String::from_utf8_lossy(&shown.pieces().concat()), whole);
        }
    }
}
