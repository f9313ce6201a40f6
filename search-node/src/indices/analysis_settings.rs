//! `index.analysis.*`: the analyzers that an index defines, and the bounds of what they may make.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use shard::{Analysis, AnalysisDefinitions, GramLimits};

use crate::error::ApiError;

/// What the names of definitions begin with.
pub(super) const PREFIX: &str = "analysis.";

/// Elasticsearch's `index.analyze.max_token_count`.
pub(crate) const TOKENS_MAX: usize = 10_000;

/// The analysis that the settings define; every definition is tried.
pub(super) fn read(flat: &Map<String, Value>) -> Result<Arc<Analysis>, ApiError> {
    let limits = GramLimits {
        ngram_diff: number(flat, "max_ngram_diff", GramLimits::default().ngram_diff)?,
        shingle_diff: number(flat, "max_shingle_diff", GramLimits::default().shingle_diff)?,
    };
    let defined = flat.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value)));
    let mut defined = defined.peekable();
    if defined.peek().is_none() && limits == GramLimits::default() {
        return Ok(Analysis::plain());
    }
    Ok(Arc::new(Analysis::of_index(AnalysisDefinitions::read(defined, limits)?)?))
}

/// Refuses what no new index may say, and what was passed over by older builds.
pub(super) fn check_new(flat: &Map<String, Value>) -> Result<(), ApiError> {
    for (key, value) in flat {
        let filter =
            key.strip_prefix(PREFIX).and_then(|key| key.strip_prefix("filter.")?.strip_suffix(".side"));
        let kind = filter.and_then(|name| flat.get(&format!("{PREFIX}filter.{name}.type"))?.as_str());
        let is_side = matches!(value.as_str(), Some("front" | "back"));
        if matches!(kind, Some("edge_ngram" | "edgeNGram")) && !is_side {
            let side = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            return Err(ApiError::argument(format!("invalid side: {side}")));
        }
    }
    Ok(())
}

/// Whether two settings define other analyzers; such change only while the index is closed.
pub(super) fn differ(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let defined = |flat: &Map<String, Value>| -> BTreeMap<String, Value> {
        let definitions = flat.iter().filter(|(key, _)| key.starts_with(PREFIX));
        definitions.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    defined(one) != defined(other)
}

/// How many tokens one request may make of texts.
pub(super) fn tokens_max(flat: &Map<String, Value>) -> Result<usize, ApiError> {
    number(flat, "analyze.max_token_count", TOKENS_MAX)
}

fn number(flat: &Map<String, Value>, key: &str, default: usize) -> Result<usize, ApiError> {
    let Some(text) = flat.get(key).and_then(Value::as_str) else { return Ok(default) };
    text.parse().map_err(|_| {
        ApiError::argument(format!(
            "Failed to parse value [{text}] for setting [index.{key}]: it must be a number from 0 on"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::auto_create::AutoCreate;
    use shard::HostDisk;

    use super::super::registry::Indices;
    use super::super::settings::{IndexSettings, flatten, nest};
    use super::super::test_disk::resources;
    use crate::action::analyze::analyze;

    #[test]
    fn lists_are_kept_and_shown_as_lists() {
        let analysis = json!({"filter": {"f": {"type": "stop", "stopwords": ["a", "the"], "ignore_case": "true"}},
            "analyzer": {"x": {"tokenizer": "whitespace", "filter": ["lowercase", "f"]}}});

        let flat = flatten(&json!({"index": {"analysis": analysis}})).expect("flat");

        assert_eq!(nest(&flat)["analysis"], analysis);
        assert!(IndexSettings::read(&flat).expect("valid").analysis.has_analyzer("x"));
    }

    #[test]
    fn definitions_are_there_again_after_a_restart() {
        let root = tempfile::tempdir().expect("a folder");
        let open =
            || Indices::open(&root.path().join("indices"), AutoCreate::All, resources(HostDisk::shared()));
        let body = json!({"settings": {"analysis": {
                "analyzer": {"x": {"tokenizer": "keyword", "filter": ["reverse"]}},
                "normalizer": {"n": {"type": "custom", "filter": ["uppercase"]}}}},
            "mappings": {"properties": {"t": {"type": "text", "analyzer": "x"}, "k": {"type": "keyword", "normalizer": "n"}}}});
        open().expect("opens").create("i", &body).expect("made");

        let index = open().expect("opens").get("i").expect("there");

        let tokens =
            |field: &str| analyze(&json!({"field": field, "text": "ab"}), Some(&index)).expect("analyzed");
        assert_eq!(tokens("t")["tokens"][0]["token"], "ba");
        assert_eq!(tokens("k")["tokens"][0]["token"], "AB");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (analysis, reason) in [
            (
                json!({"analyzer": {"x": {"tokenizer": "y"}}}),
                "Custom Analyzer [x] failed to find tokenizer under name [y]",
            ),
            (
                json!({"analyzer": {"x": {"tokenizer": "standard", "filter": ["y"]}}}),
                "Custom Analyzer [x] failed to find filter under name [y]",
            ),
            (json!({"analyzer": {"x": {"type": "y"}}}), "Unknown analyzer type [y] for [x]"),
            (
                json!({"analyzer": {"x": {"type": "kuromoji"}}}),
                "[kuromoji_tokenizer] of [x] needs a dictionary",
            ),
            (
                json!({"tokenizer": {"x": {"type": "nori_tokenizer"}}}),
                "[nori_tokenizer] of [x] needs a dictionary",
            ),
            (json!({"filter": {"x": {"type": "y"}}}), "Unknown filter type [y] for [x]"),
            (json!({"tokenizer": {"x": {"type": "y"}}}), "Unknown tokenizer type [y] for [x]"),
            (json!({"char_filter": {"x": {"type": "y"}}}), "Unknown char_filter type [y] for [x]"),
            (
                json!({"filter": {"x": {"stopwords": "a"}}}),
                "filter [x] must specify either an analyzer type, or a tokenizer",
            ),
            (
                json!({"normalizer": {"x": {"type": "custom", "filter": ["stop"]}}}),
                "Custom normalizer [x] may not use filter [stop]",
            ),
            (
                json!({"filter": {"x": {"type": "ngram", "min_gram": 1, "max_gram": 5}}}),
                "The difference between max_gram and min_gram in NGram Tokenizer must be less than or equal to: [1] but was [4].",
            ),
            (
                json!({"filter": {"x": {"type": "synonym", "synonyms_path": "a.txt"}},
                    "analyzer": {"x": {"tokenizer": "standard", "filter": ["x"]}}}),
                "[synonyms_path] of [x] is not supported",
            ),
        ] {
            let flat = flatten(&json!({"analysis": analysis})).expect("flat");

            let error = IndexSettings::read(&flat).expect_err("refused");

            assert_eq!((error.status, error.kind.as_ref()), (400, "illegal_argument_exception"));
            assert!(error.reason.starts_with(reason), "{}", error.reason);
        }
    }
}
