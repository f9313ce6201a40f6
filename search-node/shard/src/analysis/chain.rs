//! An analyzer: character filters, a tokenizer and token filters, one after the other.

use std::borrow::Cow;
use std::sync::Arc;

use super::char_filters::{CharFilter, Corrections};
use super::token::{End, Tokens};
use super::token_filters::{InRules, TokenFilter};
use super::tokenizers::{Keyword, Tokenizer};

/// The text after all character filters, and the way back to the text before.
pub(crate) struct Filtered<'t> {
    pub(crate) text: Cow<'t, str>,
    corrections: Vec<Corrections>,
    original_bytes: usize,
}

impl Filtered<'_> {
    /// The same for itself.
    pub(crate) fn into_owned(self) -> Filtered<'static> {
        let Self { text, corrections, original_bytes } = self;
        Filtered { text: Cow::Owned(text.into_owned()), corrections, original_bytes }
    }

    /// The place in the original text.
    fn before(&self, at: usize) -> usize {
        let place = self.corrections.iter().rev().fold(at, |at, corrections| corrections.before(at));
        place.min(self.original_bytes)
    }
}

/// What is in front of a token filter: the whole of an analyzer so far.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    pub(crate) char_filters: Vec<(String, Arc<dyn CharFilter>)>,
    pub(crate) tokenizer: (String, Arc<dyn Tokenizer>),
    pub(crate) filters: Vec<(String, Arc<dyn TokenFilter>)>,
}

impl Default for Before {
    fn default() -> Self {
        Self {
            char_filters: Vec::new(),
            tokenizer: ("keyword".to_owned(), Arc::new(Keyword)),
            filters: Vec::new(),
        }
    }
}

impl Before {
    /// The text after the character filters.
    pub(crate) fn filtered<'t>(&self, text: &'t str) -> Filtered<'t> {
        let mut filtered =
            Filtered { text: Cow::Borrowed(text), corrections: Vec::new(), original_bytes: text.len() };
        for (_, filter) in &self.char_filters {
            let (text, corrections) = filter.filter(&filtered.text);
            filtered.text = Cow::Owned(text);
            filtered.corrections.push(corrections);
        }
        filtered
    }

    /// What the tokenizer makes of a filtered text, placed in the original.
    fn cut<'a>(&'a self, filtered: &'a Filtered<'_>, end: &End) -> Tokens<'a> {
        let tokens = self.tokenizer.1.tokens_to_end(&filtered.text, end);
        if filtered.corrections.is_empty() {
            return tokens;
        }
        Box::new(tokens.map(|mut token| {
            token.start = filtered.before(token.start);
            token.end = filtered.before(token.end).max(token.start);
            token
        }))
    }

    /// The tokens after the first filters, and what is left out behind them.
    pub(crate) fn up_to<'a>(&'a self, filtered: &'a Filtered<'_>, filters: usize, end: &End) -> Tokens<'a> {
        let first = self.filters.iter().take(filters);
        let tokens =
            first.fold(self.cut(filtered, end), |tokens, (_, filter)| filter.filter_to_end(tokens, end));
        let end = filtered.original_bytes;
        Box::new(tokens.map(move |mut token| {
            // One that stands for the whole text does not know where that ends.
            if token.kind == super::token_filters::WHOLE_TEXT {
                token.end = end;
            }
            token
        }))
    }

    /// The tokens after all filters.
    pub(crate) fn tokens<'a>(&'a self, filtered: &'a Filtered<'_>) -> Tokens<'a> {
        self.tokens_to_end(filtered, &End::of_bytes(filtered.original_bytes))
    }

    /// The tokens after all filters, and what is left out behind them.
    pub(crate) fn tokens_to_end<'a>(&'a self, filtered: &'a Filtered<'_>, end: &End) -> Tokens<'a> {
        self.up_to(filtered, self.filters.len(), end)
    }

    /// The tokens of a rule of synonyms: other synonyms are no part of it.
    pub(crate) fn tokens_for_rules<'a>(&'a self, filtered: &'a Filtered<'_>) -> Tokens<'a> {
        let filters = self.filters.iter().filter(|(_, filter)| filter.in_rules() == InRules::Applied);
        filters.fold(self.cut(filtered, &End::default()), |tokens, (_, filter)| filter.filter(tokens))
    }
}

