//! `char_group`: cut at characters of a set.

use std::collections::BTreeSet;

use super::letters::{is_java_whitespace, is_letter, runs};
use super::{TOKEN_LENGTH, Tokenizer};
use crate::analysis::digits::is_digit;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens, WORD};

#[derive(Debug, Default)]
pub(super) struct CharGroup {
    letters: BTreeSet<char>,
    at_whitespace: bool,
    at_letters: bool,
    at_digits: bool,
    at_punctuation: bool,
    at_symbols: bool,
    longest: usize,
}

impl CharGroup {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let longest = params.count("max_token_length", TOKEN_LENGTH, 1)?;
        let mut group = Self { longest, ..Self::default() };
        for text in params.rules("tokenize_on_chars").unwrap_or_default() {
            match text.as_str() {
                "whitespace" => group.at_whitespace = true,
                "letter" => group.at_letters = true,
                "digit" => group.at_digits = true,
                "punctuation" => group.at_punctuation = true,
                "symbol" => group.at_symbols = true,
                other => drop(group.letters.insert(sign(other)?)),
            }
        }
        Ok(group)
    }

    fn cuts(&self, letter: char) -> bool {
        self.at_whitespace && is_java_whitespace(letter)
            || self.at_letters && is_letter(letter)
            || self.at_digits && is_digit(letter)
            || self.at_punctuation && is_punctuation(letter)
            || self.at_symbols && is_symbol(letter)
            || self.letters.contains(&letter)
    }
}

fn sign(text: &str) -> Result<char> {
    let fault = || {
        AnalysisError::argument(format!(
            "invalid sequence [{text}] in [tokenize_on_chars]: a character, an escaped one or a class such as whitespace is expected"
        ))
    };
    let mut letters = text.chars();
    let sign = match (letters.next().ok_or_else(fault)?, letters.as_str()) {
        (sign, "") => sign,
        ('\\', "n") => '\n',
        ('\\', "t") => '\t',
        ('\\', "r") => '\r',
        ('\\', "f") => '\u{c}',
        ('\\', "b") => '\u{8}',
        ('\\', "\\") => '\\',
        ('\\', code) => code
            .strip_prefix('u')
            .and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?))
            .ok_or_else(fault)?,
        _ => return Err(fault()),
    };
    Ok(sign)
}

/// Signs of Unicode's groups Sm, Sc, Sk and So of ASCII; `$` and `+` are none of punctuation's.
fn is_symbol(letter: char) -> bool {
    matches!(letter, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~' | '¢'..='©' | '¬' | '®'..='±' | '´' | '¸' | '×' | '÷' | '\u{20a0}'..='\u{20cf}' | '\u{2100}'..='\u{214f}' | '\u{2190}'..='\u{23ff}' | '\u{2500}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
        && !matches!(letter, '§')
}

fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation() && !is_symbol(letter)
        || matches!(letter, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{ff01}'..='\u{ff0f}')
}

impl Tokenizer for CharGroup {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let runs = runs(text, self.longest, |letter| !self.cuts(letter));
        Box::new(runs.map(|(start, run)| Token::new(run, start, start + run.len(), WORD)))
    }
}
