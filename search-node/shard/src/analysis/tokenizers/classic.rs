//! `classic`: Lucene's tokenizer for English before UAX #29, which knows acronyms, companies, hosts and numbers.

use std::sync::LazyLock;

use fancy_regex::Regex;

use super::Tokenizer;
use crate::analysis::token::{ACRONYM, APOSTROPHE, End, Token, Tokens, units};

#[derive(Debug)]
pub(super) struct Classic {
    longest: usize,
}

/// The kinds of words, in the order in which equally long ones are chosen.
const KINDS: [(&str, &str); 10] = [
    ("alphanum", "<ALPHANUM>"),
    ("apostrophe", APOSTROPHE),
    ("acronym", ACRONYM),
    ("acronym_dep", "<ACRONYM_DEP>"),
    ("company", "<COMPANY>"),
    ("email", "<EMAIL>"),
    ("host", "<HOST>"),
    ("num", "<NUM>"),
    ("num_first", "<NUM>"),
    ("cj", "<CJ>"),
];

static WORDS: LazyLock<Vec<Option<Regex>>> = LazyLock::new(|| {
    let cj = r"\x{3040}-\x{318f}\x{3300}-\x{337f}\x{3400}-\x{3d2d}\x{4e00}-\x{9fff}\x{f900}-\x{faff}";
    let letter = format!(r"[\p{{Alphabetic}}--[{cj}]]");
    let alphanum = format!(r"(?:{letter}|[0-9\p{{Nd}}])");
    let digit = r"\p{Nd}";
    let has_digit = format!(r"(?:{alphanum}*{digit}{alphanum}*)");
    let p = r"[_\-/.,]";
    let patterns = [
        format!("{alphanum}+"),
        format!("{letter}+(?:'{letter}+)+"),
        format!(r"{letter}\.(?:{letter}\.)+"),
        format!(r"{alphanum}+\.(?:{alphanum}+\.)+"),
        format!("{letter}+[&@]{letter}+"),
        format!(r"{alphanum}+(?:[.\-_]{alphanum}+)*@{alphanum}+(?:[.\-]{alphanum}+)+"),
        format!(r"{alphanum}+(?:\.{alphanum}+)+"),
        format!("{alphanum}+{p}{has_digit}(?:{p}{alphanum}+{p}{has_digit})*(?:{p}{alphanum}+)?"),
        format!("{has_digit}{p}{alphanum}+(?:{p}{has_digit}{p}{alphanum}+)*(?:{p}{has_digit})?"),
        format!("[{cj}]"),
    ];
    patterns.iter().map(|pattern| Regex::new(&format!(r"\A{pattern}")).ok()).collect()
});

impl Classic {
    pub(super) fn new(longest: usize) -> Self {
        Self { longest }
    }
}

/// The longest word at the beginning of a text.
fn word(rest: &str) -> Option<(usize, &'static str)> {
    let mut best: Option<(usize, &'static str)> = None;
    for (regex, (_, kind)) in WORDS.iter().zip(KINDS) {
        let Some(found) = regex.as_ref().and_then(|regex| regex.find(rest).ok().flatten()) else { continue };
        if best.is_none_or(|(length, _)| found.end() > length) {
            best = Some((found.end(), kind));
        }
    }
    best
}

/// Words are looked for in this much of a text at once: the expressions look at all they are given.
const WINDOW_BYTES: usize = 1024;

impl Tokenizer for Classic {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        self.tokens_to_end(text, &End::default())
    }

    fn tokens_to_end<'a>(&'a self, text: &'a str, end: &End) -> Tokens<'a> {
        let end = end.clone();
        let mut at = 0;
        let mut skipped = 0;
        Box::new(std::iter::from_fn(move || {
            loop {
                let Some(next) = text[at..].find(char::is_alphanumeric) else {
                    end.add(std::mem::take(&mut skipped));
                    return None;
                };
                at += next;
                let window = (at + WINDOW_BYTES).min(text.len());
                let window =
                    (at..=window).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
                let Some((bytes, kind)) = word(&text[at..window]) else {
                    at += text[at..].chars().next().map_or(1, char::len_utf8);
                    continue;
                };
                let start = at;
                at += bytes;
                let found = &text[start..at];
                if units(found) > self.longest {
                    skipped += 1;
                    continue;
                }
                let mut token = match kind {
                    // Lucene takes the last dot away where it only looked like an acronym.
                    "<ACRONYM_DEP>" => Token::new(found.trim_end_matches('.'), start, at, "<HOST>"),
                    _ => Token::new(found, start, at, kind),
                };
                token.increment += std::mem::take(&mut skipped);
                return Some(token);
            }
        }))
    }
}
