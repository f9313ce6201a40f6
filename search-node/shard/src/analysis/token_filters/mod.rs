//! Token filters: what happens to tokens after a text was cut.

mod ascii_folding;
mod brazilian;
mod build;
mod case;
mod caumanns;
mod cjk_bigram;
mod cjk_width;
mod classic;
mod common_grams;
mod decompounder;
mod edits;
mod elision;
mod endings;
mod fingerprint;
mod flatten_graph;
mod grams;
mod indic_normalizations;
mod indonesian;
mod kana;
mod keep;
mod keywords;
mod leading;
mod lengths;
mod light_french;
mod light_hungarian;
mod light_indic;
mod light_nordic;
mod light_others;
mod light_slavic;
mod light_stemmers;
mod min_hash;
mod minimal_stemmers;
mod morphemes;
mod multiplexer;
mod normalizations;
mod numbers;
mod pattern_capture;
mod pattern_replace;
mod payload;
mod phonetic;
mod romaji;
mod shingle;
mod stemmer;
mod stop;
mod synonym;
mod synonym_graph;
mod synonym_rules;
mod unique;
mod word_delimiter;
mod word_delimiter_graph;
mod word_parts;

use std::fmt;
use std::sync::Arc;

pub(crate) use ascii_folding::AsciiFolding;
pub(crate) use build::{build, prebuilt, unknown_type};
pub(crate) use case::{Case, LowercaseLanguage};
pub(crate) use cjk_bigram::CjkBigram;
pub(crate) use cjk_width::width;
pub(crate) use edits::{Edit, before_apostrophe as apostrophe, decimal_digits};
pub(crate) use elision::{Elision, FRENCH as FRENCH_ARTICLES};
pub(crate) use fingerprint::{Fingerprint, KIND as WHOLE_TEXT};
pub(crate) use indic_normalizations::{bengali_normalization, hindi_normalization, indic_normalization};
pub(crate) use kana::KatakanaStem;
pub(crate) use keywords::KeywordMarker;
pub(crate) use leading::Leading;
pub(crate) use morphemes::{BaseForm, PartOfSpeech, ReadingForm};
pub(crate) use normalizations::{
    arabic_normalization, german_normalization, persian_normalization, romanian_normalization,
    sorani_normalization,
};
pub(crate) use stemmer::{Override, Stem};
pub(crate) use stop::Stop;

use super::chain::Before;
use super::error::Result;
use super::limits::GramLimits;
use super::token::{End, Tokens};

/// What a synonym filter behind a filter makes of that when it reads its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InRules {
    /// Rules go through it too.
    Applied,
    /// Rules go past it.
    PassedOver,
    /// No synonym filter may stand behind it.
    Refused,
}

/// How many words are put together into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shingles {
    pub(crate) least: usize,
    pub(crate) most: usize,
    /// Whether the words stay beside them.
    pub(crate) with_words: bool,
}

/// Changes tokens.
pub(crate) trait TokenFilter: Send + Sync + fmt::Debug {
    /// The changed tokens.
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a>;

    /// The same, where somebody asks for what is left out at the end. Whoever leaves tokens out tells it.
    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, _end: &End) -> Tokens<'a> {
        self.filter(tokens)
    }

    /// Whether normalizers may use it: it changes letters and neither number nor place of tokens.
    fn is_normalizing(&self) -> bool {
        false
    }

    /// What words it puts together, if it does.
    fn shingles(&self) -> Option<Shingles> {
        None
    }

    fn in_rules(&self) -> InRules {
        InRules::Applied
    }

    /// Whether it marks tokens as keywords or asks whether they are: from there on an explanation shows it.
    fn knows_keywords(&self) -> bool {
        false
    }
}

/// What the making of a filter needs beside its own parameters.
pub(crate) struct Context<'a> {
    pub(crate) limits: &'a GramLimits,
    /// What stands before it in its analyzer.
    pub(crate) before: &'a Before,
    /// The filter of a name.
    pub(crate) named: &'a dyn Fn(&str) -> Result<Arc<dyn TokenFilter>>,
}
