//! `classic`: what the tokenizer of that name leaves of English, `'s` and the dots of acronyms, goes.

use super::TokenFilter;
use crate::analysis::token::{ACRONYM, APOSTROPHE, Tokens};

#[derive(Debug)]
pub(super) struct Classic;

impl TokenFilter for Classic {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            // The types are told by the tokenizer alone; words of others are left as they are.
            if token.kind == APOSTROPHE {
                let kept = token.text.strip_suffix("'s").or_else(|| token.text.strip_suffix("'S"));
                let kept = kept.map_or(token.text.len(), str::len);
                token.text.truncate(kept);
            } else if token.kind == ACRONYM {
                token.text.retain(|letter| letter != '.');
            }
            token
        }))
    }
}
