//! Tokenizers: how a text is cut into tokens.

mod addresses;
mod ascii_words;
mod char_group;
mod classic;
mod grams;
mod jieba;
mod keyword;
mod kuromoji;
mod letters;
mod nori;
mod path_hierarchy;
mod pattern;
mod scripts;
mod standard;
mod uax_url_email;
mod words;

use std::fmt;
use std::sync::Arc;

pub(crate) use grams::GramBounds;
pub(crate) use keyword::Keyword;
pub(crate) use letters::{CharClass, Letters};
pub(crate) use standard::{FastStandard, Standard};

use super::error::{AnalysisError, Result};
use super::limits::GramLimits;
use super::not_here;
use super::params::Params;
use super::token::{End, Tokens};

/// Lucene's bound on the length of a token, where a parameter says nothing.
pub(crate) const TOKEN_LENGTH: usize = 255;

/// Cuts a text.
pub(crate) trait Tokenizer: Send + Sync + fmt::Debug {
    /// The tokens, placed in this text.
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a>;

    /// The same, where somebody asks for what is left out at the end. Whoever leaves words out tells it.
    fn tokens_to_end<'a>(&'a self, text: &'a str, _end: &End) -> Tokens<'a> {
        self.tokens(text)
    }
}

/// The tokenizer of a type.
pub(crate) fn build(
    kind: &str,
    params: Params<'_>,
    limits: &GramLimits,
) -> Result<Option<Arc<dyn Tokenizer>>> {
    Ok(Some(match kind {
        "standard" => Arc::new(Standard::new(params.count("max_token_length", TOKEN_LENGTH, 1)?)),
        "classic" => Arc::new(classic::Classic::new(params.count("max_token_length", TOKEN_LENGTH, 1)?)),
        "uax_url_email" | "uaxUrlEmail" => {
            Arc::new(uax_url_email::UaxUrlEmail::new(params.count("max_token_length", TOKEN_LENGTH, 1)?))
        }
        "whitespace" => {
            let longest = params.count("max_token_length", TOKEN_LENGTH, 1)?;
            Arc::new(Letters::new(CharClass::NotWhitespace, longest))
        }
        "letter" => Arc::new(Letters::new(CharClass::Letter, TOKEN_LENGTH)),
        "lowercase" => Arc::new(Letters::new(CharClass::LowercasedLetter, TOKEN_LENGTH)),
        "keyword" => Arc::new(Keyword),
        "ngram" | "nGram" => Arc::new(grams::Grams::new(params, limits)?),
        "edge_ngram" | "edgeNGram" => Arc::new(grams::Grams::at_edge(params)?),
        "pattern" => Arc::new(pattern::PatternTokenizer::new(params)?),
        "simple_pattern" => Arc::new(pattern::PatternTokenizer::simple(params, false)?),
        "simple_pattern_split" => Arc::new(pattern::PatternTokenizer::simple(params, true)?),
        "path_hierarchy" | "PathHierarchy" => Arc::new(path_hierarchy::PathHierarchy::new(params)?),
        "char_group" => Arc::new(char_group::CharGroup::new(params)?),
        "jieba_index" | "jieba" => Arc::new(jieba::JiebaTokenizer::new(true)),
        "jieba_search" | "smartcn_tokenizer" => Arc::new(jieba::JiebaTokenizer::new(false)),
        "kuromoji_tokenizer" => kuromoji::build(params)?,
        "nori_tokenizer" => nori::build(params)?,
        _ => return not_here::refuse_tokenizer(kind, params.name).map(|()| None),
    }))
}

/// Types that mean nothing without parameters.
pub(crate) fn needs_parameters(kind: &str) -> bool {
    kind == "char_group"
}

pub(crate) fn unknown_type(kind: &str, name: &str) -> AnalysisError {
    AnalysisError::argument(format!("Unknown tokenizer type [{kind}] for [{name}]"))
}
