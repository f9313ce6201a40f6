//! Texts through analyzers: a body of `_analyze`, or a byte for each component of a chain, and a text.
//!
//! # Invariants
//!
//! - A request is answered or refused.
//! - Every token lies within the text, in the units of UTF-16 that clients count in, and ends no sooner than it begins.
//! - Places never go back.

use serde_json::{Value, json};
use shard::{Analysis, AnalysisDefinitions, AnalyzeRequest, GramLimits};

use crate::Target;

/// Elasticsearch's limit; what makes more is refused.
const TOKENS_MAX: usize = 10_000;

const ANALYZERS: [&str; 35] = [
    "standard",
    "simple",
    "whitespace",
    "stop",
    "keyword",
    "pattern",
    "fingerprint",
    "cjk",
    "jieba_index",
    "jieba_search",
    "smartcn",
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "irish",
    "italian",
    "lithuanian",
    "norwegian",
    "persian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "turkish",
    "custom",
];

const TOKENIZERS: [&str; 14] = [
    "standard",
    "classic",
    "uax_url_email",
    "whitespace",
    "letter",
    "lowercase",
    "keyword",
    "ngram",
    "edge_ngram",
    "pattern",
    "path_hierarchy",
    "jieba_index",
    "jieba_search",
    "simple_pattern_split",
];

const CHAR_FILTERS: [&str; 5] = [
    r#""html_strip""#,
    r#"{"type": "mapping", "mappings": ["a => bcd", "é =>", "ab => ü", "𝒳 => x"]}"#,
    r#"{"type": "pattern_replace", "pattern": "(\\w)(\\W)?", "replacement": "$2$1é"}"#,
    r#"{"type": "pattern_replace", "pattern": "(?<=a)b*"}"#,
    r#""kuromoji_iteration_mark""#,
];

const FILTERS: [&str; 56] = [
    r#""lowercase""#,
    r#""uppercase""#,
    r#"{"type": "lowercase", "language": "greek"}"#,
    r#"{"type": "lowercase", "language": "irish"}"#,
    r#"{"type": "lowercase", "language": "turkish"}"#,
    r#"{"type": "asciifolding", "preserve_original": true}"#,
    r#""cjk_width""#,
    r#""decimal_digit""#,
    r#""trim""#,
    r#""reverse""#,
    r#""apostrophe""#,
    r#""classic""#,
    r#""arabic_normalization""#,
    r#""german_normalization""#,
    r#""persian_normalization""#,
    r#""scandinavian_normalization""#,
    r#""scandinavian_folding""#,
    r#"{"type": "elision", "articles": ["l", "d"], "articles_case": true}"#,
    r#"{"type": "pattern_replace", "pattern": "(.)(.)", "replacement": "$2$1"}"#,
    r#"{"type": "pattern_capture", "patterns": ["(\\w)(.)", "(\\d+)"]}"#,
    r#""stop""#,
    r#"{"type": "length", "min": 2, "max": 5}"#,
    r#"{"type": "truncate", "length": 3}"#,
    r#"{"type": "limit", "max_token_count": 9}"#,
    r#""unique""#,
    r#""remove_duplicates""#,
    r#""porter_stem""#,
    r#""keyword_repeat""#,
    r#"{"type": "stemmer", "language": "light_french"}"#,
    r#"{"type": "stemmer", "language": "light_german"}"#,
    r#"{"type": "stemmer", "language": "light_portuguese"}"#,
    r#"{"type": "stemmer", "language": "minimal_english"}"#,
    r#"{"type": "snowball", "language": "Turkish"}"#,
    r#"{"type": "dictionary_decompounder", "word_list": ["ab", "b", "é"], "min_word_size": 2, "min_subword_size": 1}"#,
    r#"{"type": "ngram", "min_gram": 1, "max_gram": 2, "preserve_original": true}"#,
    r#"{"type": "edge_ngram", "min_gram": 1, "max_gram": 3, "side": "back"}"#,
    r#"{"type": "word_delimiter", "catenate_all": true, "catenate_words": true, "preserve_original": true}"#,
    r#"{"type": "word_delimiter_graph", "catenate_all": true, "catenate_numbers": true, "preserve_original": true}"#,
    r#"{"type": "shingle", "min_shingle_size": 2, "max_shingle_size": 3}"#,
    r#"{"type": "common_grams", "common_words": ["a", "the"], "query_mode": true}"#,
    r#"{"type": "cjk_bigram", "output_unigrams": true}"#,
    r#"{"type": "fingerprint", "max_output_size": 1000}"#,
    r#"{"type": "multiplexer", "filters": ["lowercase", "uppercase, trim"]}"#,
    r#"{"type": "synonym", "synonyms": ["a, b c d", "b c => e", "e, a b"]}"#,
    r#"{"type": "synonym_graph", "synonyms": ["a, b c d", "b c => e", "e, a b"]}"#,
    r#""flatten_graph""#,
    r#"{"type": "phonetic", "encoder": "double_metaphone", "replace": false}"#,
    r#"{"type": "phonetic", "encoder": "cologne"}"#,
    r#"{"type": "min_hash", "hash_count": 2, "bucket_count": 3}"#,
    r#"{"type": "min_hash", "bucket_count": 5, "hash_set_size": 2}"#,
    r#"{"type": "delimited_payload", "delimiter": "é"}"#,
    r#""kuromoji_number""#,
    r#""kuromoji_stemmer""#,
    r#"{"type": "kuromoji_readingform", "use_romaji": true}"#,
    r#""katakana_uppercase""#,
    r#""nori_number""#,
];

