//! `keyword`: the whole text as one token.

use super::Tokenizer;
use crate::analysis::token::{Token, Tokens, WORD};

#[derive(Debug)]
pub(crate) struct Keyword;

impl Tokenizer for Keyword {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        Box::new(std::iter::once(Token::new(text, 0, text.len(), WORD)))
    }
}
