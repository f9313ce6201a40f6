//! The filter of a type.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::edits::Edit;
use super::*;
use crate::analysis::error::AnalysisError;
use crate::analysis::not_here;
use crate::analysis::params::Params;

/// The filter of a type with its parameters; none where there is no such type.
pub(crate) fn build(
    kind: &str,
    params: Params<'_>,
    context: &Context<'_>,
) -> Result<Option<Arc<dyn TokenFilter>>> {
    if let Some(filter) = of_letters(kind, params)? {
        return Ok(Some(filter));
    }
    if let Some(filter) = of_words(kind, params)? {
        return Ok(Some(filter));
    }
    if let Some(filter) = of_languages(kind, params)? {
        return Ok(Some(filter));
    }
    not_here::refuse_filter(kind, params.name)?;
    of_several(kind, params, context)
}

/// The parameters of those that differ where they are only named, as they come with Elasticsearch.
static PREBUILT: LazyLock<[(&str, Map<String, Value>); 4]> = LazyLock::new(|| {
    let parameters = |pairs: &[(&str, Value)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<Map<_, _>>()
    };
    [
        ("elision", parameters(&[("articles", json!(elision::FRENCH)), ("articles_case", json!(true))])),
        ("common_grams", parameters(&[("common_words", json!([]))])),
        ("edge_ngram", parameters(&[("max_gram", json!(1))])),
        ("edgeNGram", parameters(&[("max_gram", json!(1))])),
    ]
});

static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// The parameters of a filter that is only named.
pub(crate) fn prebuilt(name: &str) -> &'static Map<String, Value> {
    let found = PREBUILT.iter().find(|(prebuilt, _)| *prebuilt == name);
    found.map_or(&NOTHING, |(_, parameters)| parameters)
}

/// Filters that look at letters.
fn of_letters(kind: &str, params: Params<'_>) -> Result<Option<Arc<dyn TokenFilter>>> {
    Ok(Some(match kind {
        "lowercase" => Arc::new(Case::lower(LowercaseLanguage::read(params)?)),
        "uppercase" => Arc::new(Case::Upper),
        "asciifolding" => {
            Arc::new(ascii_folding::AsciiFolding::new(params.flag("preserve_original", false)?))
        }
        "cjk_width" => Arc::new(Edit::letters(width)),
        "decimal_digit" => Arc::new(Edit::letters(edits::decimal_digits)),
        "trim" => Arc::new(Edit::letters(edits::trimmed)),
        "reverse" => Arc::new(Edit::words(edits::reversed)),
        "apostrophe" => Arc::new(Edit::words(edits::before_apostrophe)),
        "classic" => Arc::new(classic::Classic),
        "arabic_normalization" => Arc::new(Edit::letters(arabic_normalization)),
        "indic_normalization" => Arc::new(Edit::letters(indic_normalization)),
        "hindi_normalization" => Arc::new(Edit::spelling(hindi_normalization)),
        "bengali_normalization" => Arc::new(Edit::spelling(bengali_normalization)),
        "serbian_normalization" => Arc::new(Edit::letters(normalizations::serbian_normalization)),
        "sorani_normalization" => Arc::new(Edit::letters(sorani_normalization)),
        "german_normalization" => Arc::new(Edit::letters(german_normalization)),
        "persian_normalization" => Arc::new(Edit::letters(normalizations::persian_normalization)),
        "scandinavian_normalization" => Arc::new(Edit::letters(normalizations::scandinavian_normalization)),
        "scandinavian_folding" => Arc::new(Edit::letters(normalizations::scandinavian_folding)),
        "elision" => Arc::new(Elision::read(params)?),
        "pattern_replace" => Arc::new(pattern_replace::PatternReplace::new(params)?),
        _ => return Ok(None),
    }))
}

