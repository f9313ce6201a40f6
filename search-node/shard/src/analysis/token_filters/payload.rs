//! `delimited_payload`: what stands behind a sign in a token is no part of the term. The index keeps no payloads, so that nobody
//! looks at what is cut off.

use super::TokenFilter;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::Tokens;

#[derive(Debug)]
pub(super) struct DelimitedPayload {
    delimiter: char,
}

impl DelimitedPayload {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let delimiter = params.text("delimiter").unwrap_or_else(|| "|".to_owned());
        let mut letters = delimiter.chars();
        let (Some(delimiter), None) = (letters.next(), letters.next()) else {
            return Err(AnalysisError::argument("The payload delimiter must be a single char"));
        };
        match params.text("encoding").as_deref() {
            None | Some("float" | "int" | "identity") => Ok(Self { delimiter }),
            Some(other) => Err(AnalysisError::argument(format!(
                "[encoding] of [{}] must be one of [float], [int] and [identity], but was [{other}]",
                params.name
            ))),
        }
    }
}

impl TokenFilter for DelimitedPayload {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            if let Some(at) = token.text.find(self.delimiter) {
                token.text.truncate(at);
            }
            token
        }))
    }
}
