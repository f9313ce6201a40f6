//! Analysis: how a text becomes terms, the same way when it is stored and when it is asked for.
//!
//! ```text
//!  text ──char filters──▶ text ──tokenizer──▶ tokens ──token filters──▶ tokens ──▶ index or query
//! ```
//!
//! Tokens go one by one, so that a long text takes no more memory than a short one. Their offsets are bytes of the original text,
//! whatever character filters made of it.
//!
//! # Invariants
//!
//! - No text and no definition panics, and every offset lies within the text, the first not behind the last.
//! - An analyzer never changes: definitions are those of the index, which are made with it.

mod analyzers;
mod chain;
mod char_filters;
mod definitions;
mod derived;
mod digits;
mod error;
mod index_tokenizer;
mod java_regex;
mod letter_case;
mod limits;
mod marks;
mod morphology;
mod not_here;
mod params;
mod registry;
mod request;
mod stop_words;
mod token;
mod token_filters;
mod tokenizers;
mod units;

use tantivy::tokenizer::{RawTokenizer, TextAnalyzer, TokenizerManager};

pub(crate) use chain::{Analyzer, Term};
pub use definitions::Definitions;
pub(crate) use derived::{LEADING_MAX, leading_of, prefixes_of, shingles_of};
pub use error::AnalysisError;
pub(crate) use index_tokenizer::{begin_document, indexing};
pub(crate) use java_regex::Pattern as JavaPattern;
pub use limits::GramLimits;
pub use morphology::{DictionaryError, Language, install_dictionary};
pub use registry::Analysis;
pub use request::{AnalyzeRequest, FieldAnalysis};
pub(crate) use token::{End, SYNONYM, Token, units};
pub(crate) use units::Units;

/// The name of Elasticsearch's default analyzer: words by UAX #29, in lower case.
pub(crate) const STANDARD: &str = "standard";
/// The value as one term.
pub(crate) const RAW: &str = "raw";
/// How far values of one field are apart, where nobody says.
pub(crate) const POSITION_INCREMENT_GAP: u32 = 100;

/// The standard analyzer for the index.
pub(crate) fn standard(gap: usize) -> TextAnalyzer {
    TextAnalyzer::builder(tokenizers::FastStandard::new(gap)).build()
}

/// The analyzers that every schema may name. They must be there before an index is opened.
pub(crate) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::new();
    let standard = || standard(POSITION_INCREMENT_GAP as usize);
    // tantivy asks for its `default` for every field that is not text, though it never uses it there.
    manager.register("default", standard());
    manager.register(STANDARD, standard());
    manager.register(RAW, TextAnalyzer::builder(RawTokenizer::default()).build());
    manager
}

#[cfg(test)]
mod tests;
