//! Analyzers as tantivy takes them: one for each pair of an analyzer and the gap between values of a field.

use std::sync::Arc;

use tantivy::tokenizer::{TextAnalyzer, Token as Indexed, TokenStream, Tokenizer as IndexTokenizer};

use super::chain::{Analyzer, Filtered};
use super::token::{Token, Tokens};
use super::tokenizers::FastStandard;

/// The analyzer for the index. The last token of a text takes as many places as the next value of the field is away: tantivy puts
/// that one place behind it.
pub(crate) fn indexing(analyzer: &Arc<Analyzer>, gap: usize) -> TextAnalyzer {
    if analyzer.is_plain_standard {
        return TextAnalyzer::builder(FastStandard::new(gap)).build();
    }
    TextAnalyzer::builder(ChainTokenizer { analyzer: Arc::clone(analyzer), gap, filtered: None }).build()
}

/// Any chain.
struct ChainTokenizer {
    analyzer: Arc<Analyzer>,
    gap: usize,
    filtered: Option<Filtered<'static>>,
}

impl Clone for ChainTokenizer {
    fn clone(&self) -> Self {
        Self { analyzer: Arc::clone(&self.analyzer), gap: self.gap, filtered: None }
    }
}

impl IndexTokenizer for ChainTokenizer {
    type TokenStream<'a> = ChainStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> ChainStream<'a> {
        let filtered = self.filtered.insert(self.analyzer.chain.filtered(text).into_owned());
        let mut tokens = self.analyzer.chain.tokens(filtered);
        let next = tokens.next();
        ChainStream { tokens, next, gap: self.gap, token: Indexed::default() }
    }
}

struct ChainStream<'a> {
    tokens: Tokens<'a>,
    next: Option<Token>,
    gap: usize,
    token: Indexed,
}

impl TokenStream for ChainStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(token) = self.next.take() else { return false };
        self.next = self.tokens.next();
        // The first token wraps around to the first place; one without an increment stands there too.
        let increment =
            if self.token.position == usize::MAX { token.increment.max(1) } else { token.increment };
        self.token.position = self.token.position.wrapping_add(increment as usize);
        self.token.offset_from = token.start;
        self.token.offset_to = token.end;
        self.token.position_length = if self.next.is_some() { 1 } else { self.gap };
        self.token.text = token.text;
        true
    }

    fn token(&self) -> &Indexed {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Indexed {
        &mut self.token
    }
}
