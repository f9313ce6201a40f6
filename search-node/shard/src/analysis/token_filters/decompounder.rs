//! `dictionary_decompounder`: the words of a list that a long word is made of.

use std::collections::HashSet;

use super::{InRules, TokenFilter};
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens};

#[derive(Debug)]
pub(super) struct Decompounder {
    words: HashSet<String>,
    word_least: usize,
    part_least: usize,
    part_most: usize,
    only_longest: bool,
}

impl Decompounder {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        params.refuse_files(&[("word_list_path", "word_list")])?;
        let words = params.list("word_list").ok_or_else(|| {
            AnalysisError::argument(format!(
                "word_list must be provided for [{}], either as a path to a file, or directly",
                params.name
            ))
        })?;
        Ok(Self {
            words: words.into_iter().collect(),
            word_least: params.count("min_word_size", 5, 1)?,
            part_least: params.count("min_subword_size", 2, 1)?,
            part_most: params.count("max_subword_size", 15, 1)?,
            only_longest: params.flag("only_longest_match", false)?,
        })
    }

    fn parts(&self, text: &str) -> Vec<String> {
        let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let letters = bounds.len() - 1;
        if letters < self.word_least {
            return Vec::new();
        }
        let mut found = Vec::new();
        for from in 0..letters {
            let ends = (from + self.part_least)..=(from + self.part_most).min(letters);
            let mut parts: Vec<String> = ends
                .map(|to| &text[bounds[from]..bounds[to]])
                .filter(|part| self.words.contains(*part))
                .map(str::to_owned)
                .collect();
            if self.only_longest && parts.len() > 1 {
                parts.drain(..parts.len() - 1);
            }
            found.append(&mut parts);
        }
        found
    }
}

impl TokenFilter for Decompounder {
    fn filter<'a>(&'a self, tokens: Tokens<'a>) -> Tokens<'a> {
        Box::new(tokens.flat_map(|token| {
            let parts: Vec<Token> = self
                .parts(&token.text)
                .into_iter()
                .map(|part| Token { increment: 0, ..token.with_text(part) })
                .collect();
            std::iter::once(token).chain(parts)
        }))
    }

    fn in_rules(&self) -> InRules {
        InRules::Refused
    }
}
