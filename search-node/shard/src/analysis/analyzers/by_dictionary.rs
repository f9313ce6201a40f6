//! `kuromoji` and `nori`: Japanese and Korean words by dictionaries.

use serde_json::{Map, Value};

use super::super::char_filters::CjkWidth;
use super::super::error::{AnalysisError, Result};
use super::super::params::Params;
use super::super::token_filters::{BaseForm, KatakanaStem, PartOfSpeech, ReadingForm};
use super::super::tokenizers;
use super::Chain;

/// The analyzer of a type; none where it is none of these.
pub(super) fn build(kind: &str, params: Params<'_>) -> Result<Option<Chain>> {
    match kind {
        "kuromoji" => kuromoji(params).map(Some),
        "nori" => nori(params).map(Some),
        "kuromoji_completion" => Err(AnalysisError::argument(
            "analyzer [kuromoji_completion] is not supported; [kuromoji_tokenizer] with [kuromoji_readingform] and [use_romaji] gives words as they are typed",
        )),
        _ => Ok(None),
    }
}

/// Words in their usual width and form, without those that join others and common ones.
fn kuromoji(params: Params<'_>) -> Result<Chain> {
    params.refuse_files(&[("stopwords_path", "stopwords")])?;
    // The analyzer leaves signs and the long words out, whatever a tokenizer of its own would do.
    let only = params.only(&["mode", "user_dictionary", "user_dictionary_rules", "lenient"]);
    let values = with(only, &[("discard_punctuation", true), ("discard_compound_token", true)]);
    let nothing = Map::new();
    let plain = Params::new(params.name, &nothing);
    let chain = tokenizer("kuromoji_tokenizer", Params::new(params.name, &values))?;
    Ok(chain
        .with_char_filter("cjk_width", CjkWidth)
        .with("kuromoji_baseform", BaseForm)
        .with("kuromoji_part_of_speech", PartOfSpeech::japanese(params))
        .stop(params, "_japanese_")
        .with("kuromoji_stemmer", KatakanaStem::new(plain)?)
        .lowercase())
}

/// Words in Hangul, without those that join others.
fn nori(params: Params<'_>) -> Result<Chain> {
    let only = params.only(&["decompound_mode", "user_dictionary", "user_dictionary_rules", "lenient"]);
    let chain = tokenizer("nori_tokenizer", Params::new(params.name, &only))?;
    Ok(chain
        .with("nori_part_of_speech", PartOfSpeech::korean(params))
        .with("nori_readingform", ReadingForm::Hangul)
        .lowercase())
}

fn tokenizer(kind: &str, params: Params<'_>) -> Result<Chain> {
    let found = tokenizers::build(kind, params, &Default::default())?;
    let found = found.ok_or_else(|| tokenizers::unknown_type(kind, params.name))?;
    let mut chain = Chain::standard();
    chain.0.tokenizer = (kind.to_owned(), found);
    Ok(chain)
}

fn with(mut values: Map<String, Value>, flags: &[(&str, bool)]) -> Map<String, Value> {
    values.extend(flags.iter().map(|(key, flag)| ((*key).to_owned(), Value::Bool(*flag))));
    values
}
