//! `ngram` and `edge_ngram`: every part of a text of certain lengths, or those at its beginning.

use std::collections::BTreeSet;

use super::Tokenizer;
use super::letters::{is_java_whitespace, is_letter};
use crate::analysis::digits::is_digit;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::limits::GramLimits;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens, WORD};

/// The least and the greatest number of characters of a gram.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GramBounds {
    pub(crate) least: usize,
    pub(crate) most: usize,
}

impl GramBounds {
    pub(crate) fn new(params: Params<'_>, least: usize, most: usize) -> Result<Self> {
        let least = params.number("min_gram", least as i64)?;
        let most = params.number("max_gram", most as i64)?;
        let fault = |reason: &str| Err(AnalysisError::argument(reason));
        match (usize::try_from(least), usize::try_from(most)) {
            (Ok(least), _) if least < 1 => fault("minGram must be greater than zero"),
            (Ok(least), Ok(most)) if least > most => fault("minGram must not be greater than maxGram"),
            (Ok(least), Ok(most)) => Ok(Self { least, most }),
            _ => fault("minGram must be greater than zero"),
        }
    }
}

/// Which characters a gram may have; any where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum TokenChars {
    Letter,
    Digit,
    Whitespace,
    Punctuation,
    Symbol,
    Custom,
}

#[derive(Debug)]
pub(super) struct Grams {
    bounds: GramBounds,
    classes: BTreeSet<TokenChars>,
    custom: String,
    only_at_edge: bool,
}

impl Grams {
    pub(super) fn new(params: Params<'_>, limits: &GramLimits) -> Result<Self> {
        let bounds = GramBounds::new(params, 1, 2)?;
        limits.check_grams(bounds.least, bounds.most)?;
        Self::of(params, bounds, false)
    }

    pub(super) fn at_edge(params: Params<'_>) -> Result<Self> {
        Self::of(params, GramBounds::new(params, 1, 2)?, true)
    }

    fn of(params: Params<'_>, bounds: GramBounds, only_at_edge: bool) -> Result<Self> {
        let custom = params.text("custom_token_chars").unwrap_or_default();
        let mut classes = BTreeSet::new();
        for name in params.list("token_chars").unwrap_or_default() {
            classes.insert(match name.to_ascii_lowercase().as_str() {
                "letter" => TokenChars::Letter,
                "digit" => TokenChars::Digit,
                "whitespace" => TokenChars::Whitespace,
                "punctuation" => TokenChars::Punctuation,
                "symbol" => TokenChars::Symbol,
                "custom" if custom.is_empty() => {
                    return Err(AnalysisError::argument(
                        "Token type: 'custom' requires setting `custom_token_chars`",
                    ));
                }
                "custom" => TokenChars::Custom,
                _ => {
                    return Err(AnalysisError::argument(format!(
                        "Unknown token type: '{name}', must be one of [symbol, private_use, paragraph_separator, start_punctuation, unassigned, enclosing_mark, connector_punctuation, letter_number, other_number, math_symbol, lowercase_letter, space_separator, surrogate, initial_quote_punctuation, decimal_digit_number, digit, other_punctuation, dash_punctuation, currency_symbol, non_spacing_mark, format, modifier_letter, control, uppercase_letter, other_symbol, end_punctuation, modifier_symbol, other_letter, line_separator, titlecase_letter, letter, punctuation, combining_spacing_mark, final_quote_punctuation, whitespace, custom]"
                    )));
                }
            });
        }
        Ok(Self { bounds, classes, custom, only_at_edge })
    }

    fn has(&self, letter: char) -> bool {
        self.classes.is_empty()
            || self.classes.iter().any(|class| match class {
                TokenChars::Letter => is_letter(letter),
                TokenChars::Digit => is_digit(letter),
                TokenChars::Whitespace => is_java_whitespace(letter),
                TokenChars::Punctuation => letter.is_ascii_punctuation() && !"$+<=>^`|~".contains(letter),
                TokenChars::Symbol => "$+<=>^`|~".contains(letter),
                TokenChars::Custom => self.custom.contains(letter),
            })
    }
}

impl Tokenizer for Grams {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let words = super::letters::runs(text, usize::MAX, |letter| self.has(letter));
        Box::new(words.flat_map(|(start, word)| {
            let starts = if self.only_at_edge { 1 } else { usize::MAX };
            grams(word, self.bounds, starts)
                .map(move |(from, to)| Token::new(&word[from..to], start + from, start + to, WORD))
        }))
    }
}

/// The parts of a text by their bytes: those from each of the first `starts` characters on, the short ones first.
fn grams(text: &str, bounds: GramBounds, starts: usize) -> impl Iterator<Item = (usize, usize)> {
    text.char_indices().take(starts).flat_map(move |(from, _)| {
        let ends = text[from..].char_indices().map(move |(at, letter)| from + at + letter.len_utf8());
        ends.take(bounds.most).skip(bounds.least - 1).map(move |to| (from, to))
    })
}
