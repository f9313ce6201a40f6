//! `keyword`: the whole text as one token.

use super::Tokenizer;
use crate::analysis::token::{Token, Tokens, WORD};

#[derive(Debug)]
pub(crate) struct Keyword;

impl Tokenizer for Keyword {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        // Lucene gives no token for no text, as a normalizer has it.
        Box::new((!text.is_empty()).then(|| Token::new(text, 0, text.len(), WORD)).into_iter())
    }
}
