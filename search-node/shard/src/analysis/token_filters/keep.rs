//! `keep` and `keep_types`: tokens by a list of words or of types.

use hashbrown::HashSet;

use super::TokenFilter;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{End, Tokens, retain};

/// Keeps the words of a list.
#[derive(Debug)]
pub(super) struct KeepWords {
    words: HashSet<String>,
    ignores_case: bool,
}

impl KeepWords {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[("keep_words_path", "keep_words")])?;
        if params.has("enable_position_increments") {
            return Err(AnalysisError::argument(
                "enable_position_increments is not supported anymore. Please fix your analysis chain",
            ));
        }
        let words = params.list("keep_words").ok_or_else(|| {
            AnalysisError::argument("keep requires either `keep_words` or `keep_words_path` to be configured")
        })?;
        let ignores_case = params.flag("keep_words_case", false)?;
        let words = words.into_iter().map(|word| if ignores_case { word.to_lowercase() } else { word });
        Ok(Self { words: words.collect(), ignores_case })
    }
}

impl TokenFilter for KeepWords {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        retain(tokens, end, |token| match self.ignores_case {
            true => self.words.contains(&token.text.to_lowercase()),
            false => self.words.contains(&token.text),
        })
    }
}

/// Keeps the types of a list, or all others.
#[derive(Debug)]
pub(super) struct KeepTypes {
    types: HashSet<String>,
    is_including: bool,
}

impl KeepTypes {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let types = params
            .list("types")
            .filter(|types| !types.is_empty())
            .ok_or_else(|| AnalysisError::argument("keep_types requires `types` to be configured"))?;
        let is_including = match params.text("mode").map(|mode| mode.to_lowercase()).as_deref() {
            None | Some("include") => true,
            Some("exclude") => false,
            Some(_) => {
                let mode = params.text("mode").unwrap_or_default();
                return Err(AnalysisError::argument(format!(
                    "`keep_types` tokenfilter mode can only be `include` or `exclude` but was `{mode}`."
                )));
            }
        };
        Ok(Self { types: types.into_iter().collect(), is_including })
    }
}

impl TokenFilter for KeepTypes {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        retain(tokens, end, |token| self.types.contains(token.kind) == self.is_including)
    }
}
