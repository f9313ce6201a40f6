//! `jieba_index`, `jieba_search` and `smartcn_tokenizer`: Chinese words by a dictionary.
//!
//! The dictionary is the library's own, unpacked when the first text is cut and kept from then on.

use std::sync::LazyLock;

use jieba_rs::Jieba;

use super::Tokenizer;
use crate::analysis::token::{Token, Tokens, WORD};

static DICTIONARY: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// How much of a text is cut at once: what the library needs grows with it.
const PART_CHARS: usize = 4096;

#[derive(Debug)]
pub(super) struct JiebaTokenizer {
    /// Whether the words within long words are tokens too.
    with_inner_words: bool,
}

impl JiebaTokenizer {
    pub(super) fn new(with_inner_words: bool) -> Self {
        Self { with_inner_words }
    }
}

impl Tokenizer for JiebaTokenizer {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        Box::new(parts(text).flat_map(move |(from, part)| {
            let mut next_end = 0;
            let words: Vec<Token> = words(part, self.with_inner_words)
                .into_iter()
                .filter(|(_, word)| word.chars().any(is_of_word))
                .map(|(start, word)| {
                    let mut token = Token::new(word, from + start, from + start + word.len(), WORD);
                    // Words within one that was told stand at its place.
                    token.increment = u32::from(start >= next_end || !self.with_inner_words);
                    next_end = next_end.max(start + word.len());
                    token
                })
                .collect();
            words
        }))
    }
}

/// Whether a letter makes what it stands in a word.
fn is_of_word(letter: char) -> bool {
    // Most letters here are these, and are found in no table.
    matches!(letter, '\u{4e00}'..='\u{9fff}') || letter.is_alphanumeric()
}

/// Words with their bytes; the long ones first where words lie within them.
fn words(part: &str, with_inner_words: bool) -> Vec<(usize, &str)> {
    let mut at = 0;
    let mut found = Vec::new();
    for word in DICTIONARY.cut(part, true) {
        found.push((at, word));
        if with_inner_words {
            inner_words(word, at, &mut found);
        }
        at += word.len();
    }
    found
}

/// The words of two and three characters within a longer one.
fn inner_words<'a>(word: &'a str, start: usize, found: &mut Vec<(usize, &'a str)>) {
    if word.chars().take(3).count() < 3 || word.is_ascii() {
        return;
    }
    let bounds: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    let letters = bounds.len() - 1;
    for length in [2, 3] {
        if letters <= length {
            continue;
        }
        for from in 0..=letters - length {
            let inner = &word[bounds[from]..bounds[from + length]];
            if DICTIONARY.has_word(inner) {
                found.push((start + bounds[from], inner));
            }
        }
    }
}

/// A long text in parts, cut behind a sign that is in no word where there is one.
fn parts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        if rest.is_empty() {
            return None;
        }
        let limit = rest.char_indices().nth(PART_CHARS).map_or(rest.len(), |(end, _)| end);
        let end = if limit < rest.len() {
            let seam = rest[..limit].char_indices().rev().find(|(_, letter)| !letter.is_alphanumeric());
            seam.map_or(limit, |(place, letter)| place + letter.len_utf8())
        } else {
            limit
        };
        let part = (at, &rest[..end]);
        at += end;
        Some(part)
    })
}
