//! `unique` and `remove_duplicates`: the same text once.

use std::collections::HashSet;

use super::TokenFilter;
use crate::analysis::token::Tokens;

/// Leaves out tokens whose text was there before, anywhere or at the same place.
#[derive(Debug)]
pub(super) struct Unique {
    only_at_same_place: bool,
}

impl Unique {
    pub(super) fn new(only_at_same_place: bool) -> Self {
        Self { only_at_same_place }
    }
}

impl TokenFilter for Unique {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut seen: HashSet<String> = HashSet::new();
        if self.only_at_same_place {
            return Box::new(tokens.filter(move |token| {
                if token.increment > 0 {
                    seen.clear();
                }
                seen.insert(token.text.clone())
            }));
        }
        // Unlike stop words, what was there before leaves no hole.
        Box::new(tokens.filter(move |token| seen.insert(token.text.clone())))
    }
}
