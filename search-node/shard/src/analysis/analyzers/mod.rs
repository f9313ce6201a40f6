//! Analyzers by their types: those of Lucene, each with its parameters.

mod by_dictionary;
mod languages;

use std::sync::Arc;

use super::chain::{Analyzer, Before};
use super::char_filters::CharFilter;
use super::error::Result;
use super::not_here;
use super::params::Params;
use super::token_filters::{
    AsciiFolding, Case, CjkBigram, Edit, Fingerprint, LowercaseLanguage, Stem, Stop, TokenFilter, width,
};
use super::tokenizers::{self, CharClass, Keyword, Letters, Standard, TOKEN_LENGTH, Tokenizer};

/// Types that are no languages.
const KINDS: [&str; 14] = [
    "standard",
    "default",
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
    "snowball",
    "chinese",
];

/// A chain in the making.
pub(super) struct Chain(Before);

impl Chain {
    pub(super) fn of(name: &str, tokenizer: impl Tokenizer + 'static) -> Self {
        Self(Before { tokenizer: (name.to_owned(), Arc::new(tokenizer)), ..Before::default() })
    }

    /// Words by UAX #29.
    pub(super) fn standard() -> Self {
        Self::of("standard", Standard::new(TOKEN_LENGTH))
    }

    pub(super) fn with(mut self, name: &str, filter: impl TokenFilter + 'static) -> Self {
        self.0.filters.push((name.to_owned(), Arc::new(filter)));
        self
    }

    pub(super) fn with_char_filter(mut self, name: &str, filter: impl CharFilter + 'static) -> Self {
        self.0.char_filters.push((name.to_owned(), Arc::new(filter)));
        self
    }

    pub(super) fn lowercase(self) -> Self {
        self.with("lowercase", Case::lower(LowercaseLanguage::Any))
    }

    /// Leaves out what the parameters say, else a list.
    pub(super) fn stop(self, params: Params<'_>, list: &str) -> Self {
        let words = params.list("stopwords").unwrap_or_else(|| vec![list.to_owned()]);
        if words.as_slice() == ["_none_"] { self } else { self.with("stop", Stop::of(&words)) }
    }
}

/// The analyzer of a type; none where there is no such type.
pub(crate) fn build(kind: &str, params: Params<'_>) -> Result<Option<Analyzer>> {
    if let Some(chain) = languages::build(kind, params)? {
        return Ok(Some(Analyzer::new(params.name, chain.0)));
    }
    if let Some(chain) = by_dictionary::build(kind, params)? {
        return Ok(Some(Analyzer::new(params.name, chain.0)));
    }
    if !KINDS.contains(&kind) {
        return not_here::refuse_analyzer(kind, params.name).map(|()| None);
    }
    params.refuse_files(&[("stopwords_path", "stopwords")])?;
    let chain = match kind {
        "simple" => Chain::of("lowercase", Letters::new(CharClass::LowercasedLetter, TOKEN_LENGTH)),
        "whitespace" => Chain::of("whitespace", Letters::new(CharClass::NotWhitespace, TOKEN_LENGTH)),
        "stop" => Chain::of("lowercase", Letters::new(CharClass::LowercasedLetter, TOKEN_LENGTH))
            .stop(params, "_english_"),
        "keyword" => Chain::of("keyword", Keyword),
        "pattern" => pattern(params)?,
        "fingerprint" => fingerprint(params)?,
        "snowball" => snowball(params)?,
        // It takes no parameters.
        "chinese" => Chain::standard().lowercase().with("stop", Stop::of(&["_english_".to_owned()])),
        "cjk" => Chain::standard()
            .with("cjk_width", Edit::letters(width))
            .lowercase()
            .with("cjk_bigram", CjkBigram::default())
            .stop(params, "_cjk_"),
        "jieba_index" | "jieba_search" | "smartcn" => {
            let kind = if kind == "smartcn" { "smartcn_tokenizer" } else { kind };
            let tokenizer = tokenizers::build(kind, params, &Default::default())?;
            let mut chain = Chain::standard();
            chain.0.tokenizer = (kind.to_owned(), tokenizer.unwrap_or_else(|| Arc::new(Keyword)));
            chain.lowercase().stop(params, "_none_")
        }
        _ => return standard(params).map(Some),
    };
    Ok(Some(Analyzer::new(params.name, chain.0)))
}

fn standard(params: Params<'_>) -> Result<Analyzer> {
    let longest = params.count("max_token_length", TOKEN_LENGTH, 1)?;
    let chain = Chain::of("standard", Standard::new(longest)).lowercase().stop(params, "_none_");
    let is_plain_standard = longest == TOKEN_LENGTH && chain.0.filters.len() == 1;
    Ok(Analyzer { is_plain_standard, ..Analyzer::new(params.name, chain.0) })
}

fn pattern(params: Params<'_>) -> Result<Chain> {
    let tokenizer = tokenizers::build("pattern", params, &Default::default())?;
    let mut chain = Chain::standard();
    chain.0.tokenizer = ("pattern".to_owned(), tokenizer.unwrap_or_else(|| Arc::new(Keyword)));
    let chain = if params.flag("lowercase", true)? { chain.lowercase() } else { chain };
    Ok(chain.stop(params, "_none_"))
}

/// Stems by Snowball; English loses its possessives and common words, too.
fn snowball(params: Params<'_>) -> Result<Chain> {
    let language = params.text("language").or_else(|| params.text("name"));
    let language = language.as_deref().unwrap_or("English");
    let stem = Stem::snowball(language)?;
    let chain = match language {
        "English" | "Porter" => {
            Chain::standard().with("possessive_english", Stem::new("possessive_english")?)
        }
        _ => Chain::standard(),
    };
    let list = match language {
        "Dutch" | "English" | "French" | "German" | "German2" => {
            language.trim_end_matches('2').to_lowercase()
        }
        _ => "none".to_owned(),
    };
    Ok(chain.lowercase().stop(params, &format!("_{list}_")).with("snowball", stem))
}

fn fingerprint(params: Params<'_>) -> Result<Chain> {
    let folding = AsciiFolding::new(false);
    let filter = Fingerprint::read(params)?;
    let chain = Chain::standard().lowercase().with("asciifolding", folding).stop(params, "_none_");
    Ok(chain.with("fingerprint", filter))
}
