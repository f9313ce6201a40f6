//! `pattern`, `simple_pattern` and `simple_pattern_split`: what matches an expression, or what stands between matches.

use super::Tokenizer;
use crate::analysis::error::{AnalysisError, Result};
use crate::analysis::java_regex::Pattern;
use crate::analysis::params::Params;
use crate::analysis::token::{Token, Tokens, WORD};

/// What is a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Between,
    Group(usize),
    Whole,
}

#[derive(Debug)]
pub(crate) struct PatternTokenizer {
    pattern: Pattern,
    kept: Kept,
}

impl PatternTokenizer {
    pub(crate) fn new(params: Params<'_>) -> Result<Self> {
        let pattern = params.pattern("pattern", Some(r"\W+"))?;
        let kept = match params.number("group", -1)? {
            -1 => Kept::Between,
            number => match usize::try_from(number) {
                Ok(group) if group <= pattern.groups() => Kept::Group(group),
                _ => {
                    return Err(AnalysisError::argument(format!(
                        "invalid group specified: pattern only has: {} capturing groups",
                        pattern.groups()
                    )));
                }
            },
        };
        Ok(Self { pattern, kept })
    }

    /// Of Lucene's own expressions, which without its signs for sets are Java's.
    pub(super) fn simple(params: Params<'_>, is_split: bool) -> Result<Self> {
        let text = params.text("pattern").unwrap_or_default();
        let pattern = Pattern::new(&text, "")?;
        let kept = match is_split {
            true if text.is_empty() => Kept::Whole,
            true => Kept::Between,
            false => Kept::Group(0),
        };
        Ok(Self { pattern, kept })
    }

    fn places<'a>(&'a self, text: &'a str) -> Box<dyn Iterator<Item = (usize, usize)> + 'a> {
        match self.kept {
            // Nothing to split at leaves the whole.
            Kept::Whole => Box::new(std::iter::once((0, text.len()))),
            Kept::Between => {
                let mut from = 0;
                let ends = self.pattern.matches(text).chain([(text.len(), text.len())]);
                Box::new(ends.map(move |(start, end)| (std::mem::replace(&mut from, end), start)))
            }
            Kept::Group(0) => Box::new(self.pattern.matches(text)),
            Kept::Group(number) => {
                Box::new(self.pattern.captures(text).filter_map(move |captures| {
                    captures.get(number).map(|found| (found.start(), found.end()))
                }))
            }
        }
    }
}

impl Tokenizer for PatternTokenizer {
    fn tokens<'a>(&'a self, text: &'a str) -> Tokens<'a> {
        let places = self.places(text).filter(|(from, to)| from < to);
        Box::new(places.map(|(from, to)| Token::new(&text[from..to], from, to, WORD)))
    }
}
