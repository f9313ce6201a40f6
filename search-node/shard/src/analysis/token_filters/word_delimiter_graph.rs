//! `word_delimiter_graph`: words in parts, whole and joined, each on a path of its own.

use std::cmp::Reverse;

use super::word_parts::{Part, PartOptions, Parts};
use super::{InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

#[derive(Debug)]
pub(super) struct WordDelimiterGraph {
    options: PartOptions,
    adjusts_offsets: bool,
    ignores_keywords: bool,
}

/// A token that is made: its places, and the bytes it has of the word.
struct Made {
    from_place: u32,
    to_place: u32,
    from: usize,
    to: usize,
    text: String,
}

/// Parts that are joined, and the place at which they begin.
#[derive(Default)]
struct Joined {
    text: String,
    parts: Vec<Part>,
    place: u32,
}

struct Making<'a> {
    options: &'a PartOptions,
    word: &'a str,
    place: u32,
    joined_last: usize,
    made: Vec<Made>,
}

impl Making<'_> {
    fn join(&self, joined: &mut Joined, part: Part) {
        if joined.parts.is_empty() {
            joined.place = self.place;
        }
        joined.text.push_str(&self.word[part.from..part.to]);
        joined.parts.push(part);
    }

    fn write(&mut self, joined: Joined) {
        if let (Some(first), Some(last)) = (joined.parts.first(), joined.parts.last()) {
            let (from, to) = (first.from, last.to);
            self.made.push(Made {
                from_place: joined.place,
                to_place: self.place,
                from,
                to,
                text: joined.text,
            });
        }
    }

    fn flush(&mut self, joined: &mut Joined) {
        let joined = std::mem::take(joined);
        let Some(first) = joined.parts.first() else { return };
        if self.place == joined.place {
            self.place += 1;
        }
        self.joined_last = joined.parts.len();
        if joined.parts.len() != 1 || !self.options.generates(first) {
            self.write(joined);
        }
    }

    fn part(&mut self, part: Part) {
        let text = self.word[part.from..part.to].to_owned();
        let (from_place, to_place) = (self.place, self.place + 1);
        self.made.push(Made { from_place, to_place, from: part.from, to: part.to, text });
        self.place += 1;
    }

    fn parts(&mut self, parts: &Parts) {
        if parts.is_single {
            self.part(parts.parts[0]);
            return;
        }
        let (mut joined, mut all) = (Joined::default(), Joined::default());
        for part in &parts.parts {
            if joined.parts.first().is_some_and(|first| !first.is_like(part)) {
                self.flush(&mut joined);
            }
            if self.options.catenates(part) {
                self.join(&mut joined, *part);
            }
            if self.options.catenate_all {
                self.join(&mut all, *part);
            }
            if self.options.generates(part) {
                self.part(*part);
            }
        }
        self.flush(&mut joined);
        if all.parts.len() > self.joined_last {
            if self.place == all.place {
                self.place += 1;
            }
            self.write(all);
        }
    }
}

impl WordDelimiterGraph {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        Ok(Self {
            options: PartOptions::read(params)?,
            adjusts_offsets: params.flag("adjust_offsets", true)?,
            ignores_keywords: params.flag("ignore_keywords", false)?,
        })
    }

    fn of_word(&self, token: Token, held: &mut u32) -> Vec<Token> {
        if self.ignores_keywords && token.is_keyword {
            return vec![token];
        }
        *held += token.increment;
        let parts = self.options.parts(&token.text);
        if parts.is_whole || self.options.is_protected(&token.text) {
            return vec![Token { increment: std::mem::take(held), ..token }];
        }
        if parts.parts.is_empty() && !self.options.keeps_original {
            return Vec::new();
        }
        let mut making =
            Making { options: &self.options, word: &token.text, place: 0, joined_last: 0, made: Vec::new() };
        if !parts.parts.is_empty() {
            making.parts(&parts);
        }
        if self.options.keeps_original {
            let to_place = making.place.max(1);
            let (to, text) = (token.text.len(), token.text.clone());
            making.made.push(Made { from_place: 0, to_place, from: 0, to, text });
        }
        let mut made = making.made;
        made.sort_by_key(|made| {
            let longest_first =
                (Reverse(made.to_place), made.from, Reverse(made.to), Reverse(made.text.len()));
            (made.from_place, longest_first)
        });
        let mut place = 0;
        let tokens = made.into_iter().map(|made| {
            let mut part = if self.adjusts_offsets { token.part(made.from, made.to) } else { token.clone() };
            part.text = made.text;
            part.increment = std::mem::take(held) + made.from_place - place;
            part.length = made.to_place - made.from_place;
            place = made.from_place;
            part
        });
        tokens.collect()
    }
}

impl TokenFilter for WordDelimiterGraph {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut held = 0;
        Box::new(tokens.flat_map(move |token| self.of_word(token, &mut held)))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}
