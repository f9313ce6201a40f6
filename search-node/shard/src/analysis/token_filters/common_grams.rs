//! `common_grams`: common words joined with their neighbours.

use hashbrown::HashSet;

use super::{InRules, TokenFilter};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::stop_words;
use crate::analysis::token::{Token, Tokens};

const GRAM: &str = "gram";

#[derive(Debug)]
pub(super) struct CommonGrams {
    words: HashSet<String>,
    ignores_case: bool,
    is_query: bool,
}

impl CommonGrams {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[("common_words_path", "common_words")])?;
        let ignores_case = params.flag("ignore_case", false)?;
        let words = params.list("common_words").ok_or_else(|| {
            AnalysisError::argument("missing or empty [common_words] or [common_words_path] configuration for common_grams token filter")
        })?;
        Ok(Self {
            words: stop_words::all(&words, ignores_case),
            ignores_case,
            is_query: params.flag("query_mode", false)?,
        })
    }

    fn is_common(&self, token: &Token) -> bool {
        if self.ignores_case {
            self.words.contains(&token.text.to_lowercase())
        } else {
            self.words.contains(&token.text)
        }
    }

    /// Each token, and before it its pair with the one before where one of them is common.
    fn with_pairs<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let mut before: Option<Token> = None;
        Box::new(tokens.flat_map(move |token| {
            let pair = before.as_ref().filter(|before| self.is_common(before) || self.is_common(&token));
            let pair = pair.map(|before| {
                let mut pair =
                    Token::new(format!("{}_{}", before.text, token.text), before.start, token.end, GRAM);
                pair.increment = 0;
                pair.length = 2;
                pair
            });
            before = Some(token.clone());
            pair.into_iter().chain([token])
        }))
    }
}

impl TokenFilter for CommonGrams {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        let tokens = self.with_pairs(tokens);
        if !self.is_query {
            return tokens;
        }
        // For a search, what is part of a pair goes; so does the last word behind one.
        let mut tokens = tokens.peekable();
        let mut ended_in_pair = false;
        Box::new(std::iter::from_fn(move || {
            loop {
                let mut token = tokens.next()?;
                match tokens.peek() {
                    Some(next) if next.kind == GRAM => continue,
                    None if ended_in_pair && token.kind != GRAM => return None,
                    _ => {}
                }
                ended_in_pair = token.kind == GRAM;
                if ended_in_pair {
                    token.increment = 1;
                    token.length = 1;
                }
                return Some(token);
            }
        }))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
