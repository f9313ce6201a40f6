//! A token: a term of a text with its place, as it goes through a chain of filters.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::morphology::Morpheme;

/// One term of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// Where it begins in the text that was analyzed, in bytes.
    pub(crate) start: usize,
    /// Where it ends there.
    pub(crate) end: usize,
    /// How far it stands from the token before: 1 for the next place, 0 for the same.
    pub(crate) increment: u32,
    /// How many places it takes; more than one where it stands for several words.
    pub(crate) length: u32,
    /// What Lucene calls its type: `<ALPHANUM>`, `word`, `SYNONYM`.
    pub(crate) kind: &'static str,
    /// Whether stemmers leave it as it is.
    pub(crate) is_keyword: bool,
    /// What a dictionary says of it, where the tokenizer has one.
    pub(crate) morpheme: Option<Arc<Morpheme>>,
}

/// The tokens of a text, one after the other.
pub(crate) type Tokens<'a> = Box<dyn Iterator<Item = Token> + 'a>;

/// How many places are left out behind the last token of a text, such as those of stop words. It is known once the tokens were gone
/// through: the next text of a field stands so much further away.
#[derive(Debug, Clone, Default)]
pub(crate) struct End {
    places: Rc<Cell<u32>>,
    offset: usize,
}

impl End {
    /// That of a text.
    pub(crate) fn of(text: &str) -> Self {
        Self::of_bytes(text.len())
    }

    /// That of a text of so many bytes.
    pub(crate) fn of_bytes(offset: usize) -> Self {
        Self { places: Rc::default(), offset }
    }

    /// Where the text ends, in bytes.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn places(&self) -> u32 {
        self.places.get()
    }

    /// So many more are left out.
    pub(crate) fn add(&self, places: u32) {
        self.places.set(self.places.get().saturating_add(places));
    }

    /// So many are left out, whatever was in front.
    pub(crate) fn set(&self, places: u32) {
        self.places.set(places);
    }
}

/// The type of tokens whose tokenizer knows no types.
pub(crate) const WORD: &str = "word";
/// The type of words by UAX #29.
pub(crate) const ALPHANUM: &str = "<ALPHANUM>";
/// The types that the tokenizer `classic` gives to words with an apostrophe and to acronyms.
pub(crate) const APOSTROPHE: &str = "<APOSTROPHE>";
pub(crate) const ACRONYM: &str = "<ACRONYM>";
/// The type of what a synonym filter adds.
pub(crate) const SYNONYM: &str = "SYNONYM";

impl Token {
    /// A token of one place, next to the one before.
    pub(crate) fn new(text: impl Into<String>, start: usize, end: usize, kind: &'static str) -> Self {
        Self {
            text: text.into(),
            start,
            end,
            increment: 1,
            length: 1,
            kind,
            is_keyword: false,
            morpheme: None,
        }
    }

    /// The same place with another text.
    pub(crate) fn with_text(&self, text: impl Into<String>) -> Self {
        let Self { start, end, increment, length, kind, is_keyword, .. } = *self;
        let morpheme = self.morpheme.clone();
        Self { text: text.into(), start, end, increment, length, kind, is_keyword, morpheme }
    }

    /// The part of the token from one byte of its text to another. Its place is told as far as the text still is what stood there.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let mut part = self.with_text(&self.text[from..to]);
        if self.end - self.start == self.text.len() {
            part.start = self.start + from;
            part.end = self.start + to;
        }
        part
    }
}

/// How long a text is to Lucene, which counts in UTF-16.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Tokens with some left out; what follows is as much further away.
pub(crate) fn retain<'a>(
    mut tokens: Tokens<'a>,
    end: &End,
    mut is_kept: impl FnMut(&Token) -> bool + 'a,
) -> Tokens<'a> {
    let end = end.clone();
    let mut skipped = 0;
    Box::new(std::iter::from_fn(move || {
        for mut token in tokens.by_ref() {
            if is_kept(&token) {
                token.increment += std::mem::take(&mut skipped);
                return Some(token);
            }
            skipped += token.increment;
        }
        end.add(std::mem::take(&mut skipped));
        None
    }))
}
