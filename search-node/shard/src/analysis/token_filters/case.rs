//! `lowercase` and `uppercase`.

use super::TokenFilter;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::letter_case::{lower, lowercase, uppercase};
use crate::analysis::params::Params;
use crate::analysis::token::Tokens;

/// Languages whose lower case is another than that of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LowercaseLanguage {
    Any,
    Greek,
    Irish,
    Turkish,
}

impl LowercaseLanguage {
    pub(super) fn read(params: Params<'_>) -> Result<Self> {
        match params.text("language").as_deref() {
            None => Ok(Self::Any),
            Some("greek") => Ok(Self::Greek),
            Some("irish") => Ok(Self::Irish),
            Some("turkish") => Ok(Self::Turkish),
            Some(other) => {
                Err(AnalysisError::argument(format!("language [{other}] not support for lower case")))
            }
        }
    }
}

/// Puts tokens into one case.
#[derive(Debug)]
pub(crate) enum Case {
    Lower(LowercaseLanguage),
    Upper,
}

impl Case {
    pub(crate) fn lower(language: LowercaseLanguage) -> Self {
        Self::Lower(language)
    }

    fn change(&self, text: &mut String) {
        match self {
            Self::Upper => uppercase(text),
            Self::Lower(LowercaseLanguage::Any) => lowercase(text),
            Self::Lower(LowercaseLanguage::Greek) => *text = text.chars().map(greek).collect(),
            Self::Lower(LowercaseLanguage::Irish) => irish(text),
            Self::Lower(LowercaseLanguage::Turkish) => turkish(text),
        }
    }
}

impl TokenFilter for Case {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            self.change(&mut token.text);
            token
        }))
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}

/// Without accents, and one sigma.
fn greek(letter: char) -> char {
    match letter {
        'ς' => 'σ',
        'Ά' | 'ά' => 'α',
        'Έ' | 'έ' => 'ε',
        'Ή' | 'ή' => 'η',
        'Ί' | 'Ϊ' | 'ί' | 'ϊ' | 'ΐ' => 'ι',
        'Ύ' | 'Ϋ' | 'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'Ό' | 'ό' => 'ο',
        'Ώ' | 'ώ' => 'ω',
        '\u{3a2}' => 'ς',
        other => lower(other),
    }
}

/// `nAthair` and `tUisce` have a letter in front that is none of the word's.
fn irish(text: &mut String) {
    let mut letters = text.chars();
    if let (Some(first @ ('n' | 't')), Some(second)) = (letters.next(), letters.next())
        && "AEIOUÁÉÍÓÚ".contains(second)
    {
        text.insert(first.len_utf8(), '-');
    }
    lowercase(text);
}

/// `I` without a dot stays without one.
fn turkish(text: &mut String) {
    let mut made = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            'I' if letters.peek() == Some(&'\u{307}') => {
                letters.next();
                made.push('i');
            }
            'I' => made.push('ı'),
            other => made.push(lower(other)),
        }
    }
    *text = made;
}
