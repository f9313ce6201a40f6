//! The body of a search, against a few documents with every kind of field.
//!
//! # Invariants
//!
//! - A search is answered or refused; what it shows fits what it counts.
//! - Counting a query finds as many documents as searching for it.

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::Target;
use crate::in_process::InProcess;
use crate::pace::timed;

const DOCUMENTS: u64 = 24;

pub(crate) struct Queries {
    node: InProcess,
}

impl Queries {
    pub(crate) fn open() -> Self {
        let node = InProcess::empty("");
        let made = node.ask(Method::PUT, "/i", &json!({"mappings": {"properties": {
            "t": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "k": {"type": "keyword"},
            "n": {"type": "long"}, "s": {"type": "short"}, "f": {"type": "double"}, "h": {"type": "float"},
            "d": {"type": "date"}, "p": {"type": "geo_point"}, "g": {"type": "geo_shape"}, "b": {"type": "boolean"}, "a": {"type": "ip"},
            "o": {"properties": {"x": {"type": "text"}, "y": {"type": "keyword", "index": false}}},
            "c": {"type": "long", "doc_values": false}, "off": {"type": "object", "enabled": false},
            "e": {"type": "nested", "properties": {"x": {"type": "long"}, "k": {"type": "keyword"},
                "i": {"type": "nested", "properties": {"t": {"type": "match_only_text"}}}}}
        }}}));
        assert!(made.status.is_success(), "{}", made.body);
        for n in 0..DOCUMENTS {
            let put = node.ask(Method::PUT, &format!("/i/_doc/{n}"), &document(n));
            assert!(put.status.is_success(), "{}", put.body);
            // Several segments, one of them with a deleted document.
            if n % 10 == 9 {
                let refreshed = node.ask(Method::POST, "/i/_refresh", &Value::Null);
                assert!(refreshed.status.is_success(), "{}", refreshed.body);
            }
        }
        let deleted = node.ask(Method::DELETE, "/i/_doc/3?refresh=true", &Value::Null);
        assert!(deleted.status.is_success(), "{}", deleted.body);
        Self { node }
    }
}

fn document(n: u64) -> Value {
    let color = ["red", "green", "blue"][n as usize % 3];
    let mut document = json!({
        "t": format!("the quick word{n} {}", if n.is_multiple_of(3) { "fox" } else { "common" }),
        "k": color, "n": n as i64 - 5, "s": n % 7,
        "f": n as f64 / 4.0, "h": 0.1, "d": 1_795_500_000_000 + n * 3_600_000, "b": n.is_multiple_of(2),
        "p": [n, 1], "g": [format!("POINT ({n} 1)"), format!("BBOX ({}, {}, {n}, 0)", 175 + n, 185 + n)],
        "a": format!("10.0.{}.{n}", n % 3), "o": {"x": "deep words", "y": "kept"}, "c": n, "off": {"any": n},
        "e": [{"x": n % 5, "k": color, "i": [{"t": "a word"}, {"t": "word a"}]}, {"x": n % 3}]
    });
    if n.is_multiple_of(4) {
        document["k"] = json!(["red", "many"]);
        document["n"] = Value::Null;
    }
    document
}

impl Target for Queries {
    fn run(&mut self, input: &[u8]) {
        let pieces = vec![Bytes::copy_from_slice(input)];
        let answer = timed(|| self.node.call(Method::POST, "/i/_search", pieces));
        answer.check();
        if !answer.status.is_success() {
            return;
        }
        let body: Value = serde_json::from_slice(input).unwrap_or_default();
        let hits = &answer.body["hits"];
        let shown = hits["hits"].as_array().map_or(0, Vec::len) as u64;
        let is_exact = hits["total"]["relation"] == json!("eq");
        let total = hits["total"]["value"].as_u64().filter(|_| is_exact);
        assert!(total.is_none_or(|total| shown <= total && total < DOCUMENTS), "{}", answer.body);
        let narrows = ["post_filter", "min_score", "track_total_hits", "search_after"];
        if let Some(total) = total
            && narrows.iter().all(|key| body.get(key).is_none())
        {
            let query = body.get("query").cloned().unwrap_or_else(|| json!({"match_all": {}}));
            let counted = self.node.ask(Method::POST, "/i/_count", &json!({"query": query}));
            assert_eq!(counted.body["count"], json!(total), "{}", counted.body);
        }
    }
}
