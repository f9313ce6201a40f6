//! `pattern_replace`: what matches an expression in a token replaced.

use super::TokenFilter;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::java_regex::{Pattern, Replacement};
use crate::analysis::params::Params;
use crate::analysis::token::Tokens;

#[derive(Debug)]
pub(super) struct PatternReplace {
    pattern: Pattern,
    replacement: Replacement,
    all: bool,
}

impl PatternReplace {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        if !params.has("pattern") {
            return Err(AnalysisError::argument(format!(
                "pattern is missing for [{}] token filter of type 'pattern_replace'",
                params.name
            )));
        }
        let pattern = params.pattern("pattern", None)?;
        let replacement = Replacement::new(&params.text("replacement").unwrap_or_default(), &pattern)?;
        Ok(Self { pattern, replacement, all: params.flag("all", true)? })
    }
}

impl TokenFilter for PatternReplace {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            token.text = self.pattern.replaced(&token.text, &self.replacement, self.all);
            token
        }))
    }

    fn is_normalizing(&self) -> bool {
        true
    }
}
