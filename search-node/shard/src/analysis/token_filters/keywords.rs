//! `keyword_marker` and `keyword_repeat`: tokens that stemmers leave as they are.

use std::collections::HashSet;

use super::TokenFilter;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::java_regex::Pattern;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

/// Marks tokens.
#[derive(Debug)]
pub(crate) enum KeywordMarker {
    Words { words: HashSet<String>, ignores_case: bool },
    Matching(Pattern),
}

impl KeywordMarker {
    /// Marks these words.
    pub(crate) fn of(words: impl IntoIterator<Item = String>) -> Self {
        Self::Words { words: words.into_iter().collect(), ignores_case: false }
    }

    pub(super) fn read(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[("keywords_path", "keywords")])?;
        let ignores_case = params.flag("ignore_case", false)?;
        let words = params.list("keywords");
        if params.has("keywords_pattern") {
            if words.is_some() {
                return Err(AnalysisError::argument(
                    "cannot specify both `keywords_pattern` and `keywords` or `keywords_path`",
                ));
            }
            return Ok(Self::Matching(params.pattern("keywords_pattern", None)?));
        }
        let words = words.ok_or_else(|| {
            AnalysisError::argument(
                "keyword filter requires either `keywords`, `keywords_path`, or `keywords_pattern` to be configured",
            )
        })?;
        let words = words.into_iter().map(|word| if ignores_case { word.to_lowercase() } else { word });
        Ok(Self::Words { words: words.collect(), ignores_case })
    }

    fn marks(&self, text: &str) -> bool {
        match self {
            Self::Words { words, ignores_case: false } => words.contains(text),
            Self::Words { words, ignores_case: true } => words.contains(&text.to_lowercase()),
            Self::Matching(pattern) => pattern.matches(text).any(|place| place == (0, text.len())),
        }
    }
}

impl TokenFilter for KeywordMarker {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.map(|mut token| {
            token.is_keyword |= self.marks(&token.text);
            token
        }))
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}

/// Each token twice, the first of them marked.
#[derive(Debug)]
pub(super) struct KeywordRepeat;

impl TokenFilter for KeywordRepeat {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.flat_map(|token| {
            let again = Token { increment: 0, is_keyword: false, ..token.clone() };
            [Token { is_keyword: true, ..token }, again]
        }))
    }

    fn knows_keywords(&self) -> bool {
        true
    }
}
