//! `path_hierarchy`: a path, and every path above it.

use super::Tokenizer;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens, WORD};

#[derive(Debug)]
pub(super) struct PathHierarchy {
    delimiter: char,
    replacement: char,
    skip: usize,
    is_reversed: bool,
}

impl PathHierarchy {
    pub(super) fn new(params: Params<'_>) -> Result<Self> {
        let sign = |key: &str, default: char| match params.text(key) {
            None => Ok(default),
            Some(text) => {
                let mut letters = text.chars();
                match (letters.next(), letters.next()) {
                    (Some(letter), None) => Ok(letter),
                    _ => Err(AnalysisError::argument(format!("{key} must be a one char value"))),
                }
            }
        };
        let delimiter = sign("delimiter", '/')?;
        Ok(Self {
            delimiter,
            replacement: sign("replacement", delimiter)?,
            skip: params.count("skip", 0, 0)?,
            is_reversed: params.flag("reverse", false)?,
        })
    }

    fn token(&self, text: &str, from: usize, to: usize) -> Token {
        let part = &text[from..to];
        let made = if self.replacement == self.delimiter {
            part.to_owned()
        } else {
            part.chars().map(|sign| if sign == self.delimiter { self.replacement } else { sign }).collect()
        };
        Token::new(made, from, to, WORD)
    }

    /// Where names begin: behind each delimiter but for one in front.
    fn forward<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let mut delimiters: Vec<usize> = text.match_indices(self.delimiter).map(|(at, _)| at).collect();
        delimiters.push(text.len());
        // A path that begins with a delimiter has it in its first name.
        let inner: Vec<usize> = delimiters.into_iter().filter(|at| *at > 0).collect();
        let from = match self.skip {
            0 => 0,
            skip => match inner.get(skip - 1) {
                Some(from) if *from < text.len() => *from,
                _ => return Box::new(std::iter::empty()),
            },
        };
        let ends = inner.into_iter().skip(self.skip).filter(move |to| *to > from);
        Box::new(ends.enumerate().map(move |(at, to)| {
            let mut token = self.token(text, from, to);
            token.increment = u32::from(at == 0);
            token
        }))
    }

    fn backward<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let width = self.delimiter.len_utf8();
        let delimiters: Vec<usize> = text.match_indices(self.delimiter).map(|(at, _)| at).collect();
        let mut starts: Vec<usize> = vec![0];
        starts.extend(delimiters.iter().map(|at| at + width).filter(|start| *start < text.len()));
        let names = starts.len();
        let Some(kept) = names.checked_sub(self.skip) else { return Box::new(std::iter::empty()) };
        let end = if self.skip == 0 { text.len() } else { starts.get(kept).copied().unwrap_or(text.len()) };
        starts.truncate(kept);
        Box::new(starts.into_iter().filter(move |from| *from < end).enumerate().map(move |(at, from)| {
            let mut token = self.token(text, from, end);
            token.increment = u32::from(at == 0);
            token
        }))
    }
}

impl Tokenizer for PathHierarchy {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        if text.is_empty() {
            return Box::new(std::iter::empty());
        }
        if self.is_reversed { self.backward(text) } else { self.forward(text) }
    }
}
