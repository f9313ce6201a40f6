//! A search that takes long: documents with many words, and what is counted of every three of them.

use serde_json::{Value, json};

/// Documents that it looks at. It can be stopped between some hundreds and the next, so that many times that make it long.
pub const LONG_SEARCH_DOCUMENTS: usize = 40_000;
/// Three levels of words: a document counts in as many buckets as this to the power of three.
const WORDS: usize = 20;
const PER_BODY: usize = 5_000;

/// The index in which it looks, without its settings.
pub fn long_search_mapping() -> Value {
    json!({"properties": {"n": {"type": "integer"}, "word": {"type": "keyword"}}})
}

/// The documents, as bodies of bulk requests.
pub fn long_search_bodies() -> impl Iterator<Item = String> {
    let words: Vec<String> = (0..WORDS).map(|word| format!("w{word}")).collect();
    (0..LONG_SEARCH_DOCUMENTS / PER_BODY).map(move |body| {
        let line =
            |n: usize| format!("{{\"index\":{{}}}}\n{}\n", json!({"n": body * PER_BODY + n, "word": words}));
        (0..PER_BODY).map(line).collect()
    })
}

/// The search.
pub fn long_search() -> Value {
    let terms = |subs: Value| json!({"words": {"terms": {"field": "word", "size": 1}, "aggs": subs}});
    json!({"track_total_hits": true, "query": {"range": {"n": {"gte": 0}}}, "aggs": terms(terms(terms(json!({}))))})
}
