//! The `standard` tokenizer: words as UAX #29 cuts them.

use tantivy::tokenizer::{Token as Indexed, TokenStream, Tokenizer as IndexTokenizer};

use super::words::{Words, kind};
use super::{TOKEN_LENGTH, Tokenizer};
use crate::analysis::token::{Token, Tokens};

/// Words; a longer one than the bound is cut into pieces of as many characters.
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
        Box::new(pieces.map(|(start, word)| Token::new(word, start, start + word.len(), kind(word))))
    }
}

/// Words, the long ones in pieces.
struct Pieces<'a> {
    words: Words<'a>,
    /// The rest of a word that was too long.
    rest: Option<(usize, &'a str)>,
    longest: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let (start, word) = self.rest.take().or_else(|| self.words.next())?;
        if word.len() > self.longest
            && let Some((cut, _)) = word.char_indices().nth(self.longest)
        {
            self.rest = Some((start + cut, &word[cut..]));
            return Some((start, &word[..cut]));
        }
        Some((start, word))
    }
}

/// The same in lower case for the index, where most texts go through: no token is made for each word. The last word of a text
/// takes as many places as the next value of the field is away.
#[derive(Debug, Clone)]
pub(crate) struct FastStandard {
    token: Indexed,
    gap: usize,
}

impl FastStandard {
    pub(crate) fn new(gap: usize) -> Self {
        Self { token: Indexed::default(), gap }
    }
}

pub(crate) struct FastStream<'a> {
    pieces: Pieces<'a>,
    next: Option<(usize, &'a str)>,
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
        FastStream { pieces, next, gap: self.gap, token: &mut self.token }
    }
}

impl TokenStream for FastStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((start, word)) = self.next else { return false };
        self.next = self.pieces.next();
        self.token.text.clear();
        self.token.text.push_str(word);
        if word.is_ascii() {
            self.token.text.make_ascii_lowercase();
        } else {
            crate::analysis::letter_case::lowercase(&mut self.token.text);
        }
        self.token.offset_from = start;
        self.token.offset_to = start + word.len();
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
