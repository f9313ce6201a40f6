//! Analyzers as tantivy takes them: one for each pair of an analyzer and the gap between values of a field.

use std::cell::Cell;
use std::sync::Arc;

use tantivy::tokenizer::{TextAnalyzer, Token as Indexed, TokenStream, Tokenizer as IndexTokenizer};

use super::chain::{Analyzer, Filtered};
use super::token::{End, Token, Tokens};
use super::tokenizers::FastStandard;

thread_local! {
    /// Which document this thread writes. tantivy gives a tokenizer the values of a field one by one, and does not say where those of
    /// another document begin.
    static DOCUMENT: Cell<u64> = const { Cell::new(0) };
}

/// The values that this thread writes from now on are those of another document.
pub(crate) fn begin_document() {
    DOCUMENT.set(DOCUMENT.get().wrapping_add(1));
}

/// The places that values without tokens leave in front of the next value of a field of the same document.
#[derive(Debug, Clone, Default)]
pub(super) struct Owed {
    document: u64,
    places: i64,
}

impl Owed {
    /// How far the first token of the next value stands from where tantivy puts that.
    pub(super) fn before_next(&mut self) -> usize {
        let document = DOCUMENT.get();
        if self.document != document {
            *self = Self { document, places: 0 };
        }
        usize::try_from(self.places).unwrap_or_default()
    }

    /// A value had tokens.
    pub(super) fn pay(&mut self) {
        self.places = 0;
    }

    /// A value had none, and the next is so many places away. tantivy puts that one place behind it.
    pub(super) fn add(&mut self, places: usize) {
        self.places += i64::try_from(places).unwrap_or(i64::MAX).saturating_sub(1);
    }
}

/// The analyzer for the index. The last token of a text takes as many places as the next value of the field is away: tantivy puts
/// that one place behind it.
pub(crate) fn indexing(analyzer: &Arc<Analyzer>, gap: usize) -> TextAnalyzer {
    if analyzer.is_plain_standard {
        return TextAnalyzer::builder(FastStandard::new(gap)).build();
    }
    TextAnalyzer::builder(ChainTokenizer {
        analyzer: Arc::clone(analyzer),
        gap,
        filtered: None,
        owed: Owed::default(),
    })
    .build()
}

/// Any chain.
struct ChainTokenizer {
    analyzer: Arc<Analyzer>,
    gap: usize,
    filtered: Option<Filtered<'static>>,
    owed: Owed,
}

impl Clone for ChainTokenizer {
    fn clone(&self) -> Self {
        Self { analyzer: Arc::clone(&self.analyzer), gap: self.gap, filtered: None, owed: Owed::default() }
    }
}

impl IndexTokenizer for ChainTokenizer {
    type TokenStream<'a> = ChainStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> ChainStream<'a> {
        let filtered = self.filtered.insert(self.analyzer.chain.filtered(text).into_owned());
        let end = End::of(text);
        let mut tokens = self.analyzer.chain.tokens_to_end(filtered, &end);
        let next = tokens.next();
        let base = self.owed.before_next();
        match next {
            Some(_) => self.owed.pay(),
            None => self.owed.add(end.places() as usize + self.gap),
        }
        ChainStream { tokens, end, next, base, gap: self.gap, token: Indexed::default() }
    }
}

struct ChainStream<'a> {
    tokens: Tokens<'a>,
    end: End,
    next: Option<Token>,
    /// How far the first token is from the first place.
    base: usize,
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
        let base = std::mem::take(&mut self.base);
        self.token.position = self.token.position.wrapping_add(base + increment as usize);
        self.token.offset_from = token.start;
        self.token.offset_to = token.end;
        // Only what stands behind the last one counts.
        self.token.position_length =
            if self.next.is_some() { 0 } else { self.end.places() as usize + self.gap };
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
