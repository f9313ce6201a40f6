//! The body of a `_bulk`, whole and in pieces.
//!
//! # Invariants
//!
//! - Where a body is cut decides nothing: in pieces it has the outcome that it has as a whole.
//! - An item that was acknowledged can be got.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use testkit::Chance;

use crate::Target;
use crate::in_process::{Answer, InProcess, in_path};

const PIECES_MAX: usize = 12;

pub(crate) struct Bulk {
    node: InProcess,
}

impl Bulk {
    /// A node that does the actions of a bulk body as soon as it has 48 bytes of it.
    pub(crate) fn open() -> Self {
        Self { node: InProcess::empty("bulk.chunk_size: 48b\nhttp.max_content_length: 1mb\n") }
    }

    /// Deletes every index: streams first, which own theirs.
    fn clear(&self) {
        let streams = self.node.ask(Method::GET, "/_data_stream", &Value::Null);
        for stream in streams.body["data_streams"].as_array().into_iter().flatten() {
            self.delete(&format!("/_data_stream/{}", in_path(stream["name"].as_str().unwrap_or_default())));
        }
        // Names with a dot in front are hidden from who asks for all.
        for path in ["/_mapping", "/.*/_mapping"] {
            let indices = self.node.ask(Method::GET, path, &Value::Null);
            for (name, _) in indices.body.as_object().into_iter().flatten() {
                self.delete(&format!("/{}", in_path(name)));
            }
        }
    }

    fn delete(&self, path: &str) {
        let deleted = self.node.ask(Method::DELETE, path, &Value::Null);
        assert!(deleted.status.is_success(), "{path}: {}", deleted.body);
    }

    fn send(&self, pieces: Vec<Bytes>) -> Answer {
        self.clear();
        let answer = self.node.call(Method::POST, "/i/_bulk", pieces);
        answer.check();
        answer
    }

    /// Whatever was acknowledged last for each document is what a get shows.
    fn check_acknowledged(&self, answer: &Answer) {
        let mut last: BTreeMap<[String; 3], bool> = BTreeMap::new();
        for item in items(answer) {
            if item["error"].is_null() {
                let key =
                    ["_index", "_type", "_id"].map(|key| item[key].as_str().unwrap_or_default().to_owned());
                let is_there = !matches!(item["result"].as_str(), Some("deleted" | "not_found"));
                last.insert(key, is_there);
            }
        }
        for ([index, doc_type, id], is_there) in last {
            let docs = json!({"docs": [{"_index": index, "_type": doc_type, "_id": id}]});
            let got = self.node.ask(Method::POST, "/_mget", &docs);
            assert_eq!(got.body["docs"][0]["found"], json!(is_there), "{docs}: {}", got.body);
        }
    }
}

impl Target for Bulk {
    fn run(&mut self, input: &[u8]) {
        let body = Bytes::copy_from_slice(input);
        let whole = self.send(vec![body.clone()]);
        self.check_acknowledged(&whole);
        let cut = self.send(pieces(&body));

        assert_eq!(whole.status, cut.status, "whole: {}, in pieces: {}", whole.body, cut.body);
        if whole.status.is_success() {
            let (whole, cut): (Vec<_>, Vec<_>) = (outcomes(&whole), outcomes(&cut));
            assert_eq!(whole, cut, "whole and in pieces");
        }
    }
}

/// The body cut at places that its content decides.
fn pieces(body: &Bytes) -> Vec<Bytes> {
    let mut chance = Chance::new(u64::from(crc32fast::hash(body)));
    let mut places: Vec<usize> =
        (0..chance.below(PIECES_MAX)).map(|_| chance.below(body.len() + 1)).collect();
    places.push(body.len());
    places.sort_unstable();
    let mut at = 0;
    places
        .into_iter()
        .map(|end| {
            let piece = body.slice(at..end);
            at = end;
            piece
        })
        .collect()
}

fn items(answer: &Answer) -> impl Iterator<Item = &Value> {
    let items = answer.body["items"].as_array();
    items.into_iter().flatten().filter_map(|item| item.as_object()?.values().next())
}

/// What is the same however the body came. Ids that the node makes are not.
fn outcomes(answer: &Answer) -> Vec<Value> {
    let shown = |item: &Value| {
        json!([
            item["_index"],
            item["status"],
            item["result"],
            item["_version"],
            item["_seq_no"],
            item["error"]["type"]
        ])
    };
    items(answer).map(shown).collect()
}
