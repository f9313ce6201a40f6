//! The `standard` tokenizer: words as UAX #29 cuts them.

use tantivy::tokenizer::{Token as Indexed, TokenStream, Tokenizer as IndexTokenizer};

use super::words::{Letters, Word, Words, kind};
use super::{TOKEN_LENGTH, Tokenizer};
use crate::analysis::index_tokenizer::Owed;
use crate::analysis::letter_case::lower;
use crate::analysis::token::{Token, Tokens};

/// Words; one that is longer than the bound is cut into the words that its pieces of as many characters are.
#[derive(Debug)]
pub(crate) struct Standard {
    longest: usize,
}

impl Standard {
    pub(crate) fn new(longest: usize) -> Self {
        Self { longest }
    }
}

impl Tokenizer for Standard {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let pieces = Pieces { words: Words::of(text), rest: None, longest: self.longest };
        Box::new(
            pieces.map(|Word { start, text, .. }| Token::new(text, start, start + text.len(), kind(text))),
        )
    }
}

/// Words, the long ones in pieces.
struct Pieces<'a> {
    words: Words<'a>,
    /// The rest of a word that was too long.
    rest: Option<Word<'a>>,
    longest: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Word<'a>;

    #[inline]
    fn next(&mut self) -> Option<Word<'a>> {
        loop {
            if self.rest.is_some()
                && let Some(piece) = self.next_piece()
            {
                return Some(piece);
            }
            let word = self.words.next()?;
            if word.text.len() <= self.longest {
                return Some(word);
            }
            self.rest = Some(word);
        }
    }
}

impl<'a> Pieces<'a> {
    #[cold]
    fn next_piece(&mut self) -> Option<Word<'a>> {
        while let Some(rest) = self.rest.take() {
            if let Some(piece) = self.piece(rest) {
                return Some(piece);
            }
        }
        None
    }

    /// The first word of what may be too long, of as many letters as a token may have. None where there is none any more.
    fn piece(&mut self, word: Word<'a>) -> Option<Word<'a>> {
        let within = |from: usize| {
            let rest = &word.text[from..];
            rest.char_indices().nth(self.longest).map_or(rest, |(limit, _)| &rest[..limit])
        };
        let first = within(0);
        let skipped = Words::of(first).next().map_or(first.len(), |piece| piece.start);
        let piece = Words::of(within(skipped)).next();
        let end = skipped + piece.map_or(0, |piece| piece.start + piece.text.len());
        if end < word.text.len() {
            self.rest = Some(Word { start: word.start + end, text: &word.text[end..], ..word });
        }
        piece.map(|piece| Word { start: word.start + skipped + piece.start, ..piece })
    }
}

/// The same in lower case for the index, where most texts go through: no token is made for each word. The last word of a text
/// takes as many places as the next value of the field is away.
#[derive(Debug, Clone)]
pub(crate) struct FastStandard {
    token: Indexed,
    gap: usize,
    owed: Owed,
}

impl FastStandard {
    pub(crate) fn new(gap: usize) -> Self {
        Self { token: Indexed::default(), gap, owed: Owed::default() }
    }
}

pub(crate) struct FastStream<'a> {
    pieces: Pieces<'a>,
    next: Option<Word<'a>>,
    gap: usize,
    token: &'a mut Indexed,
}

impl IndexTokenizer for FastStandard {
    type TokenStream<'a> = FastStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> FastStream<'a> {
        self.token.reset();
        self.token.position_length = 1;
        let mut pieces = Pieces { words: Words::of(text), rest: None, longest: TOKEN_LENGTH };
        let next = pieces.next();
        // Before the first place stands nothing, which the first word is one place behind.
        self.token.position = self.token.position.wrapping_add(self.owed.before_next());
        match next {
            Some(_) => self.owed.pay(),
            None => self.owed.add(self.gap),
        }
        FastStream { pieces, next, gap: self.gap, token: &mut self.token }
    }
}

impl TokenStream for FastStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(Word { start, text, letters }) = self.next else { return false };
        self.next = self.pieces.next();
        let term = &mut self.token.text;
        term.clear();
        match letters {
            Letters::Lower => term.push_str(text),
            Letters::Capitals => {
                term.push_str(text);
                term.make_ascii_lowercase();
            }
            Letters::Any => term.extend(text.chars().map(lower)),
        }
        self.token.offset_from = start;
        self.token.offset_to = start + text.len();
        self.token.position = self.token.position.wrapping_add(1);
        if self.next.is_none() {
            self.token.position_length = self.gap;
        }
        true
    }

    fn token(&self) -> &Indexed {
        self.token
    }

    fn token_mut(&mut self) -> &mut Indexed {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However much of a word is no word by itself.
    #[test]
    fn nothing_behind_a_long_word_is_lost() {
        let text = format!("{}a{} b {}c", "_".repeat(700), "x".repeat(256), "é".repeat(255));
        let tokens = Standard::new(TOKEN_LENGTH);
        let lengths: Vec<usize> = tokens.tokens(&text).map(|token| token.text.chars().count()).collect();
        assert_eq!(lengths, [255, 192, 1, 255, 1]);
        assert!(tokens.tokens(&text).all(|token| text[token.start..token.end] == token.text));
    }
}
