//! The `standard` tokenizer: words as UAX #29 cuts them.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_segmentation::{UWordBoundIndices, UnicodeSegmentation};

use super::ascii_words::AsciiWords;

/// Elasticsearch's `max_token_length`: a longer word is cut into pieces of this many characters.
const TOKEN_CHARS_MAX: usize = 255;

/// Words as UAX #29 cuts them; what holds neither letter nor digit is no word.
#[derive(Debug, Clone, Default)]
pub(super) struct StandardTokenizer {
    token: Token,
}

pub(super) struct StandardStream<'a> {
    words: Words<'a>,
    /// The rest of a word that was too long.
    rest: Option<(usize, &'a str)>,
    token: &'a mut Token,
}

/// Most texts of logs are ASCII, for which the rules need no tables.
enum Words<'a> {
    Ascii(AsciiWords<'a>),
    Unicode(UWordBoundIndices<'a>),
}

impl Tokenizer for StandardTokenizer {
    type TokenStream<'a> = StandardStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> StandardStream<'a> {
        self.token.reset();
        let words = if text.is_ascii() {
            Words::Ascii(AsciiWords::of(text))
        } else {
            Words::Unicode(text.split_word_bound_indices())
        };
        StandardStream { words, rest: None, token: &mut self.token }
    }
}

impl<'a> StandardStream<'a> {
    fn next_word(&mut self) -> Option<(usize, &'a str)> {
        if let Some(rest) = self.rest.take() {
            return Some(rest);
        }
        match &mut self.words {
            Words::Ascii(words) => words.next(),
            Words::Unicode(words) => words.find(|(_, word)| word.chars().any(char::is_alphanumeric)),
        }
    }
}

impl TokenStream for StandardStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((start, word)) = self.next_word() else {
            return false;
        };
        let mut piece = word;
        if word.len() > TOKEN_CHARS_MAX
            && let Some((cut, _)) = word.char_indices().nth(TOKEN_CHARS_MAX)
        {
            piece = &word[..cut];
            self.rest = Some((start + cut, &word[cut..]));
        }
        self.token.text.clear();
        self.token.text.push_str(piece);
        self.token.offset_from = start;
        self.token.offset_to = start + piece.len();
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
