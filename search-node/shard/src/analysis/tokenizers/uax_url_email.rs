//! `uax_url_email`: words as UAX #29 cuts them, with addresses of pages and of mail whole.

use super::Tokenizer;
use super::addresses::{Address, address, is_mail};
use super::standard::Standard;
use crate::analysis::token::{ALPHANUM, Token, Tokens};

#[derive(Debug)]
pub(super) struct UaxUrlEmail {
    words: Standard,
    longest: usize,
}

impl UaxUrlEmail {
    pub(super) fn new(longest: usize) -> Self {
        Self { words: Standard::new(longest), longest: longest.max(1) }
    }
}

impl Tokenizer for UaxUrlEmail {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        Box::new(Scan { tokenizer: self, text, at: 0, word: None, is_last: false, without_mail: 0 })
    }
}

/// A walk over a text.
struct Scan<'a> {
    tokenizer: &'a UaxUrlEmail,
    text: &'a str,
    at: usize,
    /// The next word from where the walk is.
    word: Option<Token>,
    /// Whether there is no further word.
    is_last: bool,
    /// Up to where no address of mail begins.
    without_mail: usize,
}

/// Signs that the name in an address of mail may have, and the dot between.
fn is_of_name(sign: u8) -> bool {
    sign.is_ascii_alphanumeric() || b"!#$%&'*+,-./=?^_`{|}~".contains(&sign)
}

impl Scan<'_> {
    fn find_word(&mut self) {
        if self.is_last || self.word.as_ref().is_some_and(|word| word.start >= self.at) {
            return;
        }
        let at = self.at;
        self.word = self.tokenizer.words.tokens(&self.text[at..]).next().map(|mut word| {
            word.start += at;
            word.end += at;
            word
        });
        self.is_last = self.word.is_none();
    }

    /// As much of the text from a place on as one token may have.
    fn window(&self, from: usize) -> &str {
        let rest = &self.text[from..];
        match rest.char_indices().nth(self.tokenizer.longest) {
            Some((end, _)) => &rest[..end],
            None => rest,
        }
    }

    /// The address that begins at a place.
    fn address(&mut self, from: usize) -> Option<Address> {
        let first = *self.text.as_bytes().get(from)?;
        let may_be_page = first == b'[' || first.is_ascii_alphanumeric();
        let may_be_mail = first == b'"' || is_of_name(first);
        if !may_be_page && !may_be_mail {
            return None;
        }
        if !may_be_page && first != b'"' {
            // Signs in a row are looked through once.
            if from < self.without_mail {
                return None;
            }
            let rest = self.window(from).as_bytes();
            let name = rest.iter().take_while(|sign| is_of_name(**sign)).count();
            if !matches!(rest.get(name), Some(b'@' | b'"')) {
                self.without_mail = from + name;
                return None;
            }
        }
        address(self.window(from))
    }

    /// `mailto`, which is no word together with what follows it.
    fn is_mailto(&self, from: usize) -> bool {
        const NAME: &str = "mailto:";
        self.text.get(from..from + NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME))
            && is_mail(&self.window(from)[NAME.len().min(self.window(from).len())..])
    }

    fn take(&mut self, token: Token) -> Option<Token> {
        self.at = token.end;
        Some(token)
    }
}

impl Iterator for Scan<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.find_word();
        let word = self.word.as_ref().map(|word| (word.start, word.end));
        let limit = word.map_or(self.text.len(), |(start, _)| start);
        let (at, text) = (self.at, self.text);
        for from in text[at..].char_indices().map(|(offset, _)| at + offset).take_while(|from| *from <= limit)
        {
            let shorter = word.filter(|(start, _)| *start == from).map_or(0, |(start, end)| end - start);
            if let Some(found) = self.address(from).filter(|found| found.looked >= shorter) {
                let end = from + found.bytes;
                return self.take(Token::new(&text[from..end], from, end, found.kind));
            }
            if shorter > 0 && self.is_mailto(from) {
                let end = from + "mailto".len();
                return self.take(Token::new(&text[from..end], from, end, ALPHANUM));
            }
        }
        let word = self.word.take()?;
        self.take(word)
    }
}
