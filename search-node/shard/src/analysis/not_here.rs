//! Parts of analysis that Elasticsearch or its plugins have and this build has not: why, and what to take instead. Whoever names one is told
//! more than that nobody knows it.

use super::error::{AnalysisError, Result};

/// Names of what is refused, the reason, and what comes nearest.
type Refused = [(&'static [&'static str], &'static str)];

const NO_ICU: &str = "the data of ICU is not in this build";

const FILTERS: &Refused = &[
    (
        &["kstem"],
        "its list of words is not there; take [porter_stem], or [stemmer] with the language [minimal_english]",
    ),
    (&["hunspell"], "it needs dictionaries in files; take [stemmer] with a language, or [stemmer_override]"),
    (
        &["hyphenation_decompounder"],
        "it needs patterns in a file; take [dictionary_decompounder] with a [word_list]",
    ),
    (
        &["condition"],
        "there are no scripts in analysis; take [multiplexer], or [keyword_marker] before a stemmer",
    ),
    (
        &["predicate_token_filter"],
        "there are no scripts in analysis; take [length], [keep], [keep_types] or [stop]",
    ),
    (&["icu_normalizer"], "{no_icu}; take [lowercase] and, for forms of width, [cjk_width]"),
    (&["icu_folding"], "{no_icu}; take [lowercase] and [asciifolding]"),
    (&["icu_transform"], "{no_icu}; take the character filter [mapping]"),
    (
        &["icu_collation"],
        "{no_icu}; take a [keyword] field with a [normalizer] of [lowercase] and [asciifolding] to sort by",
    ),
    (&["polish_stem"], "its table of stems is not there; take [stemmer_override]"),
    (&["polish_stop"], "its list of words is not there; take [stop] with [stopwords] of your own"),
    (&["smartcn_stop"], "its list of signs is not there; take [stop] with [stopwords] of your own"),
    (&["kuromoji_completion"], "[kuromoji_readingform] with [use_romaji] gives words as they are typed"),
];

const TOKENIZERS: &Refused = &[
    (&["icu_tokenizer"], "{no_icu}; take [standard], or [jieba_index] for Chinese"),
    (&["thai"], "it needs a dictionary, which is not in this build; take [ngram]"),
];

const CHAR_FILTERS: &Refused = &[(&["icu_normalizer"], "{no_icu}; take [mapping]")];

const ANALYZERS: &Refused = &[
    (&["icu_analyzer"], "{no_icu}; take [standard] with the filters [lowercase] and [asciifolding]"),
    (
        &["polish", "ukrainian"],
        "its dictionary is not in this build; take [standard], or a custom analyzer with [stemmer_override]",
    ),
    (&["thai"], "it needs a dictionary, which is not in this build; take a custom analyzer with [ngram]"),
    (
        &["galician"],
        "its stemmer is not in this build; take [standard] with [stopwords] of [_galician_], or [portuguese]",
    ),
];

fn refused(table: &Refused, kind: &str, name: &str) -> Result<()> {
    match table.iter().find(|(kinds, _)| kinds.contains(&kind)) {
        Some((_, why)) => Err(AnalysisError::argument(format!(
            "[{kind}] of [{name}] is not supported: {}",
            why.replace("{no_icu}", NO_ICU)
        ))),
        None => Ok(()),
    }
}

pub(super) fn refuse_filter(kind: &str, name: &str) -> Result<()> {
    refused(FILTERS, kind, name)
}

pub(super) fn refuse_tokenizer(kind: &str, name: &str) -> Result<()> {
    refused(TOKENIZERS, kind, name)
}

pub(super) fn refuse_char_filter(kind: &str, name: &str) -> Result<()> {
    refused(CHAR_FILTERS, kind, name)
}

pub(super) fn refuse_analyzer(kind: &str, name: &str) -> Result<()> {
    refused(ANALYZERS, kind, name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Analysis, AnalyzeRequest, Definitions};
    use super::*;

    fn asked(body: &Value) -> Result<Value> {
        let analysis = Analysis::of_index(Definitions::default())?;
        AnalyzeRequest::read(body)?.answer(&analysis, None, 100)
    }

    /// By name, and with parameters.
    #[test]
    fn what_is_not_here_is_named_with_what_to_take() {
        for (place, table) in [("filter", FILTERS), ("tokenizer", TOKENIZERS), ("char_filter", CHAR_FILTERS)]
        {
            for kind in table.iter().flat_map(|(kinds, _)| *kinds) {
                for wanted in [json!(kind), json!({"type": kind})] {
                    let wanted = if place == "tokenizer" { wanted } else { json!([wanted]) };
                    let refused = asked(&json!({place: wanted, "text": "x"})).expect_err(kind);
                    let begins = format!("[{kind}] of [{kind}] is not supported: ");
                    assert!(refused.reason.starts_with(&begins), "{kind}: {}", refused.reason);
                    assert!(
                        refused.reason.contains("[") && !refused.reason.contains('{'),
                        "{}",
                        refused.reason
                    );
                }
            }
        }
        for kind in ANALYZERS.iter().flat_map(|(kinds, _)| *kinds) {
            let refused = asked(&json!({"analyzer": kind, "text": "x"})).expect_err(kind);
            assert!(refused.reason.contains("is not supported: "), "{kind}: {}", refused.reason);
        }
    }

    /// Every filter, tokenizer, character filter and analyzer of Elasticsearch's reference is there or says why not.
    #[test]
    fn nobody_is_told_that_a_part_of_elasticsearch_is_unknown() {
        for filter in [
            "apostrophe",
            "arabic_normalization",
            "arabic_stem",
            "asciifolding",
            "bengali_normalization",
            "brazilian_stem",
            "cjk_bigram",
            "cjk_width",
            "classic",
            "condition",
            "czech_stem",
            "decimal_digit",
            "delimited_payload",
            "dictionary_decompounder",
            "dutch_stem",
            "edge_ngram",
            "elision",
            "fingerprint",
            "flatten_graph",
            "french_stem",
            "german_normalization",
            "german_stem",
            "hindi_normalization",
            "hunspell",
            "hyphenation_decompounder",
            "icu_collation",
            "icu_folding",
            "icu_normalizer",
            "icu_transform",
            "indic_normalization",
            "ja_stop",
            "keep",
            "keep_types",
            "keyword_marker",
            "keyword_repeat",
            "kstem",
            "kuromoji_baseform",
            "kuromoji_completion",
            "kuromoji_number",
            "kuromoji_part_of_speech",
            "kuromoji_readingform",
            "kuromoji_stemmer",
            "length",
            "limit",
            "lowercase",
            "min_hash",
            "multiplexer",
            "ngram",
            "nori_number",
            "nori_part_of_speech",
            "nori_readingform",
            "pattern_capture",
            "pattern_replace",
            "persian_normalization",
            "persian_stem",
            "phonetic",
            "polish_stem",
            "polish_stop",
            "porter_stem",
            "predicate_token_filter",
            "remove_duplicates",
            "reverse",
            "russian_stem",
            "scandinavian_folding",
            "scandinavian_normalization",
            "serbian_normalization",
            "shingle",
            "smartcn_stop",
            "snowball",
            "sorani_normalization",
            "stemmer",
            "stemmer_override",
            "stop",
            "synonym",
            "synonym_graph",
            "trim",
            "truncate",
            "type_as_payload",
            "unique",
            "uppercase",
            "word_delimiter",
            "word_delimiter_graph",
        ] {
            let told = asked(&json!({"tokenizer": "whitespace", "filter": [{"type": filter}], "text": "x"}));
            if let Err(refused) = told {
                assert!(!refused.reason.contains("failed to find"), "{filter}: {}", refused.reason);
            }
        }
        for tokenizer in [
            "char_group",
            "classic",
            "edge_ngram",
            "icu_tokenizer",
            "keyword",
            "kuromoji_tokenizer",
            "letter",
            "lowercase",
            "ngram",
            "nori_tokenizer",
            "path_hierarchy",
            "pattern",
            "simple_pattern",
            "simple_pattern_split",
            "smartcn_tokenizer",
            "standard",
            "thai",
            "uax_url_email",
            "whitespace",
        ] {
            if let Err(refused) = asked(&json!({"tokenizer": {"type": tokenizer}, "text": "x"})) {
                assert!(!refused.reason.contains("failed to find"), "{tokenizer}: {}", refused.reason);
            }
        }
    }
}