pub(crate) struct Analyzers {
    analysis: Analysis,
}

impl Analyzers {
    pub(crate) fn open() -> Self {
        let limits = GramLimits { ngram_diff: 3, shingle_diff: 3 };
        let definitions = AnalysisDefinitions::read(std::iter::empty(), limits).expect("nothing is defined");
        let analysis = Analysis::of_index(definitions).expect("nothing is defined");
        // Dictionaries are unpacked once, whoever asks first.
        for name in ["jieba_index", "fingerprint"] {
            let body = json!({"analyzer": name, "text": "中é"});
            AnalyzeRequest::read(&body)
                .and_then(|request| request.answer(&analysis, None, TOKENS_MAX))
                .expect("analyzed");
        }
        Self { analysis }
    }

    fn try_body(&self, body: &Value) {
        let Ok(request) = AnalyzeRequest::read(body) else { return };
        let Ok(answer) = request.answer(&self.analysis, None, TOKENS_MAX) else { return };
        let texts = match &body["text"] {
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
            text => vec![text.as_str().unwrap_or_default()],
        };
        let units: u64 = texts.iter().map(|text| text.encode_utf16().count() as u64 + 1).sum();
        let mut last = 0;
        for token in answer["tokens"].as_array().into_iter().flatten() {
            let number = |key: &str| token[key].as_u64().expect("a number");
            assert!(number("start_offset") <= number("end_offset"), "{body}: {token}");
            assert!(number("end_offset") < units, "{body}: {token}");
            assert!(number("position") >= last, "{body}: {token}");
            last = number("position");
        }
    }
}

/// A chain by bytes, and the text that follows them.
fn chain(input: &[u8]) -> Option<Value> {
    let (bytes, text) = input.split_at_checked(5)?;
    let text = String::from_utf8_lossy(text);
    let pick = |at: usize, count: usize| usize::from(bytes[at]) % count;
    if bytes[0] < 64 {
        return Some(json!({"analyzer": ANALYZERS[pick(1, ANALYZERS.len())], "text": text}));
    }
    let component = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let filters: Vec<Value> = (2..4).map(|at| component(FILTERS[pick(at, FILTERS.len())])).collect();
    let char_filters: Vec<Value> =
        CHAR_FILTERS.get(usize::from(bytes[4]) % 8).map(|text| component(text)).into_iter().collect();
    let tokenizer = TOKENIZERS[pick(1, TOKENIZERS.len())];
    Some(json!({"tokenizer": tokenizer, "filter": filters, "char_filter": char_filters, "text": text}))
}

impl Target for Analyzers {
    fn run(&mut self, input: &[u8]) {
        if let Ok(body) = serde_json::from_slice::<Value>(input) {
            self.try_body(&body);
        } else if let Some(body) = chain(input) {
            self.try_body(&body);
        }
    }
}
