//! Texts in the languages that a search may be said in: query strings, regular expressions, patterns.
//!
//! An input is such a text. It is asked in every query that takes one.
//!
//! # Invariants
//!
//! Those of the body of a search.

use serde_json::{Value, json};

use crate::Target;
use crate::query::Queries;

pub(crate) struct Texts {
    queries: Queries,
    /// The queries for a text.
    of: fn(&str) -> Vec<Value>,
}

impl Texts {
    pub(crate) fn query_strings() -> Self {
        let of = |text: &str| {
            vec![
                json!({"query_string": {"query": text}}),
                json!({"query_string": {
                    "query": text, "fields": ["t^2", "k", "n", "o.*"], "default_operator": "AND", "lenient": true,
                    "analyze_wildcard": true, "phrase_slop": 1
                }}),
                json!({"simple_query_string": {"query": text, "fields": ["t", "k"], "minimum_should_match": "50%"}}),
            ]
        };
        Self { queries: Queries::open(), of }
    }

    pub(crate) fn regular_expressions() -> Self {
        let of = |text: &str| {
            vec![
                json!({"regexp": {"k": text}}),
                json!({"regexp": {"t": {"value": text, "flags": "ALL", "case_insensitive": true}}}),
                json!({"regexp": {"t": {"value": text, "flags": "NONE", "rewrite": "scoring_boolean"}}}),
                json!({"intervals": {"t": {"regexp": {"pattern": text}}}}),
                json!({"span_multi": {"match": {"regexp": {"t": text}}}}),
                json!({"query_string": {"query": format!("/{text}/"), "fields": ["t", "k"]}}),
            ]
        };
        Self { queries: Queries::open(), of }
    }

    pub(crate) fn wildcards() -> Self {
        let of = |text: &str| {
            vec![
                json!({"wildcard": {"k": text}}),
                json!({"wildcard": {"t": {"value": text, "case_insensitive": true}}}),
                json!({"wildcard": {"t": {"value": text, "rewrite": "top_terms_10"}}}),
                json!({"intervals": {"t": {"wildcard": {"pattern": text}}}}),
                json!({"span_multi": {"match": {"wildcard": {"t": text}}}}),
                json!({"prefix": {"k": text}}),
                json!({"query_string": {"query": text, "fields": ["t", "k"], "analyze_wildcard": true}}),
                json!({"terms": {"_index": [text]}}),
                json!({"exists": {"field": text}}),
            ]
        };
        Self { queries: Queries::open(), of }
    }
}

impl Target for Texts {
    fn run(&mut self, input: &[u8]) {
        let text = String::from_utf8_lossy(input);
        for query in (self.of)(&text) {
            self.queries.run(json!({"query": query}).to_string().as_bytes());
        }
    }
}