/// Filters that look at one word after the other.
fn of_words(kind: &str, params: Params<'_>) -> Result<Option<Arc<dyn TokenFilter>>> {
    if let Some(language) = stemmer::language_of(kind) {
        return Ok(Some(Arc::new(Stem::new(language)?)));
    }
    Ok(Some(match kind {
        "stemmer" => {
            let language = params.text("language").or_else(|| params.text("name"));
            Arc::new(Stem::new(language.as_deref().unwrap_or("porter"))?)
        }
        "snowball" => {
            let language = params.text("language").or_else(|| params.text("name"));
            Arc::new(Stem::snowball(language.as_deref().unwrap_or("English"))?)
        }
        "stemmer_override" => Arc::new(Override::read(params)?),
        "keep" => Arc::new(keep::KeepWords::new(params)?),
        "keep_types" => Arc::new(keep::KeepTypes::new(params)?),
        "stop" => Arc::new(Stop::read(params, "_english_")?),
        "length" => Arc::new(lengths::Length::new(params)?),
        "truncate" => Arc::new(lengths::Truncate::new(params)?),
        "limit" => Arc::new(lengths::Limit::new(params)?),
        "keyword_marker" => Arc::new(KeywordMarker::read(params)?),
        "keyword_repeat" => Arc::new(keywords::KeywordRepeat),
        "ngram" | "nGram" | "edge_ngram" | "edgeNGram" => return Ok(None),
        "phonetic" => Arc::new(phonetic::Phonetic::new(params)?),
        "pattern_capture" => Arc::new(pattern_capture::PatternCapture::new(params)?),
        "dictionary_decompounder" => Arc::new(decompounder::Decompounder::new(params)?),
        // A type as a payload is kept as little as other payloads.
        "type_as_payload" => Arc::new(Edit::letters(|_| ())),
        "delimited_payload" => Arc::new(payload::DelimitedPayload::new(params)?),
        "word_delimiter" => Arc::new(word_delimiter::WordDelimiter::new(params)?),
        "word_delimiter_graph" => Arc::new(word_delimiter_graph::WordDelimiterGraph::new(params)?),
        _ => return Ok(None),
    }))
}

/// Filters of Japanese and Korean.
fn of_languages(kind: &str, params: Params<'_>) -> Result<Option<Arc<dyn TokenFilter>>> {
    Ok(Some(match kind {
        "kuromoji_baseform" => Arc::new(BaseForm),
        "kuromoji_part_of_speech" => Arc::new(PartOfSpeech::japanese(params)),
        "kuromoji_readingform" => Arc::new(ReadingForm::japanese(params)?),
        "kuromoji_stemmer" => Arc::new(KatakanaStem::new(params)?),
        "kuromoji_number" => Arc::new(&numbers::Numbers::JAPANESE),
        "ja_stop" => Arc::new(Stop::read(params, "_japanese_")?),
        "hiragana_uppercase" => Arc::new(Edit::letters(kana::large_hiragana)),
        "katakana_uppercase" => Arc::new(Edit::letters(kana::large_katakana)),
        "nori_part_of_speech" => Arc::new(PartOfSpeech::korean(params)),
        "nori_readingform" => Arc::new(ReadingForm::Hangul),
        "nori_number" => Arc::new(&numbers::Numbers::KOREAN),
        _ => return Ok(None),
    }))
}

/// Filters that look at several tokens, or need what stands around them.
fn of_several(kind: &str, params: Params<'_>, context: &Context<'_>) -> Result<Option<Arc<dyn TokenFilter>>> {
    Ok(Some(match kind {
        "ngram" | "nGram" => Arc::new(grams::Grams::new(params, context.limits)?),
        "edge_ngram" | "edgeNGram" => Arc::new(grams::Grams::at_edge(params)?),
        "shingle" => Arc::new(shingle::Shingle::new(params, context.limits)?),
        "unique" => Arc::new(unique::Unique::new(params.flag("only_on_same_position", false)?)),
        "remove_duplicates" => Arc::new(unique::Unique::new(true)),
        "common_grams" => Arc::new(common_grams::CommonGrams::new(params)?),
        "cjk_bigram" => Arc::new(CjkBigram::read(params)?),
        "fingerprint" => Arc::new(Fingerprint::read(params)?),
        "min_hash" => Arc::new(min_hash::MinHash::new(params)?),
        "flatten_graph" => Arc::new(flatten_graph::FlattenGraph),
        "multiplexer" => Arc::new(multiplexer::Multiplexer::new(params, context)?),
        "synonym" => Arc::new(synonym::Synonyms::new(params, context)?),
        "synonym_graph" => Arc::new(synonym_graph::SynonymGraph::new(params, context)?),
        _ => return Ok(None),
    }))
}

pub(crate) fn unknown_type(kind: &str, name: &str) -> AnalysisError {
    AnalysisError::argument(format!("Unknown filter type [{kind}] for [{name}]"))
}
