//! `length`, `truncate` and `limit`: tokens by their length and number.

use super::TokenFilter;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{End, Tokens, retain, units};

/// Leaves tokens out that are too short or too long.
#[derive(Debug)]
pub(super) struct Length {
    least: usize,
    most: usize,
}

impl Length {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let least = params.count("min", 0, 0)?;
        let most = params.count("max", i32::MAX as usize, 0)?;
        if least > most {
            return Err(AnalysisError::argument("maximum length must not be greater than minimum length"));
        }
        Ok(Self { least, most })
    }
}

impl TokenFilter for Length {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        retain(tokens, end, |token| (self.least..=self.most).contains(&units(&token.text)))
    }
}

/// Cuts tokens that are too long.
#[derive(Debug)]
pub(super) struct Truncate {
    length: usize,
}

impl Truncate {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        match params.number("length", 10)? {
            length if length > 0 => Ok(Self { length: usize::try_from(length).unwrap_or(usize::MAX) }),
            _ => Err(AnalysisError::argument("length parameter must be provided")),
        }
    }
}

impl TokenFilter for Truncate {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if let Some((end, _)) = token.text.char_indices().nth(self.length) {
                token.text.truncate(end);
            }
            token
        }))
    }
}

/// The first tokens.
#[derive(Debug)]
pub(super) struct Limit {
    most: usize,
}

impl Limit {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        Ok(Self { most: params.count("max_token_count", 1, 0)? })
    }
}

impl TokenFilter for Limit {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.take(self.most))
    }
}