/// An analyzer with its name.
#[derive(Debug, Clone)]
pub(crate) struct Analyzer {
    pub(crate) name: String,
    pub(crate) chain: Before,
    /// Whether it is the standard analyzer without parameters, which the index has a fast way for.
    pub(crate) is_plain_standard: bool,
    /// Whether it was put together by whom it serves, so that an explanation shows its parts.
    pub(crate) is_custom: bool,
    /// How far values of one field are apart, where the field does not say.
    pub(crate) position_increment_gap: Option<u32>,
}

/// A term with its place, for a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) position: usize,
    pub(crate) length: usize,
}

impl Analyzer {
    pub(crate) fn new(name: &str, chain: Before) -> Self {
        Self {
            name: name.to_owned(),
            chain,
            is_plain_standard: false,
            is_custom: false,
            position_increment_gap: None,
        }
    }

    /// The terms of a text with their places.
    pub(crate) fn terms(&self, text: &str) -> Vec<Term> {
        self.terms_until(text, || false).map(|(terms, _)| terms).unwrap_or_default()
    }

    /// The same, and the place where the next text of a field stands if that is no further away. Nothing where `is_over` says so at one of the terms.
    pub(crate) fn terms_until(
        &self,
        text: &str,
        mut is_over: impl FnMut() -> bool,
    ) -> Option<(Vec<Term>, usize)> {
        let filtered = self.chain.filtered(text);
        let end = End::of(text);
        let (mut terms, mut position) = (Vec::new(), -1_i64);
        for token in self.chain.tokens_to_end(&filtered, &end) {
            if is_over() {
                return None;
            }
            // A first token without an increment stands at the first place too.
            position = (position + i64::from(token.increment)).max(0);
            let at = usize::try_from(position).unwrap_or_default();
            terms.push(Term { text: token.text, position: at, length: token.length as usize });
        }
        let behind = usize::try_from(position + 1).unwrap_or_default() + end.places() as usize;
        Some((terms, behind))
    }

    /// How many words a text has: places with a word, or all places, with those that are left out.
    pub(crate) fn count(&self, text: &str, with_holes: bool) -> u64 {
        let filtered = self.chain.filtered(text);
        let end = End::of(text);
        let steps = self.chain.tokens_to_end(&filtered, &end).map(|token| token.increment);
        let places: u64 = steps.map(|step| u64::from(if with_holes { step } else { step.min(1) })).sum();
        places + u64::from(if with_holes { end.places() } else { 0 })
    }

    /// Whether a text has a term of more than so many bytes.
    pub(crate) fn has_term_beyond(&self, text: &str, bytes: usize) -> bool {
        let filtered = self.chain.filtered(text);
        self.chain.tokens(&filtered).any(|token| token.text.len() > bytes)
    }

    /// Whether a text has no terms and no places of any that were left out.
    pub(crate) fn leaves_nothing(&self, text: &str) -> bool {
        let (filtered, end) = (self.chain.filtered(text), End::of(text));
        let has_terms = self.chain.tokens_to_end(&filtered, &end).next().is_some();
        !has_terms && end.places() == 0
    }

    /// A text as one term: what a normalizer makes of a value, or an analyzer of a word with wildcards.
    pub(crate) fn normalized(&self, text: &str) -> String {
        let mut made = Cow::Borrowed(text);
        for (_, filter) in self.chain.char_filters.iter().filter(|(_, filter)| filter.is_normalizing()) {
            made = Cow::Owned(filter.filter(&made).0);
        }
        let one: Tokens<'_> = Box::new(Keyword.tokens(&made));
        let filters = self.chain.filters.iter().filter(|(_, filter)| filter.is_normalizing());
        let mut tokens = filters.fold(one, |tokens, (_, filter)| filter.filter(tokens));
        tokens.next().map(|token| token.text).unwrap_or_default()
    }
}
