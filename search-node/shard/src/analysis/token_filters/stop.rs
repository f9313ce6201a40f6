//! `stop`: common words left out.

use hashbrown::HashSet;

use super::TokenFilter;
use crate::analysis::error::Result;
use crate::analysis::params::Params;
use crate::analysis::stop_words;
use crate::analysis::token::{End, Tokens, retain};

#[derive(Debug)]
pub(crate) struct Stop {
    words: HashSet<String>,
    ignores_case: bool,
}

impl Stop {
    /// Leaves these words and lists such as `_english_` out.
    pub(crate) fn of(words: &[String]) -> Self {
        Self { words: stop_words::all(words, false), ignores_case: false }
    }

    pub(super) fn read(params: Params<'_>, default: &str) -> Result<Self> {
        params.refuse_files(&[("stopwords_path", "stopwords")])?;
        let ignores_case = params.flag("ignore_case", false)?;
        let words = params.list("stopwords").unwrap_or_else(|| vec![default.to_owned()]);
        Ok(Self { words: stop_words::all(&words, ignores_case), ignores_case })
    }
}

impl TokenFilter for Stop {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        self.filter_to_end(tokens, &End::default())
    }

    fn filter_to_end<'a>(&'a self, tokens: Tokens<'a>, end: &End) -> Tokens<'a> {
        retain(tokens, end, |token| {
            if self.ignores_case {
                !self.words.contains(&token.text.to_lowercase())
            } else {
                !self.words.contains(&token.text)
            }
        })
    }
}
