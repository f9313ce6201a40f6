//! `word_delimiter`: words in parts, at the places of an index.

use super::word_parts::{Part, PartOptions, Parts};
use super::{InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

#[derive(Debug)]
pub(super) struct WordDelimiter {
    options: PartOptions,
}

impl WordDelimiter {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        Ok(Self { options: PartOptions::read(params)? })
    }
}

/// What is made of one word.
struct Making<'a> {
    options: &'a PartOptions,
    token: &'a Token,
    /// How far the next token stands from the one before.
    increment: u32,
    has_output: bool,
    follows_original: bool,
    made: Vec<Token>,
    /// From where on tokens are put into order.
    sorted_from: usize,
}

/// Parts that are joined.
#[derive(Default)]
struct Joined {
    text: String,
    parts: Vec<Part>,
}

impl Joined {
    fn add(&mut self, word: &str, part: Part) {
        self.text.push_str(&word[part.from..part.to]);
        self.parts.push(part);
    }
}

impl Making<'_> {
    fn place(&mut self, is_beside: bool) -> u32 {
        let increment = self.increment;
        if self.has_output {
            self.increment = 0;
            return if is_beside { 0 } else { increment.max(1) };
        }
        self.has_output = true;
        if !self.follows_original {
            // The first one behind the original stands at its place.
            self.follows_original = true;
            return 0;
        }
        self.increment = 0;
        increment.max(1)
    }

    fn put(&mut self, from: usize, to: usize, text: String, is_beside: bool) {
        let mut token = self.token.part(from, to);
        token.text = text;
        token.increment = self.place(is_beside);
        if is_beside {
            self.increment = 0;
        }
        self.made.push(token);
    }

    /// Gives joined parts unless they are one that was given by itself; whether it did.
    fn flush(&mut self, joined: &mut Joined) -> bool {
        let joined = std::mem::take(joined);
        let (Some(first), Some(last)) = (joined.parts.first(), joined.parts.last()) else { return false };
        if joined.parts.len() == 1 && self.options.generates(first) {
            return false;
        }
        self.put(first.from, last.to, joined.text, true);
        true
    }

    fn parts(&mut self, parts: &Parts) {
        let word = self.token.text.as_str();
        if parts.is_single {
            let part = parts.parts[0];
            self.put(part.from, part.to, word[part.from..part.to].to_owned(), false);
            return;
        }
        let (mut joined, mut all) = (Joined::default(), Joined::default());
        let mut joined_last = 0;
        for part in &parts.parts {
            if joined.parts.first().is_some_and(|first| !first.is_like(part)) {
                joined_last = joined.parts.len();
                self.flush(&mut joined);
                self.has_output = false;
            }
            if self.options.catenates(part) {
                joined.add(word, *part);
            }
            if self.options.catenate_all {
                all.add(word, *part);
            }
            if self.options.generates(part) {
                self.put(part.from, part.to, word[part.from..part.to].to_owned(), false);
            }
        }
        if !joined.parts.is_empty() {
            joined_last = joined.parts.len();
            self.flush(&mut joined);
        }
        if let (Some(first), Some(last)) = (all.parts.first().copied(), all.parts.last().copied())
            && all.parts.len() > joined_last
        {
            self.put(first.from, last.to, all.text, true);
        }
        let increments: Vec<Token> = self.made.drain(self.sorted_from..).collect();
        self.made.extend(in_order(increments));
    }
}

/// By where they begin; what stands at the place of another comes behind it.
fn in_order(mut tokens: Vec<Token>) -> Vec<Token> {
    tokens.sort_by_key(|token| (token.start, std::cmp::Reverse(token.increment)));
    tokens
}

impl WordDelimiter {
    fn of_word(&self, token: Token, held: &mut u32, is_first: &mut bool) -> Vec<Token> {
        *held += token.increment;
        let parts = self.options.parts(&token.text);
        if parts.is_whole || self.options.is_protected(&token.text) {
            *is_first = false;
            return vec![Token { increment: std::mem::take(held), ..token }];
        }
        if parts.parts.is_empty() && !self.options.keeps_original {
            if token.increment == 1 && !*is_first {
                *held -= 1;
            }
            return Vec::new();
        }
        let mut making = Making {
            options: &self.options,
            token: &token,
            increment: *held,
            has_output: false,
            follows_original: !self.options.keeps_original,
            made: Vec::new(),
            sorted_from: 0,
        };
        if self.options.keeps_original {
            making.made.push(Token { increment: std::mem::take(&mut making.increment), ..token.clone() });
            making.sorted_from = 1;
        }
        if !parts.parts.is_empty() {
            making.parts(&parts);
        }
        *held = making.increment;
        let mut made = making.made;
        if let Some(first) = made.first_mut() {
            if *is_first && first.increment == 0 {
                first.increment = 1;
            }
            *is_first = false;
        }
        made
    }
}

impl TokenFilter for WordDelimiter {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let (mut held, mut is_first) = (0, true);
        Box::new(tokens.flat_map(move |token| self.of_word(token, &mut held, &mut is_first)))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
