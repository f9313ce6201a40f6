//! `fingerprint`: the different tokens in order, as one.

use std::collections::BTreeSet;

use super::{InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens, units};

#[derive(Debug)]
pub(crate) struct Fingerprint {
    separator: String,
    longest: usize,
}

/// The type of its token, which spans the whole text.
pub(crate) const KIND: &str = "fingerprint";

impl Fingerprint {
    pub(crate) fn read(params: Params<'_>) -> Result<Self> {
        let separator = params.text("separator").and_then(|text| text.chars().next()).unwrap_or(' ');
        Ok(Self { separator: separator.to_string(), longest: params.count("max_output_size", 255, 0)? })
    }

    fn of(&self, tokens: Tokens<'_>) -> Option<Token> {
        let (mut texts, mut length, mut end) = (BTreeSet::new(), 0, 0);
        for token in tokens {
            end = token.end;
            let more = units(&token.text);
            if texts.insert(token.text) {
                length += more + usize::from(texts.len() > 1);
            }
            // Whatever follows, there is no token then.
            if length > self.longest {
                return None;
            }
        }
        let text = texts.into_iter().collect::<Vec<_>>().join(&self.separator);
        (!text.is_empty()).then(|| Token::new(text, 0, end, KIND))
    }
}

impl TokenFilter for Fingerprint {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut tokens = Some(tokens);
        Box::new(std::iter::from_fn(move || self.of(tokens.take()?)))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
