//! Filters that change the text of each token by itself.

use super::TokenFilter;
use crate::analysis::digits::digit_value;
use crate::analysis::token::Tokens;

/// A change of each token's text.
#[derive(Debug)]
pub(crate) struct Edit {
    edit: fn(&mut String),
    is_normalizing: bool,
    spares_keywords: bool,
}

impl Edit {
    /// A change of letters, which normalizers may use.
    pub(crate) fn letters(edit: fn(&mut String)) -> Self {
        Self { edit, is_normalizing: true, spares_keywords: false }
    }

    /// A change of whole words.
    pub(crate) fn words(edit: fn(&mut String)) -> Self {
        Self { edit, is_normalizing: false, spares_keywords: false }
    }

    /// A change of letters that leaves keywords as they are.
    pub(crate) fn spelling(edit: fn(&mut String)) -> Self {
        Self { edit, is_normalizing: true, spares_keywords: true }
    }
}

impl TokenFilter for Edit {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if !(self.spares_keywords && token.is_keyword) {
                (self.edit)(&mut token.text);
            }
            token
        }))
    }

    fn knows_keywords(&self) -> bool {
        self.spares_keywords
    }

    fn is_normalizing(&self) -> bool {
        self.is_normalizing
    }
}

/// Digits of all scripts as those of ASCII.
pub(crate) fn decimal_digits(text: &mut String) {
    if text.is_ascii() {
        return;
    }
    let digit = |letter: char| digit_value(letter).and_then(|value| char::from_digit(value, 10));
    *text = text.chars().map(|letter| digit(letter).unwrap_or(letter)).collect();
}

/// Without spaces at both ends, where Java's `trim` takes all control characters away too.
pub(super) fn trimmed(text: &mut String) {
    *text = text.trim_matches(|letter: char| letter <= ' ').to_owned();
}

pub(super) fn reversed(text: &mut String) {
    *text = text.chars().rev().collect();
}

/// What stands before the first apostrophe.
pub(crate) fn before_apostrophe(text: &mut String) {
    if let Some(at) = text.find(['\'', '\u{2019}']) {
        text.truncate(at);
    }
}
