//! `fingerprint`: the different tokens in order, as one.

use std::collections::BTreeSet;

use super::{InRules, TokenFilter};
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::token::{End, Token, Tokens, units};

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
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        let (mut tokens, end) = (Some(tokens), end.clone());
        Box::new(std::iter::from_fn(move || {
            let made = tokens.take().and_then(|tokens| self.of(tokens));
            // Lucene's leaves a place behind it, whatever others left out.
            end.set(1);
            made
        }))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
