//! `ngram` and `edge_ngram`: parts of each token.

use super::{InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::limits::GramLimits;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};
use crate::analysis::tokenizers::{GramBounds, token_grams};

#[derive(Debug)]
pub(super) struct Grams {
    bounds: GramBounds,
    only_at_edge: bool,
    from_the_end: bool,
    keeps_original: bool,
}

impl Grams {
    pub(super) fn new(params: Params<'_>, limits: &GramLimits) -> Result<Self> {
        let bounds = GramBounds::new(params, 1, 2)?;
        limits.check_grams(bounds.least, bounds.most)?;
        let keeps_original = params.flag("preserve_original", false)?;
        Ok(Self { bounds, only_at_edge: false, from_the_end: false, keeps_original })
    }

    pub(super) fn at_edge(params: Params<'_>) -> Result<Self> {
        let bounds = GramBounds::new(params, 1, 2)?;
        let from_the_end = params.text("side").as_deref() == Some("back");
        let keeps_original = params.flag("preserve_original", false)?;
        Ok(Self { bounds, only_at_edge: true, from_the_end, keeps_original })
    }

    fn texts(&self, text: &str) -> Vec<String> {
        if self.from_the_end {
            let turned: String = text.chars().rev().collect();
            let grams = token_grams(&turned, self.bounds, true).into_iter();
            return grams.map(|(from, to)| turned[from..to].chars().rev().collect()).collect();
        }
        let grams = token_grams(text, self.bounds, self.only_at_edge).into_iter();
        grams.map(|(from, to)| text[from..to].to_owned()).collect()
    }
}

impl TokenFilter for Grams {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut skipped = 0;
        Box::new(tokens.flat_map(move |token| {
            let mut texts = self.texts(&token.text);
            let length = token.text.chars().count();
            let is_beyond = length < self.bounds.least || length > self.bounds.most;
            if self.keeps_original && is_beyond {
                texts.push(token.text.clone());
            }
            skipped += token.increment;
            let made: Vec<Token> = texts
                .into_iter()
                .map(|text| Token { increment: std::mem::take(&mut skipped), ..token.with_text(text) })
                .collect();
            made
        }))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
