//! The beginnings of each token with those behind it: what a text is found by while it is typed.

use std::collections::VecDeque;

use super::{InRules, TokenFilter};
use crate::analysis::token::{Token, Tokens};

#[derive(Debug)]
pub(crate) struct Leading {
    /// How many tokens one term begins with at most.
    words: usize,
    /// The shortest and the longest term, in letters.
    least: usize,
    most: usize,
}

impl Leading {
    pub(crate) fn new(words: usize, most: usize) -> Self {
        Self { words, least: 1, most }
    }

    /// Beginnings of single tokens, of so many letters.
    pub(crate) fn of_words(least: usize, most: usize) -> Self {
        Self { words: 1, least, most }
    }
}

impl TokenFilter for Leading {
    fn filter<'a>(&'a self, mut tokens: Tokens<'a>) -> Tokens<'a> {
        let mut window: VecDeque<Token> = VecDeque::new();
        let made = std::iter::from_fn(move || {
            window.extend(tokens.by_ref().take(self.words - window.len()));
            let first = window.front()?.clone();
            let words: Vec<&str> = window.iter().map(|token| token.text.as_str()).collect();
            let text = words.join(" ");
            window.pop_front();
            let ends = text
                .char_indices()
                .map(|(at, letter)| at + letter.len_utf8())
                .take(self.most)
                .skip(self.least - 1);
            let grams: Vec<Token> = ends
                .enumerate()
                .map(|(at, end)| Token {
                    increment: if at == 0 { first.increment } else { 0 },
                    ..first.with_text(&text[..end])
                })
                .collect();
            Some(grams)
        });
        Box::new(made.flatten())
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
